// Multiply-adds counted from a graph, against the products that are counted by hand.
import { expect, it } from "vitest";
import { multiplyAdds } from "../../src/graph/cost.ts";
import * as g from "../../src/graph/ops/index.ts";
import { input } from "../../src/graph/tensor.ts";

it("a product takes rows x inner x columns, also transposed and in batches", () => {
  const a = input("a", [3, 4]);
  expect(multiplyAdds([g.matmul(a, input("b", [4, 5]))])).toBe(3 * 4 * 5);
  expect(multiplyAdds([g.matmul(a, input("b", [5, 3]), true, true)])).toBe(4 * 3 * 5);
  expect(multiplyAdds([g.matmul(input("a", [7, 3, 4]), input("b", [4, 5]))])).toBe(7 * 3 * 4 * 5);
});

it("a convolution takes, for each output value, the taps of the input channels of its group", () => {
  const x = input("x", [2, 8, 8, 6]);
  const w = input("w", [3, 3, 6, 10]);
  const y = g.conv2d(x, w, { stride: 2, padding: "same" });
  expect(multiplyAdds([y])).toBe(2 * 4 * 4 * 10 * 9 * 6);
  expect(multiplyAdds([g.conv2d(x, input("w", [3, 3, 2, 9]), { groups: 3 })])).toBe(2 * 6 * 6 * 9 * 9 * 2);
  // The adjoint moves the same numbers the other way.
  const back = g.conv2dTranspose(input("y", [2, 4, 4, 10]), w, [8, 8], { stride: 2, padding: "same" });
  expect(multiplyAdds([back])).toBe(2 * 4 * 4 * 10 * 9 * 6);
});

it("a node that several others use counts once; what is no product costs nothing", () => {
  const product = g.matmul(input("a", [3, 4]), input("b", [4, 5]));
  expect(multiplyAdds([g.relu(product), g.add(product, g.mul(product, 2))])).toBe(60);
});
