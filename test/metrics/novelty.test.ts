// The parts of novelty on plain arrays: rarity tables, the distance of features, and a threshold that keeps its promise.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  fitFeatureGaussians,
  fitProjection,
  project,
  relativeDistance,
  residual,
  unitRows,
} from "../../src/metrics/feature-distance.ts";
import {
  FALSE_ALARMS,
  fitNovelty,
  fitPretrainedNovelty,
  NOVELTY_PICTURES,
  scoreOf,
} from "../../src/metrics/novelty.ts";
import { fitTailTable, rarity } from "../../src/metrics/tail-table.ts";
import { Random } from "../../src/random/random.ts";
import { clouds } from "../reference/numbers.ts";

const normal = (n: number, name: string): Float32Array => {
  const values = new Float32Array(n);
  new Random(0, name).fillNormal(values);
  return values;
};

describe("the rarity of a value", () => {
  it("is -ln(2 min(F, 1 - F)) between the outermost hundredths", () => {
    // Evenly spaced values: F(x) = x up to 1 / n.
    const n = 10_000;
    const table = fitTailTable(Float64Array.from({ length: n }, (_, i) => (i + 0.5) / n));
    // Where the logarithm is steepest, x moves by 1 / n, and a knot lies every 1 / 256.
    for (const x of [0.02, 0.1, 0.3, 0.5, 0.77, 0.985])
      expect(Math.abs(rarity(table, x) + Math.log(2 * Math.min(x, 1 - x)))).toBeLessThan(0.02);
  });

  it("goes on as a straight line beyond all known values, with the rate of an exponential tail", () => {
    // Quantiles of the exponential distribution of rate 3, whose survival function is e^(-3 x).
    const n = 20_000;
    const table = fitTailTable(Float64Array.from({ length: n }, (_, i) => -Math.log(1 - (i + 0.5) / n) / 3));
    // The 200 outermost of 20,000 evenly spaced quantiles give the rate to about one in a hundred.
    expect((rarity(table, 10) - rarity(table, 5)) / 5 / 3).toBeCloseTo(1, 1);
    expect(rarity(table, 5)).toBeGreaterThan(rarity(table, 4));
    expect(rarity(table, -1)).toBeGreaterThan(rarity(table, -0.5));
  });

  it("is -ln(1 - F) where only large values are rare, and no less than nothing far below", () => {
    const n = 10_000;
    const values = Float64Array.from({ length: n }, (_, i) => -Math.log(1 - (i + 0.5) / n));
    const table = fitTailTable(values, "above");
    // Of the exponential distribution of rate 1, -ln(1 - F(x)) is x: in the tail too, whose rate a hundred values give.
    for (const x of [0.05, 0.7, 2, 4]) expect(Math.abs(rarity(table, x) - x)).toBeLessThan(0.02);
    expect(rarity(table, 9) / 9).toBeCloseTo(1, 1);
    expect(rarity(table, -5)).toBe(rarity(table, 0));
  });

  it("is a number where all known values are the same, and large for another value", () => {
    for (const value of [0, -3, 1e6]) {
      const table = fitTailTable(new Float64Array(50).fill(value));
      expect(rarity(table, value)).toBeLessThan(5);
      expect(rarity(table, value * 1.1 + 1)).toBeGreaterThan(1000);
      expect(rarity(table, value - Math.abs(value) / 10 - 1)).toBeGreaterThan(1000);
    }
  });
});

