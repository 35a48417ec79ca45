import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/ops/index.ts";
import { input } from "../../src/graph/tensor.ts";

describe("padding", () => {
  const [x, w] = [input("x", [1, 8, 8, 4]), input("w", [4, 4, 4, 4])];

  it.each([
    ["conv2d", () => g.conv2d(x, w, { stride: 2, padding: [-1, 0, 0, 0] }), "-1,0,0,0"],
    ["conv2d", () => g.conv2d(x, w, { stride: 2, padding: [0, 0, 0, -2] }), "0,0,0,-2"],
    ["conv2dTranspose", () => g.conv2dTranspose(x, w, [18, 20], { stride: 2, padding: [0, -1, 0, 0] }), "0,-1,0,0"],
    ["depthwiseConv2d", () => g.depthwiseConv2d(x, input("k", [3, 3, 4]), { padding: -1 }), "-1,-1,-1,-1"],
    ["maxPool", () => g.maxPool(x, 2, { padding: [0, 0, -1, 0] }), "0,0,-1,0"],
  ])("that is negative is refused by %s, which tells what to do in its place", (_name, build, sides) => {
    const message = `padding: expected 0 or more pixels on each side, got [${sides}]; cut the picture with slice()`;
    expect(build).toThrowError(expect.objectContaining({ code: "E_SHAPE", message }));
  });
});
