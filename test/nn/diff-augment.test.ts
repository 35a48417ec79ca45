import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, type Shape, sizeOf, zeros } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX } from "../../src/graph/names.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, input } from "../../src/graph/tensor.ts";
import { DIFF_AUGMENT_POLICIES, type DiffAugmentPolicy, diffAugment } from "../../src/nn/diff-augment.ts";
import { Build, drawNoise } from "../../src/nn/scope.ts";
import { BACKENDS, expectClose, randomArray } from "../helpers.ts";

/** The graph of a policy for pictures `[n, h, w, c]`, with the noise of one step. */
function augmented(policy: DiffAugmentPolicy, shape: Shape, seed = 1) {
  const build = new Build(true);
  const x = input("x", shape);
  const y = diffAugment(build.root, x, policy);
  const noise: Record<string, NdArray> = {};
  for (const [path, spec] of build.noises) {
    const data = new Float32Array(sizeOf(spec.shape));
    drawNoise(spec, path, seed, 1, data);
    noise[NOISE_PREFIX + path] = { shape: spec.shape, dtype: "float32", data };
  }
  return { x, y, noise };
}

/** Changed pictures, from given ones and given uniform numbers by the end of their name (one for each picture). */
function changed(policy: DiffAugmentPolicy, picture: NdArray, fixed: Readonly<Record<string, readonly number[]>> = {}) {
  const { y, noise } = augmented(policy, picture.shape);
  for (const [path, values] of Object.entries(fixed)) {
    const name = NOISE_PREFIX + path;
    expect(noise[name], path).toBeDefined();
    noise[name] = ndarray("float32", noise[name]!.shape, values);
  }
  return interpret([y], { x: picture, ...noise })[0]!;
}

/** Value of a picture `[n, h, w, c]` at a place, 0 outside. */
function at({ shape, data }: NdArray, i: number, row: number, column: number, channel: number): number {
  const [, h, w, c] = shape as readonly number[] as [number, number, number, number];
  if (row < 0 || row >= h || column < 0 || column >= w) return 0;
  return data[((i * h + row) * w + column) * c + channel]!;
}

/** Every place of pictures: number, row, column, channel. */
function* placesOf([n, h, w, c]: readonly number[]): Generator<[number, number, number, number]> {
  for (let i = 0; i < n!; i++)
    for (let row = 0; row < h!; row++)
      for (let column = 0; column < w!; column++) for (let k = 0; k < c!; k++) yield [i, row, column, k];
}

describe("translation", () => {
  it.each([1, 3])(
    "moves each picture by a whole number of pixels of its own, up to an eighth, on 0 (channels: %i)",
    (c) => {
      const picture = randomArray([2, 16, 9, c], 1, [0.1, 1]);
      // An eighth of 16 rows: -2..2, five as likely; of 9 columns: -1..1, three.
      const y = changed("translation", picture, {
        "translation/rows": [0.01, 0.99],
        "translation/columns": [0.5, 0.99],
      });
      const moves = [
        [-2, 0],
        [2, 1],
      ] as const;
      for (const [i, row, column, k] of placesOf(picture.shape)) {
        const [down, right] = moves[i]!;
        expect(at(y, i, row, column, k)).toBe(at(picture, i, row + down, column + right, k));
      }
    },
  );

  it("is by all shifts as often", () => {
    const n = 4000;
    const shape = [n, 8, 8, 1];
    const data = new Float32Array(n * 64);
    for (let i = 0; i < n; i++) data[i * 64 + 3 * 8 + 4] = 1;
    const y = changed("translation", { shape, dtype: "float32", data });
    const counts = new Map<number, number>();
    y.data.forEach((value, place) => {
      if (value === 1) counts.set(place % 64, (counts.get(place % 64) ?? 0) + 1);
    });
    expect(counts.size).toBe(9);
    // 444 expected of each of nine; a standard deviation is 20.
    for (const count of counts.values()) expect(Math.abs(count - n / 9)).toBeLessThan(100);
  });
});

describe("cutout", () => {
  it("makes 0 of a rectangle of half the sides around a place of the picture, and changes nothing else", () => {
    const picture = randomArray([3, 8, 6, 2], 2, [0.1, 1]);
    // Middles in rows 0, 4 and 8 of 0..8; in columns 0, 3 and 5 of 0..5 (the half of 6 is odd).
    const y = changed("translation+cutout", picture, {
      "translation/rows": [0.5, 0.5, 0.5],
      "translation/columns": [0.5, 0.5, 0.5],
      "cutout/rows": [0.01, 0.5, 0.99],
      "cutout/columns": [0.01, 0.55, 0.99],
    });
    const boxes = [
      { rows: [-2, 2], columns: [-1, 2] },
      { rows: [2, 6], columns: [2, 5] },
      { rows: [6, 10], columns: [4, 7] },
    ] as const;
    for (const [i, row, column, k] of placesOf(picture.shape)) {
      const { rows, columns } = boxes[i]!;
      const inside = row >= rows[0] && row < rows[1] && column >= columns[0] && column < columns[1];
      expect(at(y, i, row, column, k), `${i} ${row} ${column}`).toBe(inside ? 0 : at(picture, i, row, column, k));
    }
  });
});

