// Probes of codes against scikit-learn.
import { describe, expect, it } from "vitest";
import { METRICS } from "../../src/metrics/index.ts";
import { Predictions } from "../../src/metrics/metric.ts";
import { linearProbe, neighbourProbe, silhouette } from "../../src/metrics/probes.ts";
import reference from "../reference/probes.json" with { type: "json" };
import { wave } from "../reference/wave.ts";

/** Codes of a case of the reference, in float32. */
function codesOf({
  n,
  d,
  phase,
  apart,
  labels,
}: {
  n: number;
  d: number;
  phase: number;
  apart: number;
  labels: number[];
}) {
  const data = wave([n, d], phase, 1).data as Float32Array;
  for (const [i, label] of labels.entries()) data[i * d + label]! += Math.fround(apart);
  return { data, width: d };
}

describe.each(Object.entries(reference.cases))("codes %s", (_name, expected) => {
  const codes = codesOf(expected);
  it("have scikit-learn's silhouette", () => {
    // Sums of distances in another order, in float64.
    expect(silhouette(codes, expected.labels)).toBeCloseTo(expected.silhouette, 9);
  });
  it("have its nearest neighbours", () => {
    expect(neighbourProbe(codes, expected.labels)).toBeCloseTo(expected.neighbours, 12);
  });
  it("have its linear rule", () => {
    expect(linearProbe(codes, expected.labels)).toBeCloseTo(expected.linear, 12);
  });
});

describe("the metrics of codes", () => {
  const named = (name: string) => METRICS.find((metric) => metric.name === name)!;
  const predictions = (labels: number[], codes: number[]) =>
    new Predictions(new Map([["encode", Float32Array.from(codes)]]), Int32Array.from(labels), 2);

  it("leave out examples without a label", () => {
    const p = predictions([0, -1, 1, 0, 1, 0, 1], [0, 5, 9, 1, 8, 2, 7]);
    const known = predictions([0, 1, 0, 1, 0, 1], [0, 9, 1, 8, 2, 7]);
    for (const name of ["silhouette", "linearProbe", "neighbourProbe"])
      expect(named(name).compute(p), name).toBe(named(name).compute(known));
    expect(named("linearProbe").compute(p)).toBe(1);
  });

  it("know every class, in whatever order the pictures come", () => {
    // Ten classes in turn, as many folds of every fifth would never show the two that they ask for.
    const labels = Array.from({ length: 6000 }, (_, i) => i % 10);
    const codes = labels.flatMap((label) => Array.from({ length: 10 }, (_, c) => Number(c === label)));
    const p = new Predictions(new Map([["encode", Float32Array.from(codes)]]), Int32Array.from(labels), 10);
    for (const name of ["silhouette", "linearProbe", "neighbourProbe"]) expect(named(name).compute(p), name).toBe(1);
  });

  it("are none where there is nothing to tell", () => {
    for (const name of ["silhouette", "linearProbe", "neighbourProbe"])
      expect(named(name).compute(predictions([-1, -1], [1, 2])), name).toBeUndefined();
    expect(silhouette({ data: [1, 2, 3], width: 1 }, [1, 1, 1])).toBeUndefined();
    expect(neighbourProbe({ data: [1], width: 1 }, [0])).toBeUndefined();
    expect(linearProbe({ data: [1, 2, 3, 4], width: 1 }, [0, 1, 0, 1])).toBeUndefined();
  });
});
