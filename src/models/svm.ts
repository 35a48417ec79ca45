// Support vector machines, linear and radial: what classifiers were compared with before networks.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { onesInit, zerosInit } from "../nn/init.ts";
import type { Scope } from "../nn/scope.ts";
import { type Choice, chooseLinear, chooseRadial, oneVersusRest } from "../solvers/choice.ts";
import { type Examples, foldsOf } from "../solvers/examples.ts";
import { oneVersusOne } from "../solvers/one-versus-one.ts";
import { head } from "./heads.ts";
import { defineModel, type Solution, type SolveContext, type SolveProgress } from "./model.ts";
import {
  componentsOption,
  examplesOf,
  featuresOption,
  mostTaught,
  requireRoom,
  solvedValues,
  told,
} from "./picture-values.ts";

const NUMBERS = /^(auto|(\d*\.)?\d+(e-?\d+)?(,(\d*\.)?\d+(e-?\d+)?){0,19})$/;

/** One number above 0, or several, or `auto`. */
const numbers = (doc: string) =>
  z.coerce
    .string()
    .regex(NUMBERS, "expected auto, a number above 0, or up to twenty as in 1,5,25")
    .refine((text) => text.split(",").every((one) => one === "auto" || (Number(one) > 0 && Number(one) < 1e9)), {
      message: "expected numbers above 0 and below 1e9",
    })
    .default("auto")
    .describe(doc);

const options = z.object({
  features: featuresOption,
  components: componentsOption(64),
  kernel: z.enum(["radial", "linear"]).default("radial").describe("radial: exp(-gamma |x - y|²); linear: the product"),
  cost: numbers(
    "C, what an error costs; of several the best by cross-validation. auto: 1,5,25; of a linear kernel 0.01,0.1,1,10",
  ),
  gamma: numbers(
    "gamma of the radial kernel, likewise. auto: 0.5, 1, 2 and 4 times 1 / the variance of all values of a picture",
  ),
  folds: z.number().int().min(2).max(20).default(3).describe("parts of the cross-validation"),
  sample: z.number().int().min(20).max(100_000).default(2000).describe("pictures that cross-validation takes, at most"),
});

/** Costs that are tried. */
const COSTS = { radial: [1, 5, 25], linear: [0.01, 0.1, 1, 10] };
/** Gammas that are tried, in 1 / the variance. */
const GAMMAS = [0.5, 1, 2, 4];