describe("colour", () => {
  const still = { "translation/rows": [0.5], "translation/columns": [0.5] };
  /** Cuts a rectangle out whose middle is the first corner: what is at and behind a quarter of the sides stays. */
  const corner = { "cutout/rows": [0], "cutout/columns": [0] };
  const policy = "colour+translation+cutout";
  const middle = { "colour/brightness": [0.5], "colour/saturation": [0.5], "colour/contrast": [0.5] };

  /** Where a picture of one is not cut out: the last of 8 rows and columns. */
  function last(picture: NdArray, fixed: Readonly<Record<string, readonly number[]>>): number[] {
    const grey = picture.shape[3] === 1;
    const { "colour/saturation": saturation, ...rest } = { ...middle, ...fixed };
    const y = changed(policy, picture, {
      ...still,
      ...corner,
      ...rest,
      ...(grey ? {} : { "colour/saturation": saturation! }),
    });
    return Array.from({ length: picture.shape[3]! }, (_, k) => at(y, 0, 7, 7, k));
  }
  const picture = randomArray([1, 8, 8, 3], 3, [0, 1]);
  const own = [0, 1, 2].map((k) => at(picture, 0, 7, 7, k));
  const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 9));
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

  it("changes nothing in the middle of its ranges", () => {
    expect(last(picture, {})).toEqual(close(own));
  });

  it("adds up to a quarter of brightness", () => {
    expect(last(picture, { "colour/brightness": [0.875] })).toEqual(close(own.map((value) => value + 0.1875)));
  });

  it("takes the distance to the pixel's mean times 0..2, which no grey picture has", () => {
    expect(last(picture, { "colour/saturation": [0.75] })).toEqual(
      close(own.map((value) => mean(own) + 1.5 * (value - mean(own)))),
    );
    const grey = randomArray([1, 8, 8, 1], 4, [0, 1]);
    expect(last(grey, { "colour/saturation": [0.75] })).toEqual(close([at(grey, 0, 7, 7, 0)]));
  });

  it("takes the distance to the picture's mean times 0.5..1.5", () => {
    const whole = mean(picture.data);
    expect(last(picture, { "colour/contrast": [0] })).toEqual(close(own.map((value) => whole + 0.5 * (value - whole))));
  });
});

it("the policy none gives the pictures themselves", () => {
  const { x, y, noise } = augmented("none", [2, 8, 8, 1]);
  expect([y === x, Object.keys(noise)]).toEqual([true, []]);
});

it("two batches of a step are changed by the same policy with other numbers", () => {
  const build = new Build(true);
  const x = input("x", [2, 8, 8, 1]);
  for (let k = 0; k < 2; k++) diffAugment(build.root, x, "translation");
  expect([...build.noises.keys()]).toEqual([
    "translation/rows",
    "translation/columns",
    "translation/rows#2",
    "translation/columns#2",
  ]);
});

const POLICIES = (Object.keys(DIFF_AUGMENT_POLICIES) as DiffAugmentPolicy[]).filter((policy) => policy !== "none");

describe.each(POLICIES)("policy %s", (policy) => {
  it.each(BACKENDS)("and its derivative on $name equal the float64 evaluation", async (backend) => {
    const shape = [4, 12, 10, 3];
    const { x, y, noise } = augmented(policy, shape, 7);
    const [dx] = grad(g.sum(g.mul(g.square(y), constant(randomArray(shape, 9)))), [x]);
    const feeds = { x: ndarray("float32", shape, Float32Array.from(randomArray(shape, 8, [0, 1]).data)), ...noise };
    const executable = await backend.compile(policy, { y, dx: dx! }, { mode: "train" });
    const results = { y: zeros(shape), dx: zeros(shape) };
    await executable.run(feeds, results);
    await executable.dispose();
    const [value, slope] = interpret([y, dx!], feeds);
    // Sums of 360 values in float32, whose roundings are a relative 6e-8 each.
    expectClose(results.y.data, value!.data, 1e-5, "pictures");
    expectClose(results.dx.data, slope!.data, 1e-5, "derivative");
    // Something has changed, and something has come through.
    expect(value!.data).not.toEqual(feeds.x.data);
    expect(slope!.data.some((v) => v !== 0)).toBe(true);
  });
});
