// Methods of search on functions whose best point is known: no network is trained.
import { describe, expect, it } from "vitest";
import { rungsOf, survivors } from "../../src/experiments/halving.ts";
import { importance } from "../../src/experiments/importance.ts";
import type { Search } from "../../src/experiments/search.ts";
import { bestOf } from "../../src/experiments/search-report.ts";
import {
  type Dimension,
  defaultSpace,
  numberAt,
  parseSpace,
  placeIn,
  randomPoint,
  refusalOf,
} from "../../src/experiments/space.ts";
import { type Observed, suggest } from "../../src/experiments/tpe.ts";
import type { Trial } from "../../src/experiments/trial-results.ts";
import { optionsAt } from "../../src/experiments/varied.ts";
import { mean, pairedT } from "../../src/metrics/paired-tests.ts";
import { findModel, MODELS, parseOptions } from "../../src/models/index.ts";
import { Random } from "../../src/random/random.ts";
import { RUN_OPTIONS } from "../../src/run/options.ts";

const RATE: Dimension = { kind: "range", name: "rate", low: 1e-5, high: 1, whole: false, logarithmic: true };
const WIDTH: Dimension = { kind: "range", name: "width", low: 4, high: 64, whole: true, logarithmic: true };
const SHARE: Dimension = { kind: "range", name: "share", low: 0, high: 1, whole: false, logarithmic: false };
const KIND: Dimension = { kind: "choice", name: "kind", values: ["a", "b", "c", "d"] };
const SPACE = [RATE, WIDTH, SHARE, KIND];

/** Least at rate 0.003, width 20, share 0.7, kind c. */
function loss({ rate, width, share, kind }: Observed["point"]): number {
  return (
    (Math.log10(Number(rate)) + 2.5) ** 2 +
    4 * Math.log2(Number(width) / 20) ** 2 +
    20 * (Number(share) - 0.7) ** 2 +
    (kind === "c" ? 0 : 2)
  );
}

/** The least loss of a search. */
function search(
  seed: number,
  trials: number,
  next: (observed: readonly Observed[], random: Random) => Observed["point"],
) {
  const observed: Observed[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const point = next(observed, new Random(seed, `trial ${trial}`));
    observed.push({ point, loss: loss(point) });
  }
  return Math.min(...observed.map((one) => one.loss));
}

describe("the Parzen estimator", () => {
  it("finds a known least value better than random points do, over seeds", () => {
    const seeds = Array.from({ length: 24 }, (_, seed) => seed);
    const found = seeds.map((seed) => search(seed, 60, (observed, random) => suggest(SPACE, observed, random)));
    const drawn = seeds.map((seed) => search(seed, 60, (_, random) => randomPoint(SPACE, random)));
    // Points that were no better than random ones would pass once in two hundred times, on the side of the better.
    expect(pairedT(found, drawn)).toBeLessThan(0.01);
    expect(mean(found)).toBeLessThan(mean(drawn) / 2);
  });

  it("gives values of the space, the same for the same trials", () => {
    const observed = Array.from({ length: 30 }, (_, i): Observed => {
      const point = randomPoint(SPACE, new Random(i, "test"));
      return { point, loss: i % 5 === 0 ? Number.POSITIVE_INFINITY : loss(point) };
    });
    for (let seed = 0; seed < 50; seed++) {
      const point = suggest(SPACE, observed, new Random(seed, "next"));
      expect(point).toEqual(suggest(SPACE, observed, new Random(seed, "next")));
      expect(Number(point.rate)).toBeGreaterThanOrEqual(1e-5);
      expect(Number(point.rate)).toBeLessThanOrEqual(1);
      expect(Number.isInteger(point.width)).toBe(true);
      expect(["a", "b", "c", "d"]).toContain(point.kind);
    }
  });
});

describe("a space", () => {
  it("has a place for each number, evenly by logarithm where that is asked", () => {
    expect(numberAt(RATE, 0.5)).toBeCloseTo(10 ** -2.5, 5);
    expect([numberAt(WIDTH, 0), numberAt(WIDTH, 1), numberAt(SHARE, 0.25)]).toEqual([4, 64, 0.25]);
    for (const place of [0, 0.2, 0.9, 1]) expect(placeIn(RATE, numberAt(RATE, place))).toBeCloseTo(place, 2);
  });

  it("is read from text, with the types and within the ranges of the options", () => {
    const cnn = findModel("cnn");
    expect(parseSpace(cnn, "rate=1e-4..1e-2,width=16|32,batch=32..64,dropout=0..0.5,activation=relu|gelu")).toEqual([
      { kind: "range", name: "rate", low: 1e-4, high: 1e-2, whole: false, logarithmic: true },
      { kind: "choice", name: "width", values: [16, 32] },
      { kind: "range", name: "batch", low: 32, high: 64, whole: true, logarithmic: false },
      { kind: "range", name: "dropout", low: 0, high: 0.5, whole: false, logarithmic: false },
      { kind: "choice", name: "activation", values: ["relu", "gelu"] },
    ]);
    expect(optionsAt(cnn, { rate: 0.1, batch: 32 })).toEqual({ options: { rate: 0.1 }, run: { batch: 32 } });
    for (const [text, message] of [
      ["rate", /expected option=low..high/],
      ["rate=1..2", /rate=2/],
      ["rate=0.1..0.01", /the lower one first/],
      ["activation=relu|swish", /activation=swish/],
      ["width=16", /one value is no choice/],
      ["wdith=4..8", /did you mean "width"/],
      ["rate=1e-3..1e-2,rate=1|2", /rate=2|given twice/],
    ] as const)
      expect(() => parseSpace(cnn, text), text).toThrow(message);
  });

  it("of every model by default holds the defaults of what it searches", () => {
    for (const model of MODELS) {
      const usual = model.options.parse({}) as Record<string, number | string | boolean>;
      for (const dimension of defaultSpace(model)) {
        const value = usual[dimension.name]!;
        if (dimension.kind === "choice") expect(dimension.values, dimension.name).toContain(value);
        else expect(dimension.low <= Number(value) && Number(value) <= dimension.high, dimension.name).toBe(true);
      }
      expect(defaultSpace(model).length).toBeGreaterThan(1);
    }
  });
});

