// Pictures normalised by their moments: what must hold of the moments after it, and the definition written out with loops.
import { expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant } from "../../src/graph/tensor.ts";
import { momentNormalised } from "../../src/nn/moments.ts";
import { Random } from "../../src/random/random.ts";

type Shape = readonly [n: number, h: number, w: number, c: number];

const normalised = (pixels: Float32Array, shape: Shape): ArrayLike<number> =>
  interpret([momentNormalised(constant(ndarray("float32", shape, pixels)))])[0]!.data as Float32Array;

interface Moments {
  readonly x: number;
  readonly y: number;
  /** Columns a row. */
  readonly slant: number;
  /** Standard deviations of columns without the slant, and of rows. */
  readonly extents: readonly [across: number, down: number];
}

/** Centre from the middle of the picture, slant and extents of what differs from the mean of the border. */
function momentsOf(pixels: ArrayLike<number>, [, h, w]: Shape): Moments {
  const places = Array.from({ length: h * w }, (_, i) => ({
    row: Math.floor(i / w),
    column: i % w,
    value: pixels[i]!,
  }));
  const edge = places.filter(({ row, column }) => row === 0 || column === 0 || row === h - 1 || column === w - 1);
  const background = edge.reduce((sum, { value }) => sum + value, 0) / edge.length;
  const sum = (of: (x: number, y: number) => number) =>
    places.reduce(
      (all, { row, column, value }) => all + Math.abs(value - background) * of(column - (w - 1) / 2, row - (h - 1) / 2),
      0,
    );
  const all = sum(() => 1);
  const [x, y] = [sum((column) => column) / all, sum((_, row) => row) / all];
  const mean = (of: (right: number, below: number) => number) => sum((column, row) => of(column - x, row - y)) / all;
  const slant = mean((right, below) => right * below) / mean((_, below) => below ** 2);
  const across = Math.sqrt(mean((right, below) => (right - slant * below) ** 2));
  return { x, y, slant, extents: [across, Math.sqrt(mean((_, below) => below ** 2))] };
}

/** A blurred bar that leans, on a plain ground. */
function bar([, h, w]: Shape, ground: number, ink: number): Float32Array {
  return Float32Array.from({ length: h * w }, (_, i) => {
    const [row, column] = [Math.floor(i / w) - (h - 1) / 2 + 2, (i % w) - (w - 1) / 2 - 3];
    const inside = Math.exp(-((column - 0.5 * row) ** 2) / 4) / (1 + Math.exp(3 * (Math.abs(row) - 6)));
    return ground + (ink - ground) * inside;
  });
}

it("puts what is drawn into the middle, a fifth of its slant left, its size half-way to a fifth of the side", () => {
  const shape: Shape = [1, 28, 30, 1];
  for (const [ground, ink] of [
    [0, 1],
    [0.9, 0.2],
  ] as const) {
    const drawn = bar(shape, ground, ink);
    const before = momentsOf(drawn, shape);
    expect(before.slant).toBeGreaterThan(0.4);
    const after = momentsOf(normalised(drawn, shape), shape);
    const scales = [30 / 5, 28 / 5].map((size, axis) => Math.sqrt(size / before.extents[axis]!));
    // What the border's mean takes away from the bar moves its middle a little.
    for (const left of [after.x, after.y]) expect(Math.abs(left)).toBeLessThan(0.02);
    // A tenth of a pixel, at the ends of the bar, is what bilinear values leave.
    const slant = (0.2 * before.slant * scales[0]!) / scales[1]!;
    expect(Math.abs(after.slant - slant)).toBeLessThan(0.015);
    for (const axis of [0, 1]) {
      // A value between two pixels spreads over both: up to a quarter of a pixel's square, of variance.
      const [least, most] = [0, 1 / 4].map((more) => scales[axis]! * Math.sqrt(before.extents[axis]! ** 2 + more));
      expect(after.extents[axis]).toBeGreaterThan(0.99 * least!);
      expect(after.extents[axis]).toBeLessThan(most!);
    }
  }
});