describe("the distance of features", () => {
  it("is the squared Mahalanobis distance to the nearest class less that to all pictures", () => {
    // Two classes at (-2, 0) and (2, 0), each of eighty pictures with variances of exactly 1 and 0.25.
    const n = 160;
    const offsets = [
      [Math.SQRT2, 0],
      [-Math.SQRT2, 0],
      [0, Math.SQRT1_2],
      [0, -Math.SQRT1_2],
    ];
    const groups = Int32Array.from({ length: n }, (_, i) => i % 2);
    const features = Float32Array.from({ length: 2 * n }, (_, at) => {
      const [i, axis] = [at >> 1, at % 2];
      return offsets[(i >> 1) % 4]![axis]! + (axis === 0 ? 4 * groups[i]! - 2 : 0);
    });
    const projection = fitProjection(features, n);
    const index = Array.from({ length: n }, (_, i) => i);
    const gaussians = fitFeatureGaussians(project(projection, features), groups, 2, index);
    for (const [x, y] of [
      [2, 0],
      [0, 0],
      [-3, 2],
      [7, -1],
    ] as const) {
      // A thousandth of the mean variance is added to each variance.
      const nearest = (Math.abs(x) - 2) ** 2 / (1 + 0.000625) + y ** 2 / (0.25 + 0.000625);
      const expected = nearest - x ** 2 / (5 + 0.002625) - y ** 2 / (0.25 + 0.002625);
      const found = relativeDistance(gaussians, project(projection, Float32Array.of(x, y)), 0);
      // The Gaussians are kept as float32: a relative 1e-6 of distances up to 29, whose difference is taken.
      expect(Math.abs(found - expected)).toBeLessThan(1e-4);
    }
  });

  it("is measured on axes that keep all of wide features which vary in few directions", () => {
    // Of 1,500 numbers, three directions: at most 20 axes for 200 pictures lose nothing, so that distances stay as they are.
    const [n, d, rank] = [200, 1500, 3];
    const [places, directions] = [normal(n * rank, "places"), normal(rank * d, "directions")];
    const features = Float32Array.from({ length: n * d }, (_, at) => {
      const [i, j] = [Math.floor(at / d), at % d];
      let value = 5;
      for (let r = 0; r < rank; r++) value += places[i * rank + r]! * directions[r * d + j]!;
      return value;
    });
    const projection = fitProjection(features, n);
    expect(projection.axes).toBe(20);
    const rows = project(projection, features);
    const between = (of: ArrayLike<number>, width: number, a: number, b: number) =>
      Math.hypot(...Array.from({ length: width }, (_, j) => of[a * width + j]! - of[b * width + j]!));
    // Axes are kept in float32: sums of 1,500 products are right to some millionths.
    for (const [a, b] of [
      [0, 1],
      [17, 93],
      [4, 199],
    ] as const)
      expect(between(rows, 20, a, b) / between(features, d, a, b)).toBeCloseTo(1, 4);
  });

  it("is a number for features that do not vary, and for a class without pictures", () => {
    const features = new Float32Array(3 * 40).fill(2);
    const projection = fitProjection(features, 40);
    const rows = project(projection, features);
    const gaussians = fitFeatureGaussians(rows, new Int32Array(40), 3, [0, 1, 2, 3]);
    expect(relativeDistance(gaussians, rows, 0)).toBeCloseTo(0, 9);
  });
});

/** `[d, axes]`: the first axes themselves. */
const basisOfFirst = (d: number, axes: number): Float32Array =>
  Float32Array.from({ length: d * axes }, (_, at) => Number(Math.floor(at / axes) === at % axes));

describe("the distance of features of a pretrained network", () => {
  const training = clouds(240, 12, 3, 0.8, 11);
  const known = { rows: training.rows, groups: training.labels, classes: 3 };
  const pictures = Float32Array.of(...clouds(24, 12, 3, 0.8, 11).rows, ...clouds(16, 12, 4, 2, 5).rows);

  it("is that of training pictures in features of length 1, as scikit-learn has it", () => {
    const { distances } = JSON.parse(readFileSync(new URL("../reference/novelty.json", import.meta.url), "utf8"));
    const { features } = fitPretrainedNovelty(new Float32Array(40), 40, pictures, known);
    expect([features!.of, features!.projection.axes]).toEqual(["pretrained", 12]);
    const rows = project(features!.projection, unitRows(pictures, 40));
    // Axes and Gaussians are kept as float32: a relative 1e-6 of distances up to some hundreds, whose differences these are.
    for (let i = 0; i < 40; i++)
      expect(Math.abs(relativeDistance(features!.gaussians, rows, i) - distances[i])).toBeLessThan(1e-4);
  });

  it("does not depend on how long features are, and is a number for features that are 0", () => {
    const { features } = fitPretrainedNovelty(new Float32Array(40), 40, pictures, known);
    const distance = (row: Float32Array) =>
      relativeDistance(features!.gaussians, project(features!.projection, unitRows(row, 1)), 0);
    const first = pictures.slice(0, 12);
    expect(distance(first.map((value) => 8 * value))).toBeCloseTo(distance(first), 4);
    expect(Number.isFinite(distance(new Float32Array(12)))).toBe(true);
  });

  it("has a residual: what of the features the axes do not give back", () => {
    // Along the first four of six numbers; and one picture of length 1 that is half beside them, in squares.
    const rows = Float32Array.from({ length: 600 }, (_, at) => (at % 6 < 4 ? Math.sin(at * at) : 0));
    const projection = fitProjection(unitRows(rows, 100), 100);
    const centred = { ...projection, axes: 4, basis: basisOfFirst(6, 4), centre: new Float32Array(6) };
    const half = Float32Array.of(Math.SQRT1_2, 0, 0, 0, 0, Math.SQRT1_2);
    expect(residual(centred, half, project(centred, half), 0)).toBeCloseTo(0.5, 6);
    // Of features that vary along the axes alone: a millionth of what they are, and not what rounding leaves.
    const unit = unitRows(rows, 100);
    for (let i = 0; i < 100; i++) {
      const away = unit.subarray(6 * i, 6 * i + 6).map((value, j) => value - projection.centre[j]!);
      const least = 1e-6 * away.reduce((total, value) => total + value * value, 0);
      expect(residual(projection, unit, project(projection, unit), i) / least).toBeCloseTo(1, 6);
    }
  });

  it("leaves as many alarms as promised among new pictures, and the most typical raise none", () => {
    let past = 0;
    const [fits, fresh] = [20, 2000];
    for (let fit = 0; fit < fits; fit++) {
      // More than twice the 50 axes that 500 pictures give.
      const d = 120;
      const taught = {
        rows: normal(500 * d, `taught ${fit}`),
        groups: Int32Array.from({ length: 500 }, (_, i) => i % 2),
      };
      const found = fitPretrainedNovelty(normal(199, `energy ${fit}`), 199, normal(199 * d, `validation ${fit}`), {
        ...taught,
        classes: 2,
      });
      expect(found.falseAlarms).toBe(FALSE_ALARMS);
      const { projection, gaussians } = found.features!;
      const features = unitRows(normal(fresh * d, `new ${fit}`), fresh);
      const rows = project(projection, features);
      const energies = normal(fresh, `new energy ${fit}`);
      const score = (statistics: readonly number[]) =>
        scoreOf(statistics.map((value, s) => rarity(found.tables[s]!, value)));
      for (let i = 0; i < fresh; i++) {
        const beside = residual(projection, features, rows, i);
        if (score([energies[i]!, relativeDistance(gaussians, rows, i), beside]) > found.threshold) past++;
      }
      expect(score([-100, -1000, 0])).toBeLessThan(found.median);
    }
    // The share of a fit on 199 varies by 0.7 %, so the mean of 20 by 0.16 %; tables of fewer pictures are a little wider.
    expect(past / (fits * fresh)).toBeLessThan(0.015);
    expect(past / (fits * fresh)).toBeGreaterThan(0.004);
  });
});

