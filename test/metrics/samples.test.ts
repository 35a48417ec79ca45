// Metrics of generated rows beside real ones: against numpy, scipy and scikit-learn, and against what must hold for known sets.
import { describe, expect, it } from "vitest";
import { copying } from "../../src/metrics/copying.ts";
import { frechetDistance } from "../../src/metrics/frechet-distance.ts";
import { kernelDistance } from "../../src/metrics/kernel-distance.ts";
import { manifoldMetrics } from "../../src/metrics/manifold.ts";
import { neighbourDistances, type Rows } from "../../src/metrics/nearest.ts";
import { spreadRows } from "../../src/metrics/sample-metrics.ts";
import { spread } from "../../src/metrics/spread.ts";
import { Random } from "../../src/random/random.ts";
import reference from "../reference/samples.json" with { type: "json" };
import { wave } from "../reference/wave.ts";

const waves = ([n, d, phase, scale]: readonly number[]) => wave([n!, d!], phase!, scale!).data as Float32Array;

describe.each(Object.entries(reference))("rows that are %s", (_name, expected) => {
  const [n, width] = expected.real as [number, number];
  const real = waves(expected.real);
  const generated = waves(expected.generated);

  // Sums of float64 products of the same float32 rows: they differ by the order of summing alone.
  it("have the precision, recall, density, coverage, spread and kernel distance of the reference", () => {
    const found = manifoldMetrics({ data: real, width }, { data: generated, width })!;
    for (const [name, value] of Object.entries(expected.manifold))
      expect(found[name as keyof typeof found], name).toBeCloseTo(value, 12);
    expect(spread({ data: real, width }, { data: generated, width })).toBeCloseTo(expected.spread, 12);
    expect(kernelDistance(real, generated, n)).toBeCloseTo(expected.kernelDistance, 10);
  });

  it("are copied as much as the reference says", () => {
    const held = { data: waves([n, width, 4.3, 1]), width };
    expect(copying({ data: generated, width }, { data: real, width }, held)).toMatchObject({
      medianRatio: expect.closeTo(expected.copying.medianRatio, 12),
      nearShare: expect.closeTo(expected.copying.nearShare, 12),
    });
  });

  it("have its Fréchet distance, also of singular covariances", () => {
    expect(frechetDistance(real, generated, n)).toBeCloseTo(expected.frechetDistance, 11);
  });
});

/** Standard normal rows. */
function normal(n: number, width: number, seed: number, scale = 1): Rows {
  const data = new Float32Array(n * width);
  new Random(seed, "rows").fillNormal(data);
  return { data: data.map((value) => scale * value), width };
}

describe("equal distributions", () => {
  const pairs = Array.from({ length: 20 }, (_, i) => [normal(300, 8, 2 * i), normal(300, 8, 2 * i + 1)] as const);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  it("have a density of 1 and a coverage of 1 - 2⁻⁵", () => {
    const found = pairs.map(([a, b]) => manifoldMetrics(a, b)!);
    // Over 20 pairs of 300, standard errors are 0.02 and 0.003.
    expect(Math.abs(mean(found.map(({ density }) => density)) - 1)).toBeLessThan(0.06);
    expect(Math.abs(mean(found.map(({ coverage }) => coverage)) - (1 - 2 ** -5))).toBeLessThan(0.01);
  });

  it("have a kernel distance of 0 on average, a spread of 1, and no copies", () => {
    const distances = pairs.map(([a, b]) => kernelDistance(a.data as Float32Array, b.data as Float32Array, 300)!);
    const [centre, deviation] = [mean(distances), Math.sqrt(mean(distances.map((value) => value ** 2)))];
    expect(Math.abs(centre)).toBeLessThan((3 * deviation) / Math.sqrt(20));
    // Biased: the mean over all pairs, with the rows themselves, would be above 0 each time.
    expect(Math.min(...distances)).toBeLessThan(0);
    expect(mean(pairs.map(([a, b]) => spread(a, b)!))).toBeCloseTo(1, 1);
    const [[training, held], [generated]] = [pairs[0]!, pairs[1]!];
    expect(copying(generated, training, held).copies).toBe(false);
  });
});

describe("sets of two kinds", () => {
  const [n, width] = [2000, 4];
  const ofKinds = (seed: number, isFirst: (i: number) => boolean): Rows => {
    const { data } = normal(n, width, seed);
    return { data: Float32Array.from(data, (value, at) => value + (isFirst(Math.floor(at / width)) ? 3 : -3)), width };
  };
  const sorted = ofKinds(1, (i) => i < n / 2);
  const inTurn = ofKinds(2, (i) => i % 2 === 0);

  it("are near each other by kernel distance, whether the kinds come one after another or in turn", () => {
    const [a, b] = [sorted, inTurn].map(({ data }) => data as Float32Array) as [Float32Array, Float32Array];
    // Between blocks of one kind and of both it would be several hundred; this is the noise of 1,000 rows.
    expect(Math.abs(kernelDistance(a, b, n)!)).toBeLessThan(10);
  });

  it("are of both kinds in the few that are compared", () => {
    for (const rows of [sorted, inTurn]) {
      const { data } = spreadRows(rows, 1000);
      const first = Array.from({ length: 1000 }, (_, i) => data[i * width]!).filter((value) => value > 0).length;
      // Four and a half standard deviations of a random choice.
      expect(Math.abs(first - 500)).toBeLessThan(62);
    }
  });
});

describe("degenerate sets", () => {
  const real = normal(100, 4, 1);
  const constant: Rows = { data: new Float32Array(400).fill(0.1), width: 4 };

  it("of one picture a hundred times: precise, but neither spread nor covering", () => {
    const found = manifoldMetrics(real, constant)!;
    expect(found).toMatchObject({ precision: 1, recall: 0 });
    expect(found.coverage).toBeLessThan(0.2);
    expect(spread(real, constant)).toBe(0);
  });

  it("of real pictures that are all the same have empty balls and no spread to compare with", () => {
    expect(manifoldMetrics(constant, real)).toEqual({ precision: 0, recall: 1, density: 0, coverage: 0 });
    expect(spread(constant, real)).toBeUndefined();
  });

  it("of too few rows have no balls", () => {
    expect(manifoldMetrics(normal(5, 4, 1), real)).toBeUndefined();
    expect([...neighbourDistances({ data: [0, 3], width: 1 }, 2)]).toEqual([3, Infinity, 3, Infinity]);
  });

  it("of copies, exact or slightly changed, are found; a few among many too", () => {
    const [training, held] = [normal(200, 8, 3), normal(200, 8, 4)];
    const noise = normal(200, 8, 5, 0.05).data;
    const near: Rows = { data: Float32Array.from(training.data, (value, i) => value + noise[i]!), width: 8 };
    expect(copying(training, training, held)).toEqual({ medianRatio: 0, nearShare: 1, copies: true });
    expect(copying(near, training, held).copies).toBe(true);
    const mixed = Float32Array.from(normal(200, 8, 6).data, (value, i) => (i < 20 * 8 ? near.data[i]! : value));
    const found = copying({ data: mixed, width: 8 }, training, held);
    expect(found.medianRatio).toBeGreaterThan(0.7);
    expect(found.copies).toBe(true);
    expect(copying(training, training, training)).toMatchObject({ medianRatio: 1, nearShare: 0, copies: false });
  });
});
