import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import type { Dataset, ImageSet } from "../../src/data/dataset.ts";
import * as g from "../../src/graph/ops/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { FittedQuantity, Metric, Predictions } from "../../src/metrics/metric.ts";
import { head } from "../../src/models/heads.ts";
import type { BuiltModel, DataSpec } from "../../src/models/model.ts";
import { type Initializer, zerosInit } from "../../src/nn/init.ts";
import { batchNorm, dense } from "../../src/nn/layers.ts";
import { classLoss } from "../../src/nn/losses.ts";
import { averagePath, type Scope } from "../../src/nn/scope.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { Program } from "../../src/runtime/program.ts";
import { compileModel } from "../../src/train/steps.ts";
import { type Validation, Validator } from "../../src/train/validate.ts";
import { firstState } from "../../src/train/weights.ts";
import { BACKENDS } from "../helpers.ts";
import { phase, pictures, data as tiny, train } from "./tiny.ts";

const CLASSES = 3;
const data: Dataset = { ...tiny, classes: ["a", "b", "c"] };
const WEIGHTS = [2, -1, 0.5, -3, 1, 0.25];
const weightsInit: Initializer = () => Float32Array.from(WEIGHTS);

/** Logits of a picture's two pixels, with batch normalisation in between. */
const classify = (scope: Scope, x: Tensor) =>
  dense(scope.child("classify"), batchNorm(scope.child("norm"), g.flatten(x)), CLASSES, { init: weightsInit });

/** A classifier that also gives every picture's negative. */
const model: BuiltModel = {
  stages: [
    {
      phases: [
        phase("classify", {
          updates: ["classify/", "norm/"],
          loss(scope, batch) {
            const loss = classLoss(classify(scope, batch.x), batch);
            return { loss, log: { loss } };
          },
        }),
      ],
    },
  ],
  heads: {
    classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
    reconstruct: head(["picture"], "picture", (_scope, { picture }) => g.sub(1, picture)),
  },
};

/** What the running statistics are set to, which normalises pixels p of 0..1 to 2 p - 1 but for the epsilon of 1e-5. */
const [MEAN, VARIANCE] = [0.5, 0.25];

const spec: DataSpec = { ...{ height: 1, width: 2, channels: 1 }, classes: data.classes, mirror: false };

/** Validates a set in batches of `size`. The trained weights are NaN, so that only averages can give numbers. */
async function validate(backend: Backend, validation: ImageSet | undefined, size: number): Promise<Validation> {
  const compiled = compileModel(model, spec, size);
  const state = firstState(compiled.specs, 1);
  expect(state.has(averagePath("classify/weights"))).toBe(true);
  state.set("classify/weights", ndarray("float32", [2, CLASSES], new Float32Array(2 * CLASSES).fill(Number.NaN)));
  state.set("norm/mean", ndarray("float32", [2], [MEAN, MEAN]));
  state.set("norm/variance", ndarray("float32", [2], [VARIANCE, VARIANCE]));
  const program = await Program.create(backend, [compiled.validate.graph], state);
  try {
    return await (await Validator.create(program, compiled, { ...data, validation }, 1, size)).run(compiled.metrics);
  } finally {
    await program.dispose();
  }
}

/** Accuracy, log-loss and squared error in float64, picture by picture. */
function expected(set: ImageSet, chosen = Array.from(set.labels, (_, i) => i)): Record<string, number> {
  const bytes = new Uint8Array(2);
  const rows = chosen.map((i) => {
    set.pixels.read(i, bytes, 0);
    const [p, q] = Array.from(bytes, (byte) => byte / 255) as [number, number];
    const normed = [p, q].map((pixel) => (pixel - MEAN) / Math.sqrt(VARIANCE + 1e-5));
    const logits = [0, 1, 2].map((k) => normed[0]! * WEIGHTS[k]! + normed[1]! * WEIGHTS[CLASSES + k]!);
    const label = set.labels[i]!;
    return {
      label,
      right: Number(logits[label] === Math.max(...logits)),
      nll: Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (logits[label] ?? 0),
      mse: ((1 - 2 * p) ** 2 + (1 - 2 * q) ** 2) / 2,
    };
  });
  const mean = (of: typeof rows, pick: (row: (typeof rows)[number]) => number) =>
    of.reduce((sum, row) => sum + pick(row), 0) / of.length;
  const labelled = rows.filter(({ label }) => label >= 0);
  return {
    "validation/accuracy": mean(labelled, ({ right }) => right),
    "validation/nll": mean(labelled, ({ nll }) => nll),
    "validation/mse": mean(rows, ({ mse }) => mse),
  };
}