describe("points of a default space", () => {
  const data = { height: 32, width: 32, channels: 3, mirror: false, classes: ["a", "b"] };

  // Of each of these, about half of the points that are drawn are of options that do not fit together.
  it.each(["vae", "gan"])("of %s are such that the model can be built", (name) => {
    const model = findModel(name);
    const [space, refusal] = [defaultSpace(model), refusalOf(model, {}, data)];
    const builds = (point: Observed["point"]) => {
      const build = () => model.build(parseOptions(model, point), data);
      expect(build).not.toThrow();
    };
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    expect(seeds.some((seed) => refusal(randomPoint(space, new Random(seed, "any"))))).toBe(true);
    for (const seed of seeds) builds(randomPoint(space, new Random(seed, "any"), refusal));
    // The refused ones are the good ones: what is drawn near them has to be drawn again.
    const observed = seeds.map((seed): Observed => {
      const point = randomPoint(space, new Random(seed, "any"));
      return { point, loss: refusal(point) ? 0 : 1 };
    });
    for (const seed of seeds.slice(0, 5)) builds(suggest(space, observed, new Random(seed, "next"), refusal));
  });

  it("say why none can be tried", () => {
    const vae = findModel("vae");
    const refusal = refusalOf(vae, { decodes: "features" }, data);
    const space = parseSpace(vae, "width=4..8");
    expect(() => randomPoint(space, new Random(0, "none"), refusal)).toThrow(/none can be tried.*needs features/);
  });

  it("of words have no ranges", () => {
    expect(() => parseSpace(findModel("svm"), "gamma=0.01..1")).toThrow(/it takes values, as in gamma=a\|b\|c/);
    expect(() => parseSpace(findModel("vae"), "decodes=auto..pictures")).toThrow(/as in decodes=a\|b\|c/);
  });
});

describe("the command of the best options", () => {
  it("has what was asked for, though it be the default, and the backend", () => {
    const trial = { number: 1, point: { width: 8 }, rung: 0 };
    const objective = { metric: "accuracy", value: 0.5, better: "higher" } as const;
    const trained = {
      ...{ ended: true, epochs: 1, seconds: 1, labelled: 1, parameters: 1, validation: {}, objective },
      ...{ peakBytes: 1, fingerprint: "f" },
    };
    const best: Trial = { ...trial, trained };
    const search: Search = {
      ...{ out: "", model: "cnn", data: "glyphs", method: "tpe", space: [], trials: [best], best },
      objective,
    };
    const run = { batch: RUN_OPTIONS.batch.default, resize: RUN_OPTIONS.resize.default, seed: 0 };
    expect(bestOf(search, { options: {}, run, backend: "onnx" })!.command).toBe(
      `genclass train cnn --data glyphs --resize ${run.resize} --seed 0 --batch ${run.batch} --set width=8 --backend onnx`,
    );
  });
});

describe("successive halving", () => {
  it("trains three times as far what is a third as many, the last to the end", () => {
    expect(rungsOf(9, { epochs: 9 })).toEqual([
      { rests: { epochs: 1 }, kept: 3 },
      { rests: { epochs: 3 }, kept: 1 },
      { rests: undefined, kept: 1 },
    ]);
    expect(rungsOf(9, { epochs: 4 }).map(({ rests }) => rests)).toEqual([{ epochs: 2 }, undefined]);
    expect(rungsOf(2, { seconds: 60 })).toEqual([{ rests: undefined, kept: 1 }]);
    expect(rungsOf(27, { seconds: 270 }).map(({ rests }) => rests)).toEqual([
      { seconds: 10 },
      { seconds: 30 },
      { seconds: 90 },
      undefined,
    ]);
  });

  it("keeps the best that did not fail", () => {
    expect(survivors([3, 1, Number.POSITIVE_INFINITY, 2], 2)).toEqual([1, 3]);
    expect(survivors([Number.POSITIVE_INFINITY, 1], 2)).toEqual([1]);
  });
});

describe("importance", () => {
  it("is the share of variance that each option explains alone", () => {
    const names = ["first", "second", "third"];
    const space = names.map((name): Dimension => ({ ...SHARE, name }));
    const trials = Array.from({ length: 120 }, (_, i) => {
      const point = randomPoint(space, new Random(i, "importance test"));
      return { point, value: 3 * Number(point.first) + Number(point.second) };
    });
    const found = importance(space, trials)!;
    // Of 3x + y, x has 9 / 10 of the variance. The forest smooths, and takes some of it for noise: within a tenth.
    expect(Math.abs(found.first! - 0.9)).toBeLessThan(0.1);
    expect(Math.abs(found.second! - 0.1)).toBeLessThan(0.1);
    expect(found.third).toBeLessThan(0.05);
  });

  it("of a choice too, and none of too few trials", () => {
    const trials = Array.from({ length: 60 }, (_, i) => {
      const point = randomPoint([SHARE, KIND], new Random(i, "choices"));
      return { point, value: point.kind === "b" ? 1 : 0 };
    });
    const found = importance([SHARE, KIND], trials)!;
    expect(found.kind).toBeGreaterThan(0.9);
    expect(found.share).toBeLessThan(0.1);
    expect(importance([SHARE], trials.slice(0, 5))).toBeUndefined();
  });
});
