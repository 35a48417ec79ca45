// What classical classifiers see of a picture: its pixels, histograms of its gradients, or features of a pretrained network; and of
// these, where it is asked for, the principal components.
import { z } from "zod";
import { fail } from "../base/errors.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { hog } from "../nn/hog.ts";
import { zerosInit } from "../nn/init.ts";
import type { Scope } from "../nn/scope.ts";
import { Random } from "../random/random.ts";
import type { Examples } from "../solvers/examples.ts";
import { principalComponents } from "../solvers/principal.ts";
import { backboneFeatures, pretrainedHeads } from "./backbone.ts";
import { type Heads, head } from "./heads.ts";
import type { DataSpec, SolveContext, SolveProgress, Stage } from "./model.ts";

/** The option of which values they are. */
export const featuresOption = z
  .enum(["pixels", "hog"])
  .default("pixels")
  .describe(
    "what is seen of a picture: pixels, or histograms of oriented gradients; with --backbone that network's features",
  );

/** The option of how many principal components. */
export const componentsOption = (usual: number) =>
  z
    .number()
    .int()
    .min(0)
    .max(1024)
    .default(usual)
    .describe("principal components of those values; 0: the values themselves");

/** Cells that the shorter side of a picture has, at least, and the fewest pixels of a cell. */
const [CELLS, SMALLEST] = [7, 2];

/** The values `[n, d]` of pictures `[n, h, w, c]`. */
export function pictureValues(
  features: z.infer<typeof featuresOption>,
  data: DataSpec,
  scope: Scope,
  x: Tensor,
): Tensor {
  if (data.backbone) return backboneFeatures(data.backbone, scope, x);
  if (features === "pixels") return g.flatten(x);
  const cell = Math.max(SMALLEST, Math.floor(Math.min(data.height, data.width) / CELLS));
  return g.flatten(hog(x, { cell, block: 2, bins: 9 }));
}

/** What a classifier that is solved is made on. */
export interface SolvedValues {
  /** Rows `[n, d]` that the classifier sees. */
  rows(scope: Scope, x: Tensor): Tensor;
  /** Heads that give them, and the name of that which the classifier's solve asks. */
  readonly heads: Heads;
  readonly asked: string;
  /** What is solved before. */
  readonly stages: readonly Stage[];
}

/** Pictures that the components are computed from, at most, and numbers of all of them. */
const [MEASURED_ON, MOST_NUMBERS] = [4000, 1 << 27];

/** The values, or their components where `components` is above 0. */
export function solvedValues(
  { features, components }: { features: z.infer<typeof featuresOption>; components: number },
  data: DataSpec,
): SolvedValues {
  if (data.backbone && data.backbone.frozen !== "all")
    fail("E_OPTION", "what is solved does not move the --backbone network; leave --freeze out, or say --freeze all");
  const raw = (scope: Scope, x: Tensor) => pictureValues(features, data, scope, x);
  const rawHead = head(["picture"], "features", (scope, { picture }) => raw(scope, picture));
  const known: Heads = { values: rawHead, ...pretrainedHeads(data.backbone) };
  if (components === 0) return { rows: raw, heads: known, asked: "values", stages: [] };
  const rows = (root: Scope, x: Tensor) => {
    const y = raw(root, x);
    const d = y.shape[1]!;
    const scope = root.child("principal");
    return g.matmul(g.sub(y, scope.param("mean", [d], zerosInit)), scope.param("axes", [d, components], zerosInit));
  };
  const stage: Stage = {
    name: "principal components",
    phases: [],
    solve: {
      heads: ["values"],
      updates: ["principal/"],
      async *run({ usable, seed, predict }) {
        if (usable.length === 0) fail("E_DATA_EMPTY", "there is no picture to compute components of");
        const first = await predict("values", usable.subarray(0, 1));
        const n = Math.max(1, Math.min(usable.length, MEASURED_ON, Math.floor(MOST_NUMBERS / first.length)));
        const chosen = drawn(usable, n, seed);
        const rows = await predict("values", chosen);
        const { mean, axes } = yield* told(
          "principal components",
          principalComponents(rows, first.length, components, seed),
        );
        return { "principal/mean": mean, "principal/axes": axes };
      },
    },
  };
  const rowsHead = head(["picture"], "features", (scope, { picture }) => rows(scope, picture));
  return { rows, heads: { ...known, features: rowsHead }, asked: "features", stages: [stage] };
}

/** `n` of some numbers, drawn without repetition and in rising order. */
const drawn = (from: Int32Array, n: number, seed: number): Int32Array =>
  n >= from.length
    ? from
    : new Random(seed, "drawn")
        .permutation(from.length)
        .slice(0, n)
        .map((i) => from[i]!)
        .sort();

/**
 * What a classifier of `classes` is solved on: the rows of a head for the pictures that have a weight.
 * @throws `E_DATA_EMPTY` where fewer than two classes have one
 */
export async function examplesOf(
  { weights, labels, predict }: SolveContext,
  head: string,
  classes: number,
): Promise<Examples> {
  const index = Int32Array.from(weights.keys()).filter((i) => weights[i]! > 0);
  const own = index.map((i) => labels[i]!);
  if (new Set(own).size < 2)
    fail("E_DATA_EMPTY", "pictures of at least two classes need a label; keep more of them (--labels)");
  const rows = await predict(head, index);
  return {
    rows,
    d: rows.length / index.length,
    labels: own,
    weights: Float32Array.from(index, (i) => weights[i]!),
    classes,
  };
}

/** What a solver yields, as progress of something. */
export function* told<T>(what: string, solving: Generator<number, T>): Generator<SolveProgress, T> {
  let next = solving.next();
  for (; !next.done; next = solving.next()) yield { what, share: next.value };
  return next.value;
}

/** Pictures with a label that there may be: a model keeps a place for each. Absent facts stand for a small set. */
export const mostTaught = ({ examples }: DataSpec): number => examples?.labelled ?? 100;

/** Numbers that a model keeps of the training pictures, at most. */
const MOST_KEPT = 1 << 26;

/**
 * @param advice what to ask less of, such as `--set trees`
 * @throws `E_OPTION` where a model would have to keep too much
 */
export function requireRoom(numbers: number, what: string, advice: string): void {
  if (numbers > MOST_KEPT)
    fail(
      "E_OPTION",
      `${what} are ${numbers.toLocaleString("en")} numbers; a model keeps at most ${MOST_KEPT.toLocaleString("en")}. Ask for less: ${advice}`,
    );
}
