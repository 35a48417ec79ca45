// The nearest training pictures vote: nothing is trained, and all is kept.
import { z } from "zod";
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, type Tensor } from "../graph/tensor.ts";
import { zerosInit } from "../nn/init.ts";
import type { Scope } from "../nn/scope.ts";
import { head } from "./heads.ts";
import { defineModel } from "./model.ts";
import {
  componentsOption,
  examplesOf,
  featuresOption,
  mostTaught,
  requireRoom,
  solvedValues,
} from "./picture-values.ts";

const options = z.object({
  features: featuresOption,
  components: componentsOption(64),
  neighbours: z.number().int().min(1).max(50).default(5).describe("nearest training pictures that vote"),
  votes: z
    .enum(["distance", "equal"])
    .default("distance")
    .describe("distance: the nearer the more, by 1 / distance; equal: all the same"),
});

/** Votes that each class has beforehand, of all together as many as one neighbour: no class is impossible. */
const PRIOR = 1;
/** What is added to squared distances, as a share of the mean square of the rows: a picture itself has no endless vote. */
const NEAR = 1e-6;
/** Where an empty place is: beyond all others. */
const FAR = 1e30;

/** The k nearest neighbours. */
export const knn = defineModel({
  name: "knn",
  title: "k nearest neighbours (baseline, solved and not trained by steps)",
  cite: "Cover & Hart 1967, Nearest Neighbor Pattern Classification",
  options,
  buildsOnBackbone: true,
  build(o, data) {
    const values = solvedValues(o, data);
    const m = mostTaught(data);
    const k = data.classes.length;
    const kept = (root: Scope, d: number) => {
      const scope = root.child("neighbours");
      requireRoom(m * (d + k), `${m} pictures of ${d} values and their classes`, "--set components or --labels");
      // Squares [m] are kept, as a place without a picture has one that is far; votes [m, k] are the weights of pictures by class.
      return {
        rows: scope.param("rows", [m, d], zerosInit),
        squares: scope.param("squares", [m], zerosInit),
        votes: scope.param("votes", [m, k], zerosInit),
      };
    };
    const classify = (scope: Scope, picture: Tensor): Tensor => {
      const x = values.rows(scope, picture); // [n, d]
      const { rows, squares, votes } = kept(scope, x.shape[1]!);
      const size = g.sum(g.square(x), 1, true);
      // -|x - v|² [n, m], less what is the same for all of a row.
      let nearness = g.sub(g.mul(g.matmul(x, rows, false, true), 2), squares);
      const places = constant(
        ndarray(
          "int32",
          [m],
          Int32Array.from({ length: m }, (_, i) => i),
        ),
      );
      let sum: Tensor | undefined;
      for (let i = 0; i < Math.min(o.neighbours, m); i++) {
        // One place at a time: of pictures at the same distance the first is taken first, and each counts.
        const place = g.argmax(nearness); // int32 [n]
        const squared = g.maximum(g.sub(size, g.max(nearness, 1, true)), 0); // [n, 1]
        const floor = g.add(g.mul(size, NEAR), 1e-12);
        const weight = o.votes === "equal" ? 1 : g.div(1, g.sqrt(g.add(squared, floor)));
        const vote = g.mul(g.gather(votes, place), weight); // [n, k]
        sum = sum ? g.add(sum, vote) : vote;
        nearness = g.where(g.equal(places, g.reshape(place, [x.shape[0]!, 1])), -FAR * 4, nearness);
      }
      const total = g.add(g.sum(sum!, 1, true), 1e-12);
      const shares = g.mul(g.div(sum!, total), o.neighbours);
      return g.log(g.div(g.add(shares, PRIOR / k), o.neighbours + PRIOR));
    };
    return {
      stages: [
        ...values.stages,
        {
          name: "neighbours",
          phases: [],
          solve: {
            heads: [values.asked],
            updates: ["neighbours/"],
            async *run(context) {
              yield { what: "features of the training pictures", share: 0 };
              const { rows: found, d, labels, weights } = await examplesOf(context, values.asked, k);
              const rows = new Float32Array(m * d);
              const squares = new Float32Array(m).fill(FAR);
              const votes = new Float32Array(m * k);
              rows.set(found);
              for (const [i, label] of labels.entries()) {
                squares[i] = found.subarray(i * d, (i + 1) * d).reduce((total, v) => total + v * v, 0);
                votes[i * k + label] = weights[i]!;
              }
              return { "neighbours/rows": rows, "neighbours/squares": squares, "neighbours/votes": votes };
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
