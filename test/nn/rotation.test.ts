import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { conv2d } from "../../src/graph/ops/index.ts";
import { full, input } from "../../src/graph/tensor.ts";
import {
  inscribedCircle,
  polar,
  quarterTurn,
  shifted,
  turn,
  turnedBack,
  turnedProducts,
  wrap,
} from "../../src/nn/rotation.ts";
import { expectClose, randomArray } from "../helpers.ts";

const SIDE = 28;
const DEGREE = Math.PI / 180;

/** One picture `[1, h, w, 1]` of a smooth function of the offset from the centre, y downwards. */
function picture(value: (x: number, y: number) => number, height = SIDE, width = SIDE): NdArray {
  const data = Float64Array.from({ length: height * width }, (_, i) =>
    value((i % width) - (width - 1) / 2, Math.floor(i / width) - (height - 1) / 2),
  );
  return { shape: [1, height, width, 1], dtype: "float32", data };
}

const x = input("x", [1, SIDE, SIDE, 1]);
const angle = input("angle", [1]);
const one = (value: number): NdArray => ({ shape: [1], dtype: "float32", data: Float64Array.of(value) });
const hump = (x0: number, y0: number) => (x: number, y: number) => Math.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 18);
/** Bilinear values differ from the function by at most h² / 8 of its second derivatives along both axes: (1 / 9 + 1 / 9) / 8. */
const BILINEAR = 0.028;

describe("pictures in polar coordinates", () => {
  it("are constant along the angle for a picture that is the same in all directions", () => {
    const [y] = interpret([polar(x, { angles: 32, radii: 16 })], { x: picture(hump(0, 0)) });
    for (let r = 0; r < 16; r++) {
      const radius = (r + 0.5) * (14 / 16);
      const expected = new Float64Array(32).fill(Math.exp(-(radius ** 2) / 18));
      const along = Float64Array.from({ length: 32 }, (_, a) => y!.data[a * 16 + r]!);
      expectClose(along, expected, BILINEAR, `radius ${radius}`);
    }
  });

  it("have the direction 2π (a + phase) / angles, counterclockwise as seen, in row a", () => {
    // A picture of x and one of y: bilinear values of both are exact, within the picture.
    const read = (value: (x: number, y: number) => number) =>
      interpret([polar(x, { angles: 8, radii: 4, phase: 0.25 })], { x: picture(value) })[0]!.data;
    const [xs, ys] = [read((x) => x), read((_x, y) => y)];
    for (let a = 0; a < 8; a++)
      for (let r = 0; r < 3; r++) {
        const [direction, radius] = [(2 * Math.PI * (a + 0.25)) / 8, (r + 0.5) * 3.5];
        // Places are float32 constants of up to 14 pixels.
        expect(xs[a * 4 + r]).toBeCloseTo(radius * Math.cos(direction), 5);
        expect(ys[a * 4 + r]).toBeCloseTo(-radius * Math.sin(direction), 5);
      }
  });

  it("move by whole rows when the picture is turned: exactly by a quarter turn, up to interpolation by one row's angle", () => {
    const shape = { angles: 32, radii: 16 };
    const moved = (rows: NdArray, by: number) =>
      Float64Array.from(rows.data, (_, i) => rows.data[((Math.floor(i / 16) - by + 32) % 32) * 16 + (i % 16)]!);
    const noise = randomArray([1, SIDE, SIDE, 1], 3);
    const [before, quarter] = interpret([polar(x, shape), polar(quarterTurn(x), shape)], { x: noise });
    // Places are float32 constants: 1e-6 of a pixel beside a slope of up to 2.
    expectClose(quarter!.data, moved(before!, 8), 1e-5, "a quarter turn");
    const smooth = { x: picture(hump(5, -2)), angle: one((2 * Math.PI) / 32) };
    const [plain, turned] = interpret([polar(x, shape), polar(turn(x, angle), shape)], smooth);
    expectClose(turned!.data, moved(plain!, 1), 3 * BILINEAR, "one row's angle");
  });

  it("and pictures as they are can have their centre moved", () => {
    const shift = input("shift", [1, 2]);
    const feeds = {
      shift: { shape: [1, 2], dtype: "float32", data: Float64Array.of(2, -1) } as const,
      x: picture((x, y) => x + 10 * y),
    };
    const [rows, cartesian] = interpret([polar(x, { angles: 4, radii: 2 }, shift), shifted(x, shift)], feeds);
    // To the right at a radius of 3.5: x = 3.5 + 2 and y = -1.
    expect(rows!.data[0]).toBeCloseTo(5.5 - 10, 5);
    const middle = 10 * SIDE + 12;
    expect(cartesian!.data[middle]).toBeCloseTo(feeds.x.data[middle]! + 2 - 10, 5);
  });
});

