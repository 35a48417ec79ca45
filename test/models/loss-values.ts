// The loss of one phase of a model at its first weights, in float64, for pictures and labels of a test's own.
import { type NdArray, ndarray, sizeOf } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { constant } from "../../src/graph/tensor.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { Batch, DataSpec, Model } from "../../src/models/model.ts";
import { Build, drawNoise, initialState } from "../../src/nn/scope.ts";
import { wave } from "../reference/wave.ts";

/**
 * What a phase logs, and its `total`.
 * @param step the phase of the first stage, and a label for each picture, -1 for none. Pictures are always the same, in order
 */
export function lossValues(
  model: Model,
  options: Readonly<Record<string, unknown>>,
  spec: DataSpec,
  step: { readonly phase: string; readonly labels: Int32Array },
): Record<string, number> {
  const built = model.build(parseOptions(model, options), spec);
  const phase = built.stages[0]!.phases.find(({ name }) => name === step.phase)!;
  const n = step.labels.length;
  const { data } = wave([n, spec.height, spec.width, spec.channels], 0.4, 0.5);
  const x = constant(
    ndarray(
      "float32",
      [n, spec.height, spec.width, spec.channels],
      Float32Array.from(data, (v) => v + 0.5),
    ),
  );
  const batch: Batch = {
    ...{ x, views: { x }, tables: {} },
    labels: constant(ndarray("int32", [n], step.labels)),
    weights: constant(ndarray("float32", [n], new Float32Array(n).fill(1))),
    labelled: constant(
      ndarray(
        "float32",
        [n],
        Float32Array.from(step.labels, (label) => (label < 0 ? 0 : 1)),
      ),
    ),
  };
  const build = new Build(true);
  const { loss, log } = phase.loss(build.root, batch, {});
  const feeds: Record<string, NdArray> = {};
  for (const [path, value] of initialState(build.state, 1)) feeds[STATE_PREFIX + path] = value;
  for (const [path, noise] of build.noises) {
    const values = new Float32Array(sizeOf(noise.shape));
    drawNoise(noise, path, 1, 1, values);
    feeds[NOISE_PREFIX + path] = ndarray("float32", noise.shape, values);
  }
  const found = interpret([loss, ...Object.values(log)], feeds).map(({ data }) => data[0]!);
  return Object.fromEntries(["total", ...Object.keys(log)].map((name, i) => [name, found[i]!]));
}
