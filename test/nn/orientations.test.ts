// Histograms of oriented gradients: written out with angles and loops, and what must hold of them whatever the picture.
import { expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant } from "../../src/graph/tensor.ts";
import { orientations } from "../../src/nn/orientations.ts";
import { Random } from "../../src/random/random.ts";

function rowsOf(pixels: Float32Array, shape: readonly [number, number, number, number]) {
  const { data, shape: size } = interpret([orientations(constant(ndarray("float32", shape, pixels)))])[0]!;
  return { data: Array.from(data), shape: size };
}
function uniform(count: number, seed = 1): Float32Array {
  const values = new Float32Array(count);
  new Random(seed, "pixels").fillUniform(values);
  return values;
}
const bell = (distance: number, deviation: number) => Math.exp(-(distance ** 2) / (2 * deviation ** 2));

it("are votes of slopes for directions and cells, as roots of shares", () => {
  const [height, width, channels] = [8, 11, 2];
  const pixels = uniform(height * width * channels);
  const grey = (y: number, x: number) => {
    const at = (y * width + x) * channels;
    return (pixels[at]! + pixels[at + 1]!) / 2;
  };
  const [down, across] = [2, 3];
  const votes = new Float64Array(down * across * 16);
  const share = (place: number, cell: number, size: number, cells: number) => {
    const height = (at: number) => bell(at - ((cell + 0.5) * size) / cells + 0.5, (0.45 * size) / cells);
    let all = 0;
    for (let at = 0; at < size; at++) all += height(at);
    return height(place) / all;
  };
  const norm = [-3, -2, -1, 0, 1, 2, 3].reduce((sum, d) => sum + bell(d, 0.7), 0) ** 2;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let [right, below] = [0, 0];
      for (let dy = -3; dy <= 3; dy++)
        for (let dx = -3; dx <= 3; dx++) {
          const isInside = y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width;
          const value = isInside ? grey(y + dy, x + dx) : grey(y, x);
          const weight = (bell(dx, 0.7) * bell(dy, 0.7)) / norm;
          right += weight * dx * value;
          below += weight * dy * value;
        }
      for (let direction = 0; direction < 16; direction++) {
        const cosine = Math.cos(Math.atan2(below, right) - (direction * Math.PI) / 8);
        if (cosine <= 0) continue;
        for (let i = 0; i < down; i++)
          for (let j = 0; j < across; j++)
            votes[(i * across + j) * 16 + direction]! +=
              Math.hypot(right, below) * cosine ** 16 * share(y, i, height, down) * share(x, j, width, across);
      }
    }
  const sum = votes.reduce((total, vote) => total + vote, 0);
  const { data, shape } = rowsOf(pixels, [1, height, width, channels]);
  expect(shape).toEqual([1, votes.length]);
  // Slopes are kept from 0 by 1e-4, and weights are float32.
  votes.forEach((vote, i) => void expect(data[i]).toBeCloseTo(Math.sqrt(vote / sum), 4));
});

it("do not depend on brightness or contrast, and have length 1", () => {
  const pixels = uniform(12 * 12);
  const [first, other] = [pixels, pixels.map((value) => 0.2 + 0.5 * value)].map((p) => rowsOf(p, [1, 12, 12, 1]).data);
  expect(first!.reduce((sum, value) => sum + value ** 2, 0)).toBeCloseTo(1, 9);
  // Slopes are kept from 0 by 1e-4, of which more is left where contrast is low.
  first!.forEach((value, i) => void expect(other![i]).toBeCloseTo(value, 4));
});

it("of a picture turned by a quarter have cells and directions turned by a quarter", () => {
  const [size, cells] = [12, 3];
  const pixels = uniform(size * size);
  // What was at (y, x) comes to (x, size - 1 - y), and what rose to the right rises downwards.
  const turned = Float32Array.from(pixels, (_, at) => pixels[(size - 1 - (at % size)) * size + Math.floor(at / size)]!);
  const [before, after] = [pixels, turned].map((p) => rowsOf(p, [1, size, size, 1]).data);
  for (let i = 0; i < cells; i++)
    for (let j = 0; j < cells; j++)
      for (let direction = 0; direction < 16; direction++)
        expect(after![(j * cells + cells - 1 - i) * 16 + ((direction + 4) % 16)]).toBeCloseTo(
          before![(i * cells + j) * 16 + direction]!,
          6,
        );
});

it("are zeros of a picture without edges, of any size, and of one pixel", () => {
  for (const [height, width] of [
    [5, 40],
    [1, 2],
    [1, 1],
  ] as const) {
    const { data } = rowsOf(new Float32Array(height * width).fill(0.7), [1, height, width, 1]);
    // The interpreter's sums are float64, the kernels' values float32.
    for (const value of data) expect(Math.abs(value)).toBeLessThan(0.02);
  }
});

it("of a wide picture are of as many rows as it has", () => {
  expect(rowsOf(new Float32Array(16 * 64), [1, 16, 64, 1]).shape).toEqual([1, 4 * 8 * 16]);
});

it("of a large picture are those of it shrunk", () => {
  const small = uniform(20 * 20);
  const large = Float32Array.from(
    { length: 40 * 40 },
    (_, at) => small[Math.floor(at / 80) * 20 + Math.floor((at % 40) / 2)]!,
  );
  const { data } = rowsOf(small, [1, 20, 20, 1]);
  rowsOf(large, [1, 40, 40, 1]).data.forEach((value, i) => void expect(value).toBeCloseTo(data[i]!, 6));
});
