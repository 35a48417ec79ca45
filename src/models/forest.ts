// A random forest: many trees of questions about single values of a picture.
import { z } from "zod";
import { ndarray } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { constantInit, zerosInit } from "../nn/init.ts";
import type { Scope } from "../nn/scope.ts";
import { growForest, NEVER, type Tree } from "../solvers/forest.ts";
import { head } from "./heads.ts";
import { defineModel, type Solution } from "./model.ts";
import {
  componentsOption,
  examplesOf,
  featuresOption,
  mostTaught,
  requireRoom,
  solvedValues,
  told,
} from "./picture-values.ts";

const options = z.object({
  features: featuresOption,
  components: componentsOption(0),
  trees: z.number().int().min(1).max(1000).default(100).describe("trees that vote"),
  depth: z.number().int().min(1).max(40).default(24).describe("questions from the root to a leaf, at most"),
  leaves: z.number().int().min(2).max(65536).default(4096).describe("leaves of a tree, at most"),
  least: z.number().int().min(1).max(10_000).default(1).describe("pictures of a leaf, at least"),
  tried: z
    .number()
    .int()
    .min(0)
    .max(65536)
    .default(0)
    .describe("values that a node chooses from; 0: the root of their number"),
});

/** Nodes are numbered in float32, which has every whole number up to here. */
const MOST_NODES = 1 << 24;
/** Votes that each class has beforehand, of all together as many as one tree: no class is impossible. */
const PRIOR = 1;

/** The random forest. */
export const forest = defineModel({
  name: "forest",
  title: "random forest (baseline, solved and not trained by steps)",
  cite: "Breiman 2001, Random Forests",
  options,
  buildsOnBackbone: true,
  build(o, data) {
    const values = solvedValues(o, data);
    const k = data.classes.length;
    const leaves = Math.max(2, Math.min(o.leaves, mostTaught(data)));
    const nodes = 2 * leaves - 1; // of a tree
    const all = o.trees * nodes;
    requireRoom(4 * all + o.trees * leaves * k, `${o.trees} trees of ${leaves} leaves`, "--set trees or --set leaves");
    if (all > MOST_NODES)
      fail(
        "E_OPTION",
        `${o.trees} trees of ${nodes} nodes are more than ${MOST_NODES}; ask for fewer --set leaves or trees`,
      );

    const classify = (root: Scope, picture: Tensor): Tensor => {
      const x = values.rows(root, picture);
      const scope = root.child("trees");
      const whole = (name: string) => g.cast(scope.param(name, [all], zerosInit), "int32");
      const [features, children, ends] = [whole("features"), whole("children"), whole("leaves")];
      const thresholds = scope.param("thresholds", [all], constantInit(NEVER));
      const roots = constant(
        ndarray(
          "int32",
          [o.trees],
          Int32Array.from({ length: o.trees }, (_, t) => t * nodes),
        ),
      );
      // Every tree of every picture goes one node down at a time; who is in a leaf stays there. All begin at the roots, however many
      // pictures there are: none has a number above `NEVER`.
      const none = g.cast(g.greater(g.sliceAxis(x, 1, 0, 1), NEVER), "int32"); // [n, 1]
      let place = g.add(roots, none); // [n, trees]
      for (let level = 0; level < o.depth; level++) {
        const value = g.takeAlong(x, g.gather(features, place));
        const right = g.cast(g.greater(value, g.gather(thresholds, place)), "int32");
        place = g.add(g.gather(children, place), right);
      }
      const shares = g.gather(scope.param("shares", [o.trees * leaves, k], zerosInit), g.gather(ends, place)); // [n, trees, k]
      return g.log(g.div(g.add(g.sum(shares, 1), PRIOR / k), o.trees + PRIOR));
    };

    /** The trees as the head reads them: numbers of nodes and leaves are over all trees. */
    function stateOf(trees: readonly Tree[]): Solution {
      const state = {
        "trees/features": new Float32Array(all),
        "trees/thresholds": new Float32Array(all).fill(NEVER),
        "trees/children": new Float32Array(all),
        "trees/leaves": new Float32Array(all),
        "trees/shares": new Float32Array(o.trees * leaves * k),
      };
      for (const [t, tree] of trees.entries()) {
        const from = t * nodes;
        state["trees/features"].set(tree.features, from);
        state["trees/thresholds"].set(tree.thresholds, from);
        state["trees/children"].set(
          tree.children.map((child) => from + child),
          from,
        );
        state["trees/leaves"].set(
          tree.leaves.map((leaf) => t * leaves + leaf),
          from,
        );
        state["trees/shares"].set(tree.shares, t * leaves * k);
      }
      return state;
    }

    return {
      stages: [
        ...values.stages,
        {
          name: "trees",
          phases: [],
          solve: {
            heads: [values.asked],
            updates: ["trees/"],
            async *run(context) {
              const examples = await examplesOf(context, values.asked, k);
              const tried = Math.min(examples.d, o.tried || Math.max(1, Math.round(Math.sqrt(examples.d))));
              const settings = { trees: o.trees, depth: o.depth, leaves, least: o.least, tried };
              const trees = yield* told("trees", growForest(examples, settings, context.seed));
              const mean = trees.reduce((sum, { shares }) => sum + shares.length / k, 0) / trees.length;
              context.note(`trees of ${mean.toFixed(0)} leaves`);
              return stateOf(trees);
            },
          },
        },
      ],
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
        ...values.heads,
      },
    };
  },
});
