import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/base/array.ts";
import { batchInputs, MAIN_STREAM, MAIN_VIEW } from "../../src/data/batches.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { classLoss } from "../../src/nn/losses.ts";
import { batchTensors, SOFT } from "../../src/predict/batch.ts";

const INPUTS = batchInputs(MAIN_STREAM);
const stream = (mixes: boolean) => ({ name: MAIN_STREAM, size: 3, views: { [MAIN_VIEW]: "augmented" }, mixes });
const spec = { height: 2, width: 3, channels: 1, classes: ["a", "b"], mirror: false };
const value = (tensor: Tensor, feeds: Record<string, NdArray>) => [...interpret([tensor], feeds)[0]!.data];

/** Three pictures: constant 0, 100 and 200; labels a, b, none. */
const feeds: Record<string, NdArray> = {
  [INPUTS.view(MAIN_VIEW)]: ndarray(
    "uint8",
    [3, 2, 3, 1],
    Uint8Array.from({ length: 18 }, (_, i) => 100 * Math.floor(i / 6)),
  ),
  [INPUTS.labels]: ndarray("int32", [3], [0, 1, -1]),
  [INPUTS.weights]: ndarray("float32", [3], [1, 1, 1]),
  [INPUTS.partner]: ndarray("int32", [3], [1, 0, 1]),
  // mixup 0.25; a cut box over the last two columns of the first row; mixup with a partner.
  [INPUTS.mix]: ndarray(
    "float32",
    [3, 7],
    [...[0, 0, 0, 0, 1, 0.25, 0.25], ...[0, 1, 1, 3, 0, 1, 1 - 2 / 6], ...[0, 0, 0, 0, 1, 0.5, 0.5]],
  ),
};

describe("a batch", () => {
  it("mixes pictures by mixup over the whole, by cutmix inside its box", () => {
    const { mixed } = batchTensors(stream(true), spec);
    const levels = value(mixed!.x, feeds).map((v) => Math.round(v * 255));
    expect(levels.slice(0, 6)).toEqual(new Array(6).fill(75));
    expect(levels.slice(6, 12)).toEqual([100, 0, 0, 100, 100, 100]);
    expect(value(mixed!.share, feeds)[1]).toBeCloseTo(4 / 6, 6);
    // The third has no label, so its mixture has none.
    expect(value(mixed!.labelled, feeds)).toEqual([1, 1, 0]);
    expect(value(mixed!.labels, feeds)).toEqual([1, 0, 1]);
  });

  it("carries soft labels where the run has some, and those of what is mixed in", () => {
    const tables = { [SOFT]: { shape: [2], fill: 0 } };
    const rows = ndarray("float32", [3, 2], [1, 0, 0.25, 0.75, 0, 0]);
    const fed = { ...feeds, [INPUTS.table(SOFT)]: rows };
    const { soft, mixed } = batchTensors(stream(true), spec, { tables });
    expect(value(soft!, fed)).toEqual([...rows.data]);
    expect(value(mixed!.soft!, fed)).toEqual([0.25, 0.75, 1, 0, 0.25, 0.75]);
    expect(batchTensors(stream(true), spec).soft).toBeUndefined();
  });

  it("weighs the class loss by class, and mixes it by shares", () => {
    const logits = constant(ndarray("float32", [3, 2], [0, Math.log(3), Math.log(4), 0, 5, 5]));
    // -ln p: first (a) ln 4 of p(b) = 3/4; second (b) ln 5 of p(a) = 4/5.
    const [first, second] = [Math.log(4), Math.log(5)];
    const weighted = batchTensors(stream(false), spec, { classWeights: Float32Array.of(1, 3) });
    expect(value(classLoss(logits, weighted), feeds)[0]).toBeCloseTo((first + 3 * second) / 4, 6);
    const mixed = batchTensors(stream(true), spec);
    const a = 0.25 * first + 0.75 * Math.log(4 / 3);
    const b = (4 / 6) * second + (2 / 6) * Math.log(5 / 4);
    // Logits and shares are float32 numbers.
    expect(value(classLoss(logits, mixed), feeds)[0]).toBeCloseTo((a + b) / 2, 6);
  });
});
