import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { grad } from "../../src/graph/grad.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { add, cast, floor, mul, sum } from "../../src/graph/ops/index.ts";
import { unaryOps } from "../../src/graph/ops/unary.ts";
import { apply, input, type OpDef, type Tensor } from "../../src/graph/tensor.ts";

/** e^x by an op whose derivative nobody has written. */
const opaqueOp: OpDef = { ...unaryOps.exp, name: "opaque", grad: "none" };
const opaque = (x: Tensor): Tensor => apply(opaqueOp, [x], {});

const [x, w] = [input("x", [3]), input("w", [3])];
const feeds = { x: ndarray("float32", [3], [0, 1, 2]), w: ndarray("float32", [3], [3, 4, 5]) };
const valuesOf = (tensors: readonly Tensor[]) => interpret(tensors, feeds).map(({ data }) => [...data]);

describe("grad", () => {
  it("refuses an op without a known derivative between the result and a target, and names it", () => {
    expect(() => grad(sum(mul(w, opaque(x))), [w, x])).toThrowError(
      expect.objectContaining({
        code: "E_GRAD",
        message: expect.stringMatching(/opaque \(float32\[3\] -> float32\[3\]\).*write the value in ops that have one/),
      }),
    );
  });

  it("passes by such an op where no target is behind it", () => {
    const [dw] = valuesOf(grad(sum(mul(w, opaque(x))), [w]));
    expect(dw).toEqual([1, Math.E, Math.E ** 2].map((value) => expect.closeTo(value, 12)));
  });

  it("passes by such an op where only piecewise constant ops are behind it", () => {
    expect(valuesOf(grad(sum(opaque(floor(x))), [x]))).toEqual([[0, 0, 0]]);
    expect(valuesOf(grad(sum(opaque(cast(cast(x, "int32"), "float32"))), [x]))).toEqual([[0, 0, 0]]);
  });

  it("is zero for a target that the result does not depend on, and adds up over all ways to one", () => {
    // d/dx (x² + 3x) = 2x + 3
    expect(valuesOf(grad(sum(add(mul(x, x), mul(x, 3))), [x, w]))).toEqual([
      [3, 5, 7],
      [0, 0, 0],
    ]);
  });

  it("refuses a result of several values without an adjoint", () => {
    expect(() => grad(x, [x])).toThrowError(expect.objectContaining({ code: "E_GRAD" }));
  });
});