it("is the picture read at places that moments tell, in the mean of the channels", () => {
  const shape: Shape = [2, 7, 9, 3];
  const [n, h, w, c] = shape;
  const pixels = new Float32Array(n * h * w * c);
  new Random(3, "pixels").fillUniform(pixels);
  const found = normalised(pixels, shape);
  for (let picture = 0; picture < n; picture++) {
    const own = pixels.subarray(picture * h * w * c, (picture + 1) * h * w * c);
    const grey = Float64Array.from({ length: h * w }, (_, i) => (own[i * c]! + own[i * c + 1]! + own[i * c + 2]!) / c);
    const { x, y, slant, extents } = momentsOf(grey, shape);
    const [across, tall] = [Math.sqrt(extents[0] / (w / 5)), Math.sqrt(extents[1] / (h / 5))];
    const at = (row: number, column: number, channel: number) => {
      const [i, j] = [Math.min(Math.max(row, 0), h - 1), Math.min(Math.max(column, 0), w - 1)];
      return own[(i * w + j) * c + channel]!;
    };
    for (let row = 0; row < h; row++)
      for (let column = 0; column < w; column++) {
        const down = (row - (h - 1) / 2) * tall;
        const fromX = x + (column - (w - 1) / 2) * across + 0.8 * slant * down + (w - 1) / 2;
        const fromY = y + down + (h - 1) / 2;
        const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
        const [u, v] = [fromX - left, fromY - top];
        for (let k = 0; k < c; k++) {
          const value =
            (1 - v) * ((1 - u) * at(top, left, k) + u * at(top, left + 1, k)) +
            v * ((1 - u) * at(top + 1, left, k) + u * at(top + 1, left + 1, k));
          // Places are float32 of up to some ten pixels; values change by less than 1 a pixel.
          expect(Math.abs(found[((picture * h + row) * w + column) * c + k]! - value)).toBeLessThan(1e-5);
        }
      }
  }
});

it("believes a slant of up to one column a row, and a size from half a pixel on", () => {
  const shape: Shape = [1, 25, 25, 1];
  // A line of two columns a row: of a slant of 2, 0.8 are taken away.
  const line = new Float32Array(25 * 25);
  for (let row = 7; row <= 17; row++) for (const more of [0, 1]) line[25 * row + 12 + 2 * (row - 12) + more] = 1;
  const [before, after] = [momentsOf(line, shape), momentsOf(normalised(line, shape), shape)];
  expect(before.slant).toBeCloseTo(2, 12);
  // With a slant of 1 taken away, columns have the variance of the rows left, beside their own.
  const [own, down] = before.extents;
  const ratio = Math.sqrt(down / Math.hypot(own, down));
  // Hard pixels do not show a slant exactly when they are enlarged; with all of it believed, 0.4 times the ratio would be left.
  expect(Math.abs(after.slant - 1.2 * ratio)).toBeLessThan(0.05);
  // One pixel has no size; it is enlarged as one of half a pixel is, to a hat that is so many pixels to each side.
  const dot = new Float32Array(25 * 25);
  dot[25 * 9 + 4] = 1;
  const enlarged = normalised(dot, shape);
  const reach = 1 / Math.sqrt(0.5 / (25 / 5));
  for (let column = 0; column < 25; column++) {
    const value = Math.max(0, 1 - Math.abs(column - 12) / reach);
    expect(Math.abs(enlarged[25 * 12 + column]! - value)).toBeLessThan(2e-5);
  }
});

it("leaves a picture as it is on which nothing is drawn", () => {
  const pixels = new Float32Array(6 * 5).fill(0.3);
  for (const value of Array.from(normalised(pixels, [1, 6, 5, 1]))) expect(Math.abs(value - 0.3)).toBeLessThan(1e-6);
});
