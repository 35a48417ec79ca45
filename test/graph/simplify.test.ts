import { describe, expect, it } from "vitest";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import * as g from "../../src/graph/ops/index.ts";
import { print } from "../../src/graph/print.ts";
import { RULES, simplify } from "../../src/graph/simplify.ts";
import { constant, input, scalar, type Tensor, topological } from "../../src/graph/tensor.ts";
import { expectClose, randomArray } from "../helpers.ts";

const x = input("x", [2, 3]);
const y = input("y", [2, 3]);
const x1 = input("x", [3, 1]);
const size = (...outputs: Tensor[]) => topological(outputs).length;

describe("simplify", () => {
  // For each rule, in order: a graph that it shortens, and what is left of it.
  const cases: [string, Tensor, Tensor][] = [
    ["x + 0 = x", g.add(x, 0), x],
    ["x - 0 = x", g.sub(x, 0), x],
    ["x · 1 = x", g.mul(1, x), x],
    ["x / 1 = x", g.div(x, 1), x],
    ["x · -1 = -x", g.mul(x, -1), g.neg(x)],
    ["--x = x", g.neg(g.neg(x)), x],
    ["a + (-b) = a - b", g.add(g.neg(x), y), g.sub(y, x)],
    ["a - (-b) = a + b", g.sub(x, g.neg(y)), g.add(x, y)],
    ["(x · k) · m = x · (k m)", g.mul(g.mul(x, 3), 2), g.mul(x, 6)],
    [
      "an operand that broadcasts need not be broadcast first",
      g.mul(x, g.broadcast(g.sum(y, 0), [2, 3])),
      g.mul(x, g.sum(y, 0)),
    ],
    ["reshape of reshape is one reshape", g.reshape(g.reshape(x, [6]), [3, 2]), g.reshape(x, [3, 2])],
    ["reshape to the same shape is nothing", g.reshape(g.reshape(x, [6]), [2, 3]), x],
    ["transpose of transpose is one transpose, or nothing", g.transpose(g.transpose(x)), x],
    ["a reduction over axes of size 1 is a reshape", g.sum(g.reshape(x, [2, 3, 1]), 2), x],
  ];

  it("has a case for every rule", () => {
    expect(cases.map(([text]) => text)).toEqual(RULES.map((rule) => rule.text));
  });

  it.each(cases)("%s", (_text, before, after) => {
    expect(print(simplify([before]))).toBe(print([after]));
  });

  it("shares equal nodes and drops what nothing needs", () => {
    const twice = g.add(g.exp(g.mul(x, y)), g.exp(g.mul(x, y)));
    expect(size(twice)).toBe(7);
    expect(size(...simplify([twice]))).toBe(5);
  });

  it("shares what follows from the same large constant, which is folded once", () => {
    const large = constant(randomArray([100, 3], 1));
    const half = () => g.matmul(g.exp(large), x1);
    const [both] = simplify([g.add(half(), half())]);
    // The folded constant, x, their product and the sum.
    expect(size(both!)).toBe(4);
  });

  it("folds constants, with the value of the interpreter", () => {
    const [folded] = simplify([g.mul(g.exp(scalar(2)), scalar(3))]);
    expect(size(folded!)).toBe(1);
    expect(interpret([folded!])[0]!.data[0]).toBeCloseTo(3 * Math.exp(2), 12);
  });

  it("keeps values and makes a VAE-like gradient smaller", () => {
    const loss = g.mean(
      g.square(g.sub(g.sigmoid(g.matmul(g.relu(g.matmul(x, input("w", [3, 4]))), input("v", [4, 3]))), y)),
    );
    const weights = topological([loss]).filter((node) => ["w", "v"].includes(node.attrs.name as string));
    const before = [loss, ...grad(loss, weights)];
    const after = simplify(before);
    expect(size(...after)).toBeLessThan(size(...before));
    const feeds = {
      x: randomArray([2, 3], 1),
      y: randomArray([2, 3], 2),
      w: randomArray([3, 4], 3),
      v: randomArray([4, 3], 4),
    };
    const [a, b] = [interpret(before, feeds), interpret(after, feeds)];
    // The same float64 operations in another order.
    a.forEach((value, i) => {
      expectClose(b[i]!.data, value.data, 1e-12, `output ${i}`);
    });
  });
});

describe("print", () => {
  it("shows a training step with each product once", () => {
    const w = input("state:w", [3, 2]);
    const loss = g.mean(g.square(g.matmul(x, w)));
    expect(print(simplify([loss, ...grad(loss, [w])]))).toMatchInlineSnapshot(`
      "$x float32[2,3]
      $state:w float32[3,2]
      %0 float32[2,2] = matmul $x $state:w {transposeA: false, transposeB: false}
      %1 float32[2,2] = square %0
      %2 float32[] = sum %1 {axes: [0,1]}
      %3 float32[] = mul %2 0.25
      %4 float32[2,2] = mul 0.5 %0
      %5 float32[3,2] = matmul $x %4 {transposeA: true, transposeB: false}
      -> %3 %5"
    `);
  });
});

describe("grad", () => {
  it("refuses what is not a scalar, and gives zeros for what the scalar does not depend on", () => {
    expect(() => grad(x, [x])).toThrowError(/expected a scalar, got float32\[2,3\]/);
    expect([...interpret(grad(g.sum(x), [y]), {})[0]!.data]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("shapes that do not fit", () => {
  it.each([
    [
      () => g.matmul(input("a", [64, 784]), input("b", [512, 10])),
      /matmul: inner sizes differ: float32\[64,784\] @ float32\[512,10\]/,
    ],
    [() => g.add(x, input("b", [4])), /add: float32\[2,3\] and float32\[4\] do not broadcast/],
    [() => g.reshape(x, [4]), /reshape: float32\[2,3\] has 6 values, \[4\] needs 4/],
    [
      () => g.conv2d(input("i", [1, 8, 8, 3]), input("w", [3, 3, 4, 5])),
      /input has 3 channels, weights float32\[3,3,4,5\] expect 4/,
    ],
    [() => g.maxPool(input("i", [1, 2, 2, 1]), 3), /kernel 3x3 does not fit an input of 2x2/],
    [() => g.sum(x, 5), /sum: axis 5 is outside a tensor of rank 2; expected -2..1/],
    [() => g.concat([x, input("b", [3, 3])], 1), /differ outside axis 1/],
    [() => g.exp(g.cast(x, "int32")), /exp: expected float32, got int32\[2,3\]; cast\(\) it first/],
  ])("give a message that says both (%#)", (make, message) => {
    expect(make).toThrowError(message);
  });
});
