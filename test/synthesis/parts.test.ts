// The parts that new training pictures are made with, each against values that are known beforehand.
import { describe, expect, it } from "vitest";
import { Transformer } from "../../src/data/transform.ts";
import * as g from "../../src/graph/ops/index.ts";
import { nearestDistances, nearestOthers, neighbourDistances } from "../../src/metrics/nearest.ts";
import { quantile } from "../../src/metrics/quantile.ts";
import { head } from "../../src/models/heads.ts";
import { Random } from "../../src/random/random.ts";
import { classFilter } from "../../src/synthesis/filter.ts";
import { classSampler } from "../../src/synthesis/sampler.ts";
import { modelOf, plain, SIZE } from "./bars.ts";

describe("nearest neighbours", () => {
  // On a line at 0, 1, 3, 7, in the second of two numbers.
  const rows = { width: 2, data: [5, 0, 5, 1, 5, 3, 5, 7] };

  it("are the others in order of their distance, never the row itself", () => {
    expect(nearestOthers(rows, 2).map((near) => [...near])).toEqual([
      [1, 2],
      [0, 2],
      [1, 0],
      [2, 1],
    ]);
    expect(nearestOthers(rows, 9).map(({ length }) => length)).toEqual([3, 3, 3, 3]);
    expect([...neighbourDistances(rows, 1)]).toEqual([1, 1, 2, 4]);
  });

  it("of other rows have their Euclidean distance", () => {
    expect([...nearestDistances({ width: 2, data: [5, 2.5, 8, -4] }, rows)]).toEqual([0.5, 5]);
  });
});

describe("a quantile", () => {
  it("lies between two values in proportion", () => {
    const values = Float64Array.of(40, 10, 30, 20);
    expect([0, 0.5, 0.75, 1].map((q) => quantile(values, q))).toEqual([10, 25, 32.5, 40]);
    expect(quantile(Float64Array.of(3), 0.99)).toBe(3);
  });
});

/** Pictures of one grey level each. */
const greys = (values: readonly number[]) => Uint8Array.from(values.flatMap((value) => new Array(SIZE).fill(value)));

describe("pictures of a class", () => {
  it("lie on the way from one of the class to one of its five nearest, at most half of it", async () => {
    const drawn = await classSampler(modelOf(plain), [greys([0, 40]), greys([100, 110, 120, 130, 140, 150, 250])]);
    const first = await drawn(0, 200, new Random(1, "a"));
    const values = Array.from({ length: 200 }, (_, i) => first[i * SIZE]!);
    expect(values.every((value) => value >= 0 && value <= 40)).toBe(true);
    // From 0 up to 20, and from 40 down to 20.
    expect([Math.min(...values) < 3, Math.max(...values) > 37]).toEqual([true, true]);
    expect(first.every((value, k) => value === first[k - (k % SIZE)])).toBe(true);
    // 250 goes towards its five nearest, 110 to 150, and no further than half the way to 110: 180. None of these goes there.
    const second = await drawn(1, 500, new Random(1, "b"));
    const beyond = Array.from({ length: 500 }, (_, i) => second[i * SIZE]!).filter((value) => value > 150);
    expect(Math.min(...beyond)).toBeGreaterThanOrEqual(180);
    expect(beyond.length).toBeGreaterThan(20);
  });

  it("lie between pictures that are changed as those that the model learnt from", async () => {
    // Each brighter or darker by up to a half: between 50 and 150, of which the mean of two is.
    const changes = new Transformer({ height: 8, width: 8, channels: 1 }, { brightness: 0.5 });
    const drawn = await classSampler(modelOf(plain), [greys([100, 100])], changes);
    const pictures = await drawn(0, 300, new Random(1, "a"));
    const values = Array.from({ length: 300 }, (_, i) => pictures[i * SIZE]!);
    expect([Math.min(...values) < 60, Math.max(...values) > 140]).toEqual([true, true]);
    expect(values.every((value) => value >= 50 && value <= 150)).toBe(true);
  });

  it("are spread by 0.7 standard deviations of the posterior where the model has them", async () => {
    const deviation = 20;
    const encodeDeviation = head(["picture"], "latent", (_scope, { picture }) =>
      g.add(g.mul(g.flatten(picture), 0), deviation / 255),
    );
    const drawn = await classSampler(modelOf({ ...plain, encodeDeviation }), [greys([128, 128])]);
    const values = await drawn(0, 100, new Random(1, "a"));
    const mean = values.reduce((a, b) => a + b) / values.length;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    // The standard error of either, from 6,400 values, is below 0.2; rounding to bytes adds 1/12 to the variance of 196.
    expect(mean).toBeCloseTo(128, 0);
    expect(Math.abs(spread - 0.7 * deviation)).toBeLessThan(0.5);
  });

  it("are decoded as of the class by a model that is told it, and asked for where there is no decoder", async () => {
    const told = {
      encode: plain.encode,
      decode: head(["latent", "label"], "picture", (_scope, { latent, label, n }) =>
        g.add(
          g.mul(g.reshape(latent, [n, 8, 8, 1]), 0),
          g.mul(g.reshape(g.cast(label, "float32"), [n, 1, 1, 1]), 100 / 255),
        ),
      ),
    };
    const sample = head(["label"], "picture", (_scope, { label, n }) =>
      g.broadcast(g.mul(g.reshape(g.cast(label, "float32"), [n, 1, 1, 1]), 100 / 255), [n, 8, 8, 1]),
    );
    const real = [greys([1, 2]), greys([3, 4])];
    for (const heads of [told, { sample }]) {
      const drawn = await classSampler(modelOf(heads), real);
      expect(await drawn(1, 3, new Random(1, "a"))).toEqual(greys([100, 100, 100]));
    }
  });

  it("are refused of a model that knows no classes, saying which heads it needs", async () => {
    const model = modelOf({ decode: plain.decode });
    await expect(classSampler(model, [])).rejects.toMatchObject({
      code: "E_HEAD",
      message: expect.stringMatching(
        /need heads "encode" and "decode", or a "sample" that takes a label; this model has decode\./,
      ),
    });
  });
});

describe("the filter", () => {
  it("keeps what teachers are sure of, and what is as far from real pictures as these are from each other", async () => {
    // Features are the grey level; teachers are sure of class 0 below 128.
    const judge = async (picture: Uint8Array) => {
      const level = Array.from({ length: picture.length / SIZE }, (_, i) => picture[i * SIZE]!);
      const probabilities = Float64Array.from(level.flatMap((value) => (value < 128 ? [0.71, 0.29] : [0.69, 0.31])));
      return { probabilities, features: { data: level, width: 1 } };
    };
    // Distances to the nearest other: 2, 2, 4, 10. Quantiles of 5 % and 99 %: 2 and 4 + 0.97 · 6 = 9.82.
    const filter = await classFilter({ judge }, [greys([10, 12, 16, 26]), greys([0, 1])]);
    const found = await filter(greys([13, 14, 18, 26, 35, 36, 200]), 0);
    expect(found.verdicts).toEqual(["copied", "passed", "passed", "copied", "passed", "strayed", "doubted"]);
    expect([...found.probabilities.subarray(10)]).toEqual([0.71, 0.29, 0.69, 0.31]);
    // Of the other class they are sure of none.
    expect((await filter(greys([2]), 1)).verdicts).toEqual(["doubted"]);
  });
});