/** Logits of size 4 in float32 (6e-8 each) give losses to about 1e-6. */
const close = (metrics: Readonly<Record<string, number>>) =>
  expect.objectContaining(
    Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, expect.closeTo(value, 5)])),
  );

describe.each(BACKENDS)("validation on $name", (backend) => {
  const seven = pictures([0, 1, 2, 2, 0, 1, 2]);

  it.each([1, 3, 7, 10])(
    "in batches of %i counts each picture once, with averaged weights and running statistics",
    async (size) => {
      const { metrics, fit } = await validate(backend, seven, size);
      expect(metrics).toEqual(close(expected(seven)));
      expect([...(await fit(true)).keys()]).toEqual(["temperature"]);
    },
  );

  it("counts pictures without a label in what needs none, and leaves them out of class metrics", async () => {
    const some = pictures([0, -1, 2, -1, -1, 1, 2]);
    expect((await validate(backend, some, 3)).metrics).toEqual(close(expected(some)));
  });

  it("without any label gives no class metric and fits no temperature", async () => {
    const none = pictures([-1, -1, -1, -1]);
    const { metrics, fit } = await validate(backend, none, 3);
    expect(metrics).toEqual({ "validation/mse": expect.closeTo(expected(none)["validation/mse"]!, 5) });
    expect((await fit(true)).size).toBe(0);
  });

  it("leaves out pictures that do not decode", async () => {
    const damaged = { ...seven, pixels: { ...seven.pixels, usable: (i: number) => i !== 3 } };
    expect((await validate(backend, damaged, 3)).metrics).toEqual(close(expected(seven, [0, 1, 2, 4, 5, 6])));
  });

  it("without pictures gives nothing", async () => {
    for (const set of [undefined, pictures([])]) {
      const { metrics, fit } = await validate(backend, set, 3);
      expect([metrics, (await fit(true)).size]).toEqual([{}, 0]);
    }
  });
});

describe("what is slow to fit", () => {
  // Stopped with the epoch, and in it.
  it.each([2, 1])(
    "is fitted where a run is stopped before any checkpoint was the best: batches of %i",
    async (batch) => {
      const slow = {
        name: "own",
        needs: ["classify"],
        slow: true as const,
        fit: () => ({ own: ndarray("float32", [], [1]) }),
      };
      let asked = 0;
      const { saves, end } = await train(
        { ...model, fitted: [slow] },
        { data, batch, epochs: 5, interrupted: () => ++asked === 1 },
      );
      expect(end.reason).toBe("interrupted");
      expect(saves.at(-1)!.snapshot.fitted.has("own")).toBe(true);
    },
  );
});

describe("what is fitted with the help of training pictures", () => {
  const own = (needs: readonly string[], most: number) => {
    const given: (Predictions | undefined)[] = [];
    const quantity: FittedQuantity = {
      ...{ name: "own", needs: ["classify"], slow: true, ofTraining: { needs, uses: ["elbo"], most } },
      fit(_, training) {
        given.push(training);
        return {};
      },
    };
    return { quantity, given };
  };
  const fitted = async (needs: readonly string[], most: number, set: ImageSet) => {
    const { quantity, given } = own(needs, most);
    await train({ ...model, fitted: [quantity] }, { data: { ...data, train: set }, epochs: 1 });
    return given.at(-1);
  };
  const seven = pictures([0, 1, 2, 2, -1, 1, 2]);

  it("is given what the model says of those that decode, of its own source", async () => {
    const pixels = { ...seven.pixels, usable: (i: number) => i !== 3 };
    const found = (await fitted(["classify"], 100, { ...seven, pixels, added: { count: 2, share: 0.1 } }))!;
    expect([...found.labels]).toEqual([0, 1, 2, -1]);
    expect([...found.outputs.keys()]).toEqual(["classify"]);
    expect(found.output("classify").length).toBe(4 * CLASSES);
    expect([...found.labelsOrAnswers].every((label) => label >= 0)).toBe(true);
  });

  it("is given some of many, and nothing where the model does not give what is needed", async () => {
    const many = pictures(Array.from({ length: 90 }, (_, i) => i % 3));
    const { labels } = (await fitted(["classify"], 30, many))!;
    // Evenly spread, so that each class has its share.
    expect(Math.abs(labels.length - 30)).toBeLessThan(3);
    expect(new Set(labels).size).toBe(3);
    expect(await fitted(["encode"], 30, many)).toBeUndefined();
  });
});