describe("turned pictures", () => {
  it("have what was right of the centre at the angle, counterclockwise as seen", () => {
    // At the edge, which repeats, the hump is below 0.01.
    for (const degrees of [0, 30, 90, 200, 345]) {
      const [y] = interpret([turn(x, angle)], { x: picture(hump(4, 0)), angle: one(degrees * DEGREE) });
      const expected = picture(hump(4 * Math.cos(degrees * DEGREE), -4 * Math.sin(degrees * DEGREE)));
      expectClose(y!.data, expected.data, BILINEAR, `${degrees} degrees`);
    }
  });

  it("may have another size about the same centre", () => {
    const [y] = interpret([turn(x, angle, [20, 31])], { x: picture(hump(3, 1)), angle: one(0) });
    expectClose(y!.data, picture(hump(3, 1), 20, 31).data, BILINEAR, "20x31 of 28x28");
  });

  it("are exchanged pixels for a quarter turn", () => {
    const feeds = { x: randomArray([1, SIDE, SIDE, 1], 1), angle: one(Math.PI / 2) };
    const [exchanged, turned] = interpret([quarterTurn(x), turn(x, angle)], feeds);
    // Cosine and sine of the float64 angle are exact to 1e-16, places to 1e-6 of a pixel.
    expectClose(turned!.data, exchanged!.data, 1e-5, "90 degrees");
  });

  it("are turned back by fixed angles as by the negative angle of each, cut to the square about the centre", () => {
    const wide = input("x", [1, 12, 17, 2]);
    const feeds = { x: randomArray([1, 12, 17, 2], 5), angle: one(-0.4) };
    const [copies, single] = interpret([turnedBack(wide, [0.1, 0.4], 12), turn(wide, angle, [12, 12])], feeds);
    expect(copies!.shape).toEqual([1, 2, 12, 12, 2]);
    expectClose(copies!.data.slice(288), single!.data, 1e-5, "the second copy");
  });

  it("have inner products with a drawing at every angle that are those of the pictures turned back one by one", () => {
    const drawing = input("drawing", [2, 10, 10, 1]);
    const wide = input("x", [2, 10, 15, 1]);
    const feeds = { x: randomArray([2, 10, 15, 1], 7), drawing: randomArray([2, 10, 10, 1], 8) };
    for (const count of [1, 4, 12]) {
      const back = Array.from({ length: count }, (_, k) => turn(wide, full([2], (-2 * Math.PI * k) / count), [10, 10]));
      const [products, ...copies] = interpret([turnedProducts(wide, drawing, count), ...back], feeds);
      const expected = Float64Array.from({ length: 2 * count }, (_, i) => {
        const [row, copy] = [Math.floor(i / count), copies[i % count]!.data];
        return Array.from({ length: 100 }, (_, p) => copy[100 * row + p]! * feeds.drawing.data[100 * row + p]!).reduce(
          (a, b) => a + b,
        );
      });
      // Places are float32 constants: 1e-6 of a pixel beside slopes of up to 2, in sums of 100 terms.
      expectClose(products!.data, expected, 1e-5, `${count} angles`);
    }
  });
});

describe("a circle and a closed axis", () => {
  it("the inscribed circle holds the pixels whose centre is within half of the shorter side", () => {
    const [y] = interpret([inscribedCircle([4, 6])], {});
    expect([...y!.data]).toEqual([
      ...[0, 0, 1, 1, 0, 0],
      ...[0, 1, 1, 1, 1, 0],
      ...[0, 1, 1, 1, 1, 0],
      ...[0, 0, 1, 1, 0, 0],
    ]);
  });

  it("a convolution of a wrapped axis is circular: entry i sees i - 1, i and i + 1, counted around", () => {
    const row = input("x", [1, 5, 1, 1]);
    const weights = input("w", [3, 1, 1, 1]);
    const feeds = {
      x: ndarray("float32", [1, 5, 1, 1], [1, 2, 4, 8, 16]),
      w: ndarray("float32", [3, 1, 1, 1], [1, 10, 100]),
    };
    const [y] = interpret([conv2d(wrap(row, 1, 1), weights)], feeds);
    expect([...y!.data]).toEqual([16 + 10 + 200, 1 + 20 + 400, 2 + 40 + 800, 4 + 80 + 1600, 8 + 160 + 100]);
  });
});
