// Thumbnails: means of squares, computed by the float64 interpreter.
import { expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { constant } from "../../src/graph/tensor.ts";
import { thumbnail } from "../../src/nn/thumbnail.ts";

it.each([
  ["halved", 4, 6, 3, 2],
  ["as it is", 3, 2, 3, 1],
  ["with a rest left out", 5, 7, 4, 2],
  ["wider than three times its height", 2, 9, 3, 2],
])("a picture %s has the means of squares", (_, height, width, most, side) => {
  const pixel = (y: number, x: number, c: number) => (7 * y * y + 3 * x + 11 * c * x * y) % 17;
  const values = Array.from({ length: height * width * 2 }, (_, at) =>
    pixel(Math.floor(at / (2 * width)), Math.floor(at / 2) % width, at % 2),
  );
  const picture = constant(ndarray("float32", [1, height, width, 2], values));
  const { data, shape } = interpret([thumbnail(picture, most)])[0]!;
  const means: number[] = [];
  for (let y = 0; y + side <= height; y += side)
    for (let x = 0; x + side <= width; x += side)
      for (const c of [0, 1]) {
        const square = Array.from({ length: side * side }, (_, i) =>
          pixel(y + Math.floor(i / side), x + (i % side), c),
        );
        means.push(square.reduce((sum, value) => sum + value, 0) / side ** 2);
      }
  expect(shape).toEqual([1, means.length]);
  means.forEach((mean, i) => void expect(data[i]).toBeCloseTo(mean, 12));
});