describe("the metrics of validation", () => {
  const namesOf = (built: BuiltModel) => compileModel(built, spec, 2).metrics.map(({ name }) => name);
  const sample = head([], "picture", (scope, { n }) => g.sigmoid(scope.child("sample").noise("z", [n, 1, 2, 1])));
  const own = (name: string, needs: string[]): Metric => ({
    ...{ name, title: name, better: "higher", unit: "", needs },
    compute: () => 1,
  });

  it("are those whose outputs the heads give, the model's own among them; a slow one only if it chooses the best", () => {
    const { classify: _, ...others } = model.heads;
    expect(namesOf({ ...model, heads: others })).toEqual(["mse"]);
    const painter = { ...model, heads: { sample }, metrics: [own("own", ["thumbnail"])] };
    expect(namesOf(painter)).toEqual(["own"]);
    expect(namesOf({ ...painter, best: ["kernelDistance"] })).toEqual(["kernelDistance", "own"]);
  });

  it("compare with partners only where the validation part has some", () => {
    const translate = head(["picture"], "picture", (_scope, { picture }) => g.sub(1, picture));
    const translator = { ...model, heads: { translate }, best: ["translationError"] };
    expect(namesOf(translator)).toEqual([]);
    expect(compileModel(translator, spec, 2, { paired: true }).metrics.map(({ name }) => name)).toContain("psnr");
  });

  it("are refused where one needs what no head gives, is called like another, or the best is chosen by none of them", () => {
    const { metrics: _, ...bare } = model;
    expect(() => namesOf({ ...bare, metrics: [own("own", ["elbo"])] })).toThrowError(
      /"own" needs the output "elbo"; the model's heads give/,
    );
    expect(() => namesOf({ ...bare, metrics: [own("accuracy", [])] })).toThrowError(/another metric called "accuracy"/);
    expect(() => namesOf({ ...bare, best: ["acuracy"] })).toThrowError(
      /chooses its best checkpoint by "acuracy", which its heads do not give; they give .*accuracy/,
    );
  });
});

describe("a classifier that gives every picture the probabilities 0.4, 0.4 and 0.2", () => {
  const prior: Initializer = () => Float32Array.from([0.4, 0.4, 0.2], Math.log);
  const constant = (scope: Scope, x: Tensor) =>
    g.add(
      dense(scope.child("constant"), g.flatten(x), CLASSES, { init: zerosInit, bias: false }),
      scope.child("constant").param("prior", [CLASSES], prior),
    );
  const smoothed = phase("constant", {
    learningRate: 0,
    loss(scope, batch) {
      const loss = classLoss(constant(scope, batch.x), batch, 0.3);
      return { loss, log: { loss } };
    },
  });
  const built: BuiltModel = {
    stages: [{ phases: [smoothed] }],
    heads: { classify: head(["picture"], "logits", (scope, { picture }) => constant(scope, picture)) },
  };
  const set = pictures([0, 1, 2, -1, 0]);

  it("is validated without the label smoothing of its training loss; of the two equal classes it answers the first", async () => {
    const { end } = await train(built, { data: { ...data, train: set, validation: set }, epochs: 1, batch: 5 });
    const nll = -(3 * Math.log(0.4) + Math.log(0.2)) / 4;
    // Mean of -ln p over the classes.
    const uniform = -(2 * Math.log(0.4) + Math.log(0.2)) / 3;
    expect(end.metrics).toEqual(
      close({
        "train/constant/loss": 0.7 * nll + 0.3 * uniform,
        "validation/nll": nll,
        "validation/accuracy": 2 / 4,
        // Class a: precision 2/4, recall 1; the others are never answered.
        "validation/macroF1": 2 / 3 / 3,
        "validation/balancedAccuracy": 1 / 3,
        // Four answers of probability 0.4, half of them right.
        "validation/ece": 0.1,
      }),
    );
  });
});
