import { describe, expect, it } from "vitest";
import { ndarray, zeros } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { STATE_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { Predictions } from "../../src/metrics/metric.ts";
import { parseOptions } from "../../src/models/index.ts";
import { multiscale } from "../../src/models/multiscale.ts";
import { overViews } from "../../src/models/test-views.ts";
import { Build, initialState } from "../../src/nn/scope.ts";
import { batchDeviation, halves, judgeFeatures, skipGenerator } from "../../src/nn/skip-generator.ts";
import { Random } from "../../src/random/random.ts";
import { compileModel } from "../../src/train/steps.ts";
import { inNumbers, meanOf, softplus } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

const small = { widths: "4-6", scales: 2, summary: 8, code: 8 };
modelTests(multiscale, [
  { ...small, adversarial: "off" },
  { ...small, adversarial: "on", generatorWidth: 4 },
  {
    ...{ ...small, adversarial: "on", generatorWidth: 4 },
    ...{ judged: "sizes", adversarialLoss: "leastSquares", classLoss: "focal" },
  },
]);

const zerosTensor = (...shape: number[]) => constant(zeros(shape));

describe("views of a picture at a test", () => {
  // 1 2 / 3 4, and logits that are the four pixels.
  const picture = constant(ndarray("float32", [1, 2, 2, 1], [1, 2, 3, 4]));
  const seen = (...[views, mirror]: [Parameters<typeof overViews>[0], boolean]) => [
    ...interpret([overViews(views, mirror, picture, g.flatten)])[0]!.data,
  ];

  it("are the picture alone, or with its mirror image where that is of its class", () => {
    expect(seen("one", true)).toEqual([1, 2, 3, 4]);
    expect(seen("mirror", true)).toEqual([1.5, 1.5, 3.5, 3.5]);
    expect(seen("mirror", false)).toEqual([1, 2, 3, 4]);
  });

  it("or also the picture moved by a pixel along the diagonal, either way, edges doubled", () => {
    // Down and to the right: 1 1 / 1 1; up and to the left: 4 4 / 4 4.
    expect(seen("six", false)).toEqual([1, 2, 3, 4].map((value) => value / 2 + 5 / 4));
    expect(seen("six", true)).toEqual([1.5, 1.5, 3.5, 3.5].map((value) => value / 2 + 5 / 4));
  });
});

it("multiscale tells the accuracy of each scale that has a class loss of its own", () => {
  const spec = { height: 8, width: 8, channels: 1, classes: ["a", "b", "c"], mirror: false };
  const metrics = (options: Record<string, unknown>) =>
    multiscale.build(parseOptions(multiscale, { ...small, ...options }), spec).metrics!;
  expect(metrics({}).map(({ name }) => name)).toEqual(["scale1Accuracy", "scale2Accuracy"]);
  // A net of two groups has no third scale.
  expect(metrics({ scales: 3 }).length).toBe(2);
  expect(metrics({ auxiliary: 0 })).toEqual([]);
  // Of four pictures with a label and one without, the largest logit is that of the label in three.
  const logits = Float32Array.from([1, 2, 0, 0, 0, 3, 4, 0, 1, 9, 0, 0, 0, 1, 0]);
  const predictions = new Predictions(new Map([["scale2", logits]]), Int32Array.from([1, 2, 0, -1, 0]), 3);
  expect(metrics({})[1]!.compute(predictions)).toBe(0.75);
});

it("multiscale tells gradients of the terms of its loss, those of what is multiplied by a weight with it", () => {
  const step = (options: Record<string, unknown>) =>
    inNumbers(multiscale, { ...small, dropout: 0, adversarial: "on", generatorWidth: 4, ...options }, 3).phase("both");
  const [one, three] = [
    step({ auxiliary: 0.125, adversarialWeight: 0.25 }),
    step({ auxiliary: 0.375, adversarialWeight: 0.75 }),
  ];
  expect(one.classGradient).toBeGreaterThan(1e-4);
  expect(three.classGradient).toBeCloseTo(one.classGradient!, 12);
  expect(three.scalesGradient! / one.scalesGradient!).toBeCloseTo(3, 9);
  expect(three.adversarialGradient! / one.adversarialGradient!).toBeCloseTo(3, 9);
});

it.each(["picture", "sizes"])("multiscale is watched where it is adversarial, and only there (judged=%s)", (judged) => {
  const spec = { height: 8, width: 8, channels: 1, classes: ["a", "b", "c"], mirror: false };
  const built = (adversarial: string, labelled: number) =>
    multiscale.build(parseOptions(multiscale, { ...small, adversarial, generatorWidth: 4, judged }), {
      ...spec,
      examples: { labelled, unlabelled: 100 },
    });
  const isWatched = (adversarial: string, labelled: number) => {
    const model = built(adversarial, labelled);
    const { watch, stages } = compileModel(model, spec, 8);
    const told = [...(watch?.losses.keys() ?? [])];
    expect(told).toEqual(watch ? stages[0]!.phases.map(({ phase }) => phase.name) : []);
    expect("sample" in model.heads).toBe(watch !== undefined);
    return watch !== undefined;
  };
  expect([isWatched("on", 200), isWatched("auto", 10), isWatched("auto", 200), isWatched("off", 10)]).toEqual([
    ...[true, true],
    ...[false, false],
  ]);
});

it.each<[string, (score: number) => number]>([
  ["hinge", (s) => -s],
  ["nonSaturating", (s) => softplus(-s)],
  ["leastSquares", (s) => (s - 0.5) ** 2 / 2],
])(
  "multiscale with adversarialLoss=%s teaches its generator by the score that it gives pictures",
  (adversarialLoss, of) => {
    // A generator that paints nothing: grey, whatever batch norm makes of its maps. One scale, as a mean of losses is not that of the mean.
    const fills = { "generator/level1/image/weights": 0, "scores/scale1/bias": 0.75 };
    const options = { ...small, adversarial: "on", generatorWidth: 4, scales: 1, adversarialLoss };
    const model = inNumbers(multiscale, options, 3, fills);
    const grey = model.tensor(new Array(3 * 64).fill(0.5), 8, 8, 1);
    const scores = model.head("discriminate", { picture: grey });
    expect(model.phase("generator").taken).toBeCloseTo(meanOf(scores.map(of)), 10);
  },
);

it("multiscale with judged=sizes looks at pictures of each size, real and generated ones of one shape", () => {
  for (const [height, width] of [
    [28, 28],
    [17, 40],
  ] as const) {
    const root = new Build(true).root;
    const size = [height, width, 3] as const;
    const made = skipGenerator(root, zerosTensor(2, 5), zerosTensor(2, 3), size, { width: 4, depth: 3 });
    const real = halves(zerosTensor(2, ...size), 3);
    expect(made.map(({ shape }) => shape)).toEqual(real.map(({ shape }) => shape));
    expect(made[2]!.shape).toEqual([2, Math.ceil(height / 4), Math.ceil(width / 4), 3]);
  }
  const step = (judged: string) =>
    inNumbers(multiscale, { ...small, adversarial: "on", generatorWidth: 4, judged }, 3, { "scores/scale1/bias": 0.5 });
  // Only what a score is made of changes: neither the class loss nor the shape of anything else.
  expect(step("sizes").phase("both").scale1).toBe(step("picture").phase("both").scale1);
  for (const phase of ["both", "generator"])
    for (const value of Object.values(step("sizes").phase(phase))) expect(value).toSatisfy(Number.isFinite);
  expect(step("sizes").phase("both").generated).not.toBeCloseTo(step("picture").phase("both").generated!, 6);
});

it("multiscale with classLoss=focal learns by (1 - p)² of the cross entropy, from each scale too", () => {
  // Nothing is known of three classes: p is 1/3.
  const fills = { "classifier/out/weights": 0, "scales/scale1/logits/weights": 0, "scales/scale2/logits/weights": 0 };
  for (const [classLoss, expected] of [
    ["crossEntropy", Math.log(3)],
    ["focal", (4 / 9) * Math.log(3)],
  ] as const) {
    const options = { ...small, adversarial: "off", auxiliary: 0.25, classLoss };
    const told = inNumbers(multiscale, options, 3, fills).phase("classifier");
    expect(told.scale1, classLoss).toBeCloseTo(expected, 10);
    expect(told.loss, classLoss).toBeCloseTo((1 + 2 * 0.25) * expected, 10);
  }
});

it("a picture that is judged by itself is one among pictures that differ as real ones have of late", () => {
  const random = new Random(1, "by itself");
  const values = new Float32Array(6 * 16);
  random.fillUniform(values);
  // The real ones differ, the generated ones half as much.
  const x = constant(
    ndarray(
      "float32",
      [6, 4, 4, 1],
      values.map((value, i) => (i < 48 ? value : value / 2)),
    ),
  );
  const real = g.sliceAxis(x, 0, 0, 3);
  const training = new Build(true);
  judgeFeatures(training.root, [x], 2);
  const state = initialState(training.state, 1);
  const valuesOf = (tensors: Tensor[]) =>
    interpret(tensors, Object.fromEntries([...state].map(([path, value]) => [STATE_PREFIX + path, value]))).map(
      ({ data }) => [...data],
    );
  const [moved, differ] = valuesOf([training.assigned.get("deviation")!, batchDeviation(real, 1)]);
  expect(moved).toEqual([expect.closeTo(0.1 * differ![0]!, 12)]);
  state.set("deviation", ndarray("float32", [1], [differ![0]!]));
  const judged = new Build(false).root;
  const [alone, first, together] = valuesOf([
    judgeFeatures(judged, [real])[0]!,
    judgeFeatures(judged, [g.sliceAxis(x, 0, 0, 1)])[0]!,
    judgeFeatures(judged, [real], 1)[0]!,
  ]);
  // The buffer is float32: six digits.
  for (const [i, value] of together!.entries()) expect(alone![i]).toBeCloseTo(value, 6);
  expect(alone!.slice(0, first!.length)).toEqual(first);
});

it("what a discriminator makes of a size joins what it made of the larger ones, and how pictures of a kind differ", () => {
  const random = new Random(1, "sizes");
  const pictures = (side: number) => {
    const values = new Float32Array(4 * side * side);
    random.fillUniform(values);
    return constant(ndarray("float32", [4, side, side, 1], values));
  };
  const [large, small, otherLarge, otherSmall] = [8, 4, 8, 4].map(pictures) as [Tensor, Tensor, Tensor, Tensor];
  // Not as in training, where spectral norms are estimated anew at each use.
  const build = new Build(false);
  const features = (...sizes: Tensor[]) => judgeFeatures(build.root, sizes, 2);
  const tensors = [...features(large, small), ...features(otherLarge, small), ...features(large, otherSmall)];
  const feeds = Object.fromEntries(
    [...initialState(build.state, 1)].map(([path, value]) => [STATE_PREFIX + path, value]),
  );
  const of = interpret(tensors, feeds).map(({ data }) => [...data]);
  // The small pictures are the same in the first two, the large ones in the first and the third.
  expect(of[3]).not.toEqual(of[1]);
  expect(of[4]).toEqual(of[0]);
  expect(of[5]).not.toEqual(of[1]);
});

it("the deviation over a batch is the mean of the standard deviation of each value, of each kind by itself", () => {
  // Two kinds of two pictures of two pixels: differences of 2 and 6, so deviations 1 and 3; then none.
  const x = constant(ndarray("float32", [4, 1, 2, 1], [1, 0, 3, 6, 5, 5, 5, 5]));
  const of = (kinds: number) => [...interpret([batchDeviation(x, kinds)])[0]!.data];
  // 1e-8 beneath the root is 1e-4 where nothing differs.
  for (const [i, value] of of(2).entries()) expect(value).toBeCloseTo(i < 4 ? 2 : 1e-4, 7);
  // NumPy: x.reshape(4, 2).std(0).mean()
  for (const value of of(1)) expect(value).toBeCloseTo((Math.sqrt(2.75) + Math.sqrt(5.5)) / 2, 7);
});

it("pictures of half the size are means of 2x2 pixels, and have no dark border where a side is odd", () => {
  const of = (values: number[], height: number, width: number) => {
    const [, half] = halves(constant(ndarray("float32", [1, height, width, 1], values)), 2);
    return [half!.shape, ...interpret([half!])[0]!.data];
  };
  expect(of([1, 2, 5, 6, 3, 4, 7, 8], 2, 4)).toEqual([[1, 1, 2, 1], 2.5, 6.5]);
  const [shape, ...white] = of(new Array(35).fill(1), 5, 7);
  expect(shape).toEqual([1, 3, 4, 1]);
  // Weights of two pixels are float32, and their sum is 1 to a rounding or two.
  for (const value of white) expect(value).toBeCloseTo(1, 6);
});

it("multiscale adds the class losses of its scales, each with the weight `auxiliary` at first", () => {
  const step = (auxiliary: number) =>
    inNumbers(multiscale, { ...small, adversarial: "off", auxiliary }, 3).phase("classifier");
  const [own, both] = [step(0), step(0.25)];
  expect(both.scale1).toBeGreaterThan(0.1);
  expect(both.scale2).toBeGreaterThan(0.1);
  expect(both.loss).toBeCloseTo(own.loss! + 0.25 * (both.scale1! + both.scale2!), 10);
});
