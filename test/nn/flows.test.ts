import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { realNvp } from "../../src/nn/flows.ts";
import { flowPrior, mixturePrior, type Prior, standardPrior } from "../../src/nn/priors.ts";
import { Build, initialState } from "../../src/nn/scope.ts";
import { Random } from "../../src/random/random.ts";
import { randomArray } from "../helpers.ts";

/**
 * First values with every trained parameter moved at random, so that nothing is the identity, as feeds of a graph: by little, as a
 * density with a ridge narrower than a cell of the grid below could not be integrated on it.
 */
function movedState({ state }: Build): Record<string, NdArray> {
  return Object.fromEntries(
    [...initialState(state, 1)].map(([path, value]) => {
      const random = new Random(2, path);
      const moved = Float64Array.from(value.data, (v) => v + (state.get(path)!.trainable ? 0.15 * random.normal() : 0));
      return [STATE_PREFIX + path, { ...value, data: moved }];
    }),
  );
}
const numbers = (build: Build, ...outputs: Tensor[]): number[][] =>
  interpret(outputs, movedState(build)).map(({ data }) => Array.from(data));

/** Conditions 0..k-1 as one-hot rows `[k, k]`. */
const oneHot = (k: number): Tensor =>
  constant({
    shape: [k, k],
    dtype: "float32",
    data: Float64Array.from({ length: k * k }, (_, i) => Number(i % (k + 1) === 0)),
  });

/** ln |det A| of a square matrix by elimination with pivots. */
function logAbsDet(rows: number[][]): number {
  const a = rows.map((row) => [...row]);
  let total = 0;
  for (let i = 0; i < a.length; i++) {
    const pivot = a.reduce((best, row, r) => (r >= i && Math.abs(row[i]!) > Math.abs(a[best]![i]!) ? r : best), i);
    [a[i], a[pivot]] = [a[pivot]!, a[i]!];
    total += Math.log(Math.abs(a[i]![i]!));
    for (let r = i + 1; r < a.length; r++) {
      const factor = a[r]![i]! / a[i]![i]!;
      for (let c = i; c < a.length; c++) a[r]![c]! -= factor * a[i]![c]!;
    }
  }
  return total;
}

describe.each([2, 5, 9])("a RealNVP of %i values", (d) => {
  const flow = realNvp({ steps: 3, hidden: 7 });
  const x = randomArray([3, d], 4, [-2, 2]);

  it.each([undefined, oneHot(3)])("is undone by its inverse", (condition) => {
    const build = new Build(false);
    const { y } = flow.forward(build.root, constant(x), condition);
    const [there, back] = numbers(build, y, flow.inverse(build.root, y, condition));
    back!.forEach((value, i) => {
      expect(value).toBeCloseTo(x.data[i]!, 9);
    });
    // It does something: a flow that changed nothing would pass as well.
    expect(Math.max(...there!.map((value, i) => Math.abs(value - x.data[i]!)))).toBeGreaterThan(0.1);
  });

  it("has the log-determinant of its Jacobian, taken numerically", () => {
    const build = new Build(false);
    const image = (data: Float64Array) => flow.forward(build.root, constant({ ...x, data }), oneHot(3));
    const { logDet } = image(x.data as Float64Array);
    const found = numbers(build, logDet)[0]!;
    // Central differences: their error is of the order of h², 1e-8.
    const h = 1e-4;
    const columns = Array.from({ length: d }, (_, j) => {
      const [above, below] = [h, -h].map((step) => {
        const moved = Float64Array.from(x.data, (v, i) => (i % d === j ? v + step : v));
        return numbers(build, image(moved).y)[0]!;
      });
      return above!.map((value, i) => (value - below![i]!) / (2 * h));
    });
    for (let row = 0; row < 3; row++) {
      const jacobian = Array.from({ length: d }, (_, i) => columns.map((column) => column[row * d + i]!));
      expect(found[row]).toBeCloseTo(logAbsDet(jacobian), 5);
    }
  });

  it("begins as a permutation of the values, under every condition", () => {
    const build = new Build(false);
    const { y, logDet } = flow.forward(build.root, constant(x), oneHot(3));
    const feeds = Object.fromEntries([...initialState(build.state, 5)].map(([path, v]) => [STATE_PREFIX + path, v]));
    const [values, dets] = interpret([y, logDet], feeds).map(({ data }) => Array.from(data));
    const rows = (all: ArrayLike<number>) =>
      [0, 1, 2].map((r) =>
        Array.from(all)
          .slice(r * d, (r + 1) * d)
          .sort(),
      );
    expect(rows(values!)).toEqual(rows(x.data));
    expect(dets).toEqual([0, 0, 0]);
  });
});

const PRIORS: [string, Prior][] = [
  ["standard", standardPrior(2)],
  ["mixture", mixturePrior(2, 3)],
  ["flow", flowPrior(2, { steps: 2, hidden: 5 })],
];

describe.each(PRIORS)("the %s prior", (name, prior) => {
  // Midpoints of a grid over [-12, 12]², which holds all but a negligible part of each density.
  const [side, width] = [240, 24];
  const cell = (width / side) ** 2;
  const grid = Float64Array.from({ length: 2 * side * side }, (_, i) => {
    const at = i % 2 === 0 ? Math.floor(i / 2 / side) : Math.floor(i / 2) % side;
    return (at + 0.5) * (width / side) - width / 2;
  });

  it("is a density: it integrates to 1 over the plane, and under each condition", () => {
    const plane = constant({ shape: [side * side, 1, 2], dtype: "float32", data: grid });
    const conditions = constant({ shape: [1, 2, 2], dtype: "float32", data: Float64Array.of(1, 0, 0, 1) });
    for (const condition of [undefined, conditions]) {
      const build = new Build(false);
      const logs = prior.logProb(build.root, plane, condition);
      const k = logs.shape[1]!;
      const found = numbers(build, logs)[0]!;
      for (let c = 0; c < k; c++) {
        const mass = found.reduce((sum, log, i) => sum + (i % k === c ? Math.exp(log) * cell : 0), 0);
        // The midpoint rule on a cell of 0.1 is exact to far below this for densities of this width.
        expect(mass).toBeCloseTo(1, 3);
      }
    }
  });

  it("draws from its density: the mean of the draws is that of the density within 5 standard errors", () => {
    const build = new Build(false);
    const n = 4000;
    const drawn = prior.sample(build.root, n);
    const plane = prior.logProb(build.root, constant({ shape: [side * side, 2], dtype: "float32", data: grid }));
    const noises = [...build.noises].map(([path, { shape, kind }]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      const random = new Random(3, path);
      if (kind === "normal") random.fillNormal(data);
      else random.fillUniform(data);
      return [NOISE_PREFIX + path, { shape, dtype: "float32" as const, data }] as const;
    });
    const feeds = { ...movedState(build), ...Object.fromEntries(noises) };
    const [samples, logs] = interpret([drawn, plane], feeds).map(({ data }) => Array.from(data));
    for (const axis of [0, 1]) {
      const values = samples!.filter((_, i) => i % 2 === axis);
      const mean = values.reduce((a, b) => a + b) / n;
      const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
      const expected = logs!.reduce((sum, log, i) => sum + Math.exp(log) * cell * grid[2 * i + axis]!, 0);
      expect(Math.abs(mean - expected), name).toBeLessThan((5 * deviation) / Math.sqrt(n));
    }
  });
});
