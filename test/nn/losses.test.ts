import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import {
  type ClassTargets,
  classLoss,
  crossEntropy,
  focalLoss,
  generalizedCrossEntropy,
  perExample,
  sigmoidCrossEntropy,
  squaredError,
  weightedMean,
} from "../../src/nn/losses.ts";

const floats = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  constant({ shape, dtype: "float32", data: Float64Array.from(values) });
const ints = (values: readonly number[]): Tensor => constant(ndarray("int32", [values.length], values));
const value = (x: Tensor): number[] => Array.from(interpret([x])[0]!.data);
const close = (values: readonly number[]) => values.map((one) => expect.closeTo(one, 12));

// Two examples of three classes; logits are logarithms of probabilities, one row shifted, which changes nothing.
const P = [
  [0.7, 0.2, 0.1],
  [0.25, 0.25, 0.5],
] as const;
const LOGITS = floats([...P[0].map(Math.log), ...P[1].map((p) => Math.log(p) + 3)], [2, 3]);

describe("cross entropy", () => {
  it("is -ln p(label)", () => {
    expect(value(crossEntropy(LOGITS, ints([1, 2])))).toEqual(close([-Math.log(0.2), -Math.log(0.5)]));
  });

  it("with smoothing s is the cross entropy against a target of 1 - s + s/k for the label and s/k for the others", () => {
    const target = (label: number) => [0, 1, 2].map((k) => (k === label ? 0.7 : 0) + 0.1);
    const expected = [1, 2].map((label, i) => -target(label).reduce((sum, t, k) => sum + t * Math.log(P[i]![k]!), 0));
    expect(value(crossEntropy(LOGITS, ints([1, 2]), 0.3))).toEqual(close(expected));
    // Least where the probabilities are the target: there it is the target's entropy.
    const entropy = -0.8 * Math.log(0.8) - 0.2 * Math.log(0.1);
    expect(value(crossEntropy(floats([0.8, 0.1, 0.1].map(Math.log), [1, 3]), ints([0]), 0.3))).toEqual(
      close([entropy]),
    );
    // All the weight on all classes alike: the label does not matter.
    expect(value(crossEntropy(LOGITS, ints([0, 0]), 1))).toEqual(close(value(crossEntropy(LOGITS, ints([2, 1]), 1))));
  });
});

/** Of a class of probability p. */
const focal = (p: number) => -((1 - p) ** 2) * Math.log(p);

describe("focal loss", () => {
  const against = (row: number, target: readonly number[]) =>
    target.reduce((sum, t, k) => sum + t * focal(P[row]![k]!), 0);

  it("is -(1 - p)² ln p of the class, of soft targets their mean, and 0 without any", () => {
    const hard = floats([0, 1, 0, 0, 0, 1], [2, 3]);
    expect(value(focalLoss(LOGITS, hard))).toEqual(close([focal(0.2), focal(0.5)]));
    const soft = [
      [0.2, 0.3, 0.5],
      [0, 0, 0],
    ];
    expect(value(focalLoss(LOGITS, floats(soft.flat(), [2, 3])))).toEqual(close([against(0, soft[0]!), 0]));
  });

  it("with smoothing s is that of targets of 1 - s + s/k for the label and s/k for the others", () => {
    const hard = floats([1, 0, 0, 0, 0, 1], [2, 3]);
    expect(value(focalLoss(LOGITS, hard, 0.3))).toEqual(
      close([against(0, [0.8, 0.1, 0.1]), against(1, [0.1, 0.1, 0.8])]),
    );
  });

  it("is finite, with a slope, where a class is certain", () => {
    const logits = floats([800, 0, -800, 800], [2, 2]);
    const loss = focalLoss(logits, floats([0, 1, 0, 1], [2, 2]));
    expect(value(loss)).toEqual(close([800, 0]));
    // By the logit of its class, of p = 0: d(-ln p) = p - 1; of p = 1: 0.
    const [slope] = grad(g.sum(loss), [logits]);
    expect(value(slope!)).toEqual(close([1, -1, 0, 0]));
  });
});