/** The support vector machine. */
export const svm = defineModel({
  name: "svm",
  title: "support vector machine, radial or linear (baseline, solved and not trained by steps)",
  cite: "Cortes & Vapnik 1995, Support-Vector Networks",
  options,
  buildsOnBackbone: true,
  build(o, data) {
    const values = solvedValues(o, data);
    const m = mostTaught(data);
    const k = data.classes.length;
    const given = (text: string) => (text === "auto" ? undefined : text.split(",").map(Number));

    const linear = (root: Scope, x: Tensor): Tensor => {
      const scope = root.child("machines");
      const weights = scope.param("weights", [x.shape[1]!, k], zerosInit);
      return g.mul(
        g.matmul(x, weights, false, false, scope.param("offsets", [k], zerosInit)),
        scope.param("slope", [1], onesInit),
      );
    };
    const radial = (root: Scope, x: Tensor): Tensor => {
      const [n, d] = x.shape as [number, number];
      const scope = root.child("machines");
      requireRoom(
        m * (d + k * (k + 1)),
        `${m} support vectors of ${d} values and the machines of ${k} classes`,
        "--set components or --labels",
      );
      const vectors = scope.param("vectors", [m, d], zerosInit);
      const classes = g.oneHot(g.cast(scope.param("classes", [m], zerosInit), "int32"), k);
      const coefficients = scope.param("coefficients", [m, k], zerosInit); // of a vector against each other class
      const offsets = scope.param("offsets", [k, k], zerosInit);
      const squared = g.sub(
        g.add(g.sum(g.square(x), 1, true), g.sum(g.square(vectors), 1)),
        g.mul(g.matmul(x, vectors, false, true), 2),
      );
      const kernel = g.exp(g.neg(g.mul(g.maximum(squared, 0), scope.param("gamma", [1], onesInit)))); // [n, m]
      const sides = g.mul(g.reshape(classes, [m, k, 1]), g.reshape(coefficients, [m, 1, k]));
      const own = g.reshape(g.matmul(kernel, g.reshape(sides, [m, k * k])), [n, k, k]);
      const decisions = g.add(g.sub(own, g.transpose(own, [0, 2, 1])), offsets);
      // Coupled as in `coupled`: a class against itself has decision 0, which is the 1 in its sum.
      return g.neg(g.logSumExp(g.neg(g.mul(decisions, scope.param("slope", [1], onesInit))), 2));
    };
    const classify = (scope: Scope, picture: Tensor): Tensor =>
      (o.kernel === "linear" ? linear : radial)(scope, values.rows(scope, picture));

    async function* solve(context: SolveContext): AsyncGenerator<SolveProgress, Solution> {
      const { seed, note } = context;
      const examples = await examplesOf(context, values.asked, k);
      const { rows, d, labels } = examples;
      const folds = foldsOf(examples, o.sample, o.folds, seed);
      const costs = given(o.cost) ?? COSTS[o.kernel];
      const scale = 1 / Math.max(1e-12, variance(examples));
      const gammas = given(o.gamma) ?? GAMMAS.map((factor) => factor * scale);
      const choice: Choice = yield* told(
        "cross-validation",
        o.kernel === "linear"
          ? chooseLinear(examples, folds, costs, seed)
          : chooseRadial(examples, folds, gammas, costs),
      );
      note(
        `chosen: C ${short(choice.cost)}${o.kernel === "linear" ? "" : `, gamma ${short(choice.gamma)}`}${choice.accuracy === undefined ? ", as there are too few labels for cross-validation" : `, ${(100 * choice.accuracy).toFixed(2)} % right in cross-validation`}`,
      );
      const slope = Float32Array.of(choice.slope);
      if (o.kernel === "linear") {
        const machines = yield* told("machines", oneVersusRest(examples, choice.cost, seed));
        return { "machines/weights": machines.weights, "machines/offsets": machines.offsets, "machines/slope": slope };
      }
      const [machines] = yield* told("machines", oneVersusOne(examples, choice.gamma, [choice.cost]));
      const { vectors, coefficients, offsets, unsolved } = machines!;
      note(`${vectors.length} of ${labels.length} pictures are support vectors`);
      if (unsolved > 0) note(`${unsolved} machines were given up before their optimum; a smaller C ends sooner`);
      const solution = {
        "machines/vectors": new Float32Array(m * d),
        "machines/classes": new Float32Array(m),
        "machines/coefficients": new Float32Array(m * k),
        "machines/offsets": offsets,
        "machines/gamma": Float32Array.of(choice.gamma),
        "machines/slope": slope,
      };
      for (const [at, i] of vectors.entries()) {
        solution["machines/vectors"].set(rows.subarray(i * d, (i + 1) * d), at * d);
        solution["machines/classes"][at] = labels[i]!;
      }
      solution["machines/coefficients"].set(coefficients);
      return solution;
    }

    return {
      stages: [
        ...values.stages,
        { name: "machines", phases: [], solve: { heads: [values.asked], updates: ["machines/"], run: solve } },
      ],
      best: ["accuracy", "nll"],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
        ...values.heads,
      },
    };
  },
});

const short = (value: number): string => String(Number(value.toPrecision(3)));

/** The sum over the numbers of a row of their variance. */
function variance({ rows, d }: Examples): number {
  const n = rows.length / d;
  let total = 0;
  for (let j = 0; j < d; j++) {
    let [sum, squares] = [0, 0];
    for (let at = j; at < rows.length; at += d) {
      sum += rows[at]!;
      squares += rows[at]! ** 2;
    }
    total += squares / n - (sum / n) ** 2;
  }
  return total;
}
