// What the phases and heads of a model give in plain numbers, in float64, with its first weights: for tests that write its formulas out.
import { type NdArray, ndarray, sizeOf } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, SCALAR_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { applyHead, type HeadInputs } from "../../src/models/heads.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { Batch, DataSpec, Model } from "../../src/models/model.ts";
import { averagePath, Build, initialState, type NoiseSpec } from "../../src/nn/scope.ts";
import { Random } from "../../src/random/random.ts";

const SPEC: DataSpec = { height: 8, width: 8, channels: 1, classes: ["a", "b", "c"], mirror: false };

/**
 * A model on `n` random pictures of three classes, 8x8, whose noise of every kind is 0; every stream gives these.
 * @param fills parameters by path that are this number all over, in place of their first values
 */
export function inNumbers(
  model: Model,
  options: Record<string, unknown>,
  n: number,
  fills: Readonly<Record<string, number>> = {},
) {
  const built = model.build(parseOptions(model, options), SPEC);
  const random = new Random(1, "in numbers");
  const float64 = (shape: number[], value: (i: number) => number): Tensor =>
    constant({ shape, dtype: "float32", data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => value(i)) });
  const pixels = Array.from({ length: 64 * n }, () => random.uniform());
  const x = float64([n, 8, 8, 1], (i) => pixels[i]!);
  const ones = float64([n], () => 1);
  const labels = constant(
    ndarray(
      "int32",
      [n],
      Array.from({ length: n }, (_, i) => i % 3),
    ),
  );
  const batch: Batch = { x, views: { x, given: x }, labels, weights: ones, labelled: ones, tables: {} };
  const valuesOf = (build: Build, outputs: Readonly<Record<string, Tensor>>): Record<string, number[]> => {
    const feeds: Record<string, NdArray> = {};
    const pictures = ndarray("float32", [n, 8, 8, 1], Float32Array.from(pixels));
    for (const [path, value] of initialState(build.state, 1, pictures)) {
      if (path in fills) value.data.fill(fills[path]!);
      for (const at of [path, averagePath(path)]) feeds[STATE_PREFIX + at] = value;
    }
    for (const [path, at] of build.annealed)
      feeds[`${SCALAR_PREFIX}annealed/${path}`] = ndarray("float32", [], Float32Array.of(at(0)));
    for (const [path, { shape }] of build.noises as ReadonlyMap<string, NoiseSpec>)
      feeds[NOISE_PREFIX + path] = ndarray("float32", shape, new Float32Array(sizeOf(shape)));
    const values = interpret(Object.values(outputs), feeds);
    return Object.fromEntries(Object.keys(outputs).map((name, i) => [name, Array.from(values[i]!.data)]));
  };
  return {
    /** Those of the pictures, one after the other. */
    pixels,
    /** What a phase reports, by name, and its `loss`. */
    phase(name: string): Record<string, number> {
      const build = new Build(true);
      const phase = built.stages.flatMap(({ phases }) => phases).find((one) => one.name === name)!;
      const { loss, log } = phase.loss(build.root, batch, { all: batch, labelled: batch, plain: batch, real: batch });
      const values = valuesOf(build, { ...log, loss });
      return Object.fromEntries(Object.entries(values).map(([key, [value]]) => [key, value!]));
    },
    /** What a head gives, row after row. */
    head(name: string, inputs: Partial<HeadInputs> = { picture: x }): number[] {
      const build = new Build(false);
      return valuesOf(build, { out: applyHead(built.heads[name]!, build.root, n, inputs) }).out!;
    },
    /** `[n, …]` of numbers as a tensor. */
    tensor: (values: readonly number[], ...row: number[]): Tensor =>
      constant({ shape: [n, ...row], dtype: "float32", data: Float64Array.from(values) }),
  };
}

/** ln(1 + eˣ). */
export const softplus = (x: number): number => Math.log1p(Math.exp(x));

/** The mean of numbers. */
export const meanOf = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