describe("a class loss", () => {
  it("may be the focal loss, of labels, soft labels and mixed pictures alike", () => {
    const own = { labels: ints([1, 2]), labelled: floats([1, 1]) };
    const mixed = { labels: ints([2, 0]), share: floats([0.75, 0.4]), labelled: floats([1, 1]) };
    const loss = (more: Partial<ClassTargets>) => value(classLoss(LOGITS, { ...own, ...more }, 0, "focal"));
    expect(loss({})).toEqual(close([(focal(0.2) + focal(0.5)) / 2]));
    expect(loss({ labels: ints([-1, 2]), labelled: floats([0, 1]) })).toEqual(close([focal(0.5)]));
    expect(loss({ soft: floats([0, 1, 0, 0, 0, 1], [2, 3]) })).toEqual(loss({}));
    expect(loss({ mixed })).toEqual(
      close([(0.75 * focal(0.2) + 0.25 * focal(0.1) + 0.4 * focal(0.5) + 0.6 * focal(0.25)) / 2]),
    );
  });

  it("is the mean over the examples with a label, and 0 without any", () => {
    const loss = (labels: number[], labelled: number[]) =>
      value(classLoss(LOGITS, { labels: ints(labels), labelled: floats(labelled) }));
    expect(loss([1, 2], [1, 1])).toEqual(close([-(Math.log(0.2) + Math.log(0.5)) / 2]));
    expect(loss([-1, 2], [0, 1])).toEqual(close([-Math.log(0.5)]));
    expect(loss([-1, -1], [0, 0])).toEqual([0]);
  });

  it("of soft labels is the cross entropy against them, that of pictures mixed in too", () => {
    const soft = [
      [0, 1, 0],
      [0.2, 0.3, 0.5],
    ];
    const against = (row: number, target: number[]) =>
      -target.reduce((sum, t, k) => sum + t * Math.log(P[row]![k]!), 0);
    const targets = { labels: ints([1, 2]), labelled: floats([1, 1]), soft: floats(soft.flat(), [2, 3]) };
    const [first, second] = [against(0, soft[0]!), against(1, soft[1]!)];
    expect(value(classLoss(LOGITS, targets))).toEqual(close([(first + second) / 2]));
    // All of it on the label: as without soft labels.
    expect(first).toBeCloseTo(-Math.log(0.2), 12);
    const smoothed = [soft[0]!, soft[1]!].map((row) => row.map((p) => 0.7 * p + 0.1));
    expect(value(classLoss(LOGITS, targets, 0.3))).toEqual(
      close([(against(0, smoothed[0]!) + against(1, smoothed[1]!)) / 2]),
    );
    const mixed = { labels: ints([2, 1]), share: floats([0.75, 0.4]), labelled: floats([1, 1]) };
    const swapped = { ...mixed, soft: floats([...soft[1]!, ...soft[0]!], [2, 3]) };
    const other = [against(0, soft[1]!), against(1, soft[0]!)];
    expect(value(classLoss(LOGITS, { ...targets, mixed: swapped }))).toEqual(
      close([(0.75 * first + 0.25 * other[0]! + 0.4 * second + 0.6 * other[1]!) / 2]),
    );
  });

  it("of mixed pictures is the mixture of the losses of both labels, by share", () => {
    const mixed = { labels: ints([2, 0]), share: floats([0.75, 0.4]), labelled: floats([1, 1]) };
    const loss = classLoss(LOGITS, { labels: ints([1, 2]), labelled: floats([1, 1]), mixed });
    const first = -0.75 * Math.log(0.2) - 0.25 * Math.log(0.1);
    const second = -0.4 * Math.log(0.5) - 0.6 * Math.log(0.25);
    expect(value(loss)).toEqual(close([(first + second) / 2]));
    // An example whose partner has no label is left out.
    const half = { ...mixed, labels: ints([2, -1]), labelled: floats([1, 0]) };
    expect(value(classLoss(LOGITS, { labels: ints([1, 2]), labelled: floats([1, 1]), mixed: half }))).toEqual(
      close([first]),
    );
  });
});

describe("sums and means", () => {
  it("perExample and squaredError sum over everything but the first axis", () => {
    const x = floats([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 1, 2]);
    expect(value(perExample(x))).toEqual([10, 26]);
    expect(value(squaredError(x, floats([0, 2, 3, 6, 5, 6, 7, 5], [2, 2, 1, 2])))).toEqual([5, 9]);
  });

  it("weightedMean leaves examples of weight 0 out, and is 0 when all have it", () => {
    expect(value(weightedMean(floats([1, 5, 100]), floats([1, 1, 0])))).toEqual([3]);
    expect(value(weightedMean(floats([1, 5, 100]), floats([0, 0, 0])))).toEqual([0]);
  });

  it("sigmoidCrossEntropy is -t ln σ(l) - (1 - t) ln(1 - σ(l)), finite for logits of ±500", () => {
    const s = 1 / (1 + Math.exp(-1.5));
    const loss = value(sigmoidCrossEntropy(floats([1.5, 500, -500]), floats([0.3, 0, 1])));
    expect(loss).toEqual(close([-0.3 * Math.log(s) - 0.7 * Math.log(1 - s), 500, 500]));
  });
});

describe("generalised cross entropy", () => {
  it("is (1 - p^q) / q, where p is the probability of the target class", () => {
    const targets = floats([0, 1, 0, 0, 0, 1], [2, 3]);
    const expected = [0.2, 0.5].map((p) => (1 - p ** 0.7) / 0.7);
    expect(value(generalizedCrossEntropy(LOGITS, targets))).toEqual(close(expected));
  });
});