describe("the threshold of novelty", () => {
  /** Share of 20,000 new pictures that are past a threshold fitted on `n`, over many fits; and what was promised. */
  function alarms(n: number, fits: number) {
    const score = ({ tables }: ReturnType<typeof fitNovelty>, rows: Float32Array, i: number) =>
      scoreOf(tables.map((table, c) => rarity(table, rows[3 * i + c]!)));
    let [past, promised] = [0, 0];
    const fresh = normal(3 * 20_000, "fresh");
    for (let fit = 0; fit < fits; fit++) {
      const found = fitNovelty(normal(3 * n, `fit ${fit}`), n);
      promised = found.falseAlarms;
      for (let i = 0; i < 20_000; i++) if (score(found, fresh, i) > found.threshold) past++;
    }
    return { share: past / (20_000 * fits), promised };
  }

  it("is passed by no more pictures of the same kind than it promises, on average", () => {
    const { share, promised } = alarms(999, 30);
    expect(promised).toBe(FALSE_ALARMS);
    // The share of one fit varies by about 0.3 %, so the mean of 30 by 0.06 %; tables of fewer pictures are a little wider.
    expect(share).toBeLessThan(0.012);
    expect(share).toBeGreaterThan(0.006);
  });

  it("is kept with features of more numbers than there are pictures for, whose axes lie among the pictures that gave them", () => {
    let past = 0;
    const [fits, fresh, n, d] = [20, 2000, 199, 120];
    for (let fit = 0; fit < fits; fit++) {
      const groups = Int32Array.from({ length: n }, (_, i) => i % 2);
      const found = fitNovelty(normal(n, `one ${fit}`), n, {
        rows: normal(n * d, `features ${fit}`),
        groups,
        classes: 2,
      });
      const { projection, gaussians } = found.features!;
      // Ten of the 159 pictures of four parts for each axis; and a table for each of the three numbers.
      expect([projection.axes, found.tables.length]).toEqual([15, 3]);
      const [ones, features] = [normal(fresh, `new one ${fit}`), normal(fresh * d, `new features ${fit}`)];
      const along = project(projection, features);
      for (let i = 0; i < fresh; i++) {
        const values = [ones[i]!, relativeDistance(gaussians, along, i), residual(projection, features, along, i)];
        if (scoreOf(values.map((value, s) => rarity(found.tables[s]!, value))) > found.threshold) past++;
      }
    }
    // As above; axes of all pictures leave a little less beside them than those of four fifths. Residuals of the pictures that gave the
    // axes are so much less that one new picture in six would be past the threshold.
    expect(past / (fits * fresh)).toBeLessThan(0.015);
    expect(past / (fits * fresh)).toBeGreaterThan(0.004);
  });

  it("is by distances alone where features have hardly more numbers than axes", () => {
    const [n, d] = [199, 29];
    const groups = Int32Array.from({ length: n }, (_, i) => i % 2);
    const { tables, features } = fitNovelty(normal(n, "one"), n, { rows: normal(n * d, "few"), groups, classes: 2 });
    expect([features!.projection.axes, tables.length]).toEqual([15, 2]);
  });

  it("promises less with few pictures, and keeps that", () => {
    const { share, promised } = alarms(NOVELTY_PICTURES, 60);
    expect(promised).toBeCloseTo(2 / (NOVELTY_PICTURES + 1), 12);
    expect(share).toBeLessThan(promised * 1.3);
  });

  it("is not set by a single odd picture where there are few", () => {
    const n = 99;
    const own = normal(n, "own");
    const threshold = (last: number) => fitNovelty(Float32Array.of(...own, last), n + 1).threshold;
    // A hundred times as far away, the odd one is as much one picture past the threshold as before.
    expect(threshold(400) / threshold(4)).toBeCloseTo(1, 1);
  });
});
