// Reading and adding rows at computed places: gather, its adjoint, one-hot codes.
import { ndarray, type Shape, sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, constant, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { equal } from "./binary.ts";
import { cast } from "./select.ts";
import { reshape } from "./shape.ts";
import { storage } from "./values.ts";

type None = Record<string, never>;

/** Rows `[r, …]` and int32 numbers `[i…]` to `[i…, …]`. */
export const gatherOp: OpDef<None> = {
  name: "gather",
  infer([x, index]) {
    if (index!.dtype !== "int32" || x!.shape.length === 0)
      fail("E_DTYPE", `gather: expected rows and int32 indices, got ${typeText(x!)} and ${typeText(index!)}`);
    return { shape: [...index!.shape, ...x!.shape.slice(1)], dtype: x!.dtype };
  },
  evaluate([x, index], _attrs, out) {
    const width = sizeOf(x!.shape.slice(1));
    const values = storage(x!.dtype, sizeOf(out.shape));
    index!.data.forEach((row, i) => {
      for (let k = 0; k < width; k++) values[i * width + k] = x!.data[row * width + k]!;
    });
    return values;
  },
  grad(node, dy) {
    const [x, index] = node.inputs as [Tensor, Tensor];
    return [scatterAdd(dy, index, x.shape), undefined];
  },
  lower: (emit, _node, [x, index]) => emit.node("Gather", [x!, index!], { axis: 0 }),
};

/** Rows `[i…, …]` and int32 numbers `[i…]` to `shape`: the adjoint of `gather`. */
export const scatterAddOp: OpDef<{ shape: Shape }> = {
  name: "scatterAdd",
  infer: ([rows], { shape }) => ({ shape, dtype: rows!.dtype }),
  evaluate([rows, index], { shape }) {
    const width = sizeOf(shape.slice(1));
    const values = storage("float32", sizeOf(shape));
    index!.data.forEach((row, i) => {
      for (let k = 0; k < width; k++) values[row * width + k]! += rows!.data[i * width + k]!;
    });
    return values;
  },
  grad: (node, dy) => [gather(dy, node.inputs[1]!), undefined],
  lower(emit, node, [rows, index]) {
    const count = sizeOf(node.inputs[1]!.shape);
    const { shape } = node.attrs;
    const zero = emit.node("Expand", [emit.scalar(0), emit.ints(shape)]);
    const places = emit.node("Cast", [emit.reshape(index!, [count, 1])], { to: 7 });
    return emit.node("ScatterND", [zero, places, emit.reshape(rows!, [count, ...shape.slice(1)])], {
      reduction: "add",
    });
  },
};

/** Rows of `x` at int32 `index`: `[r, …], [i…] -> [i…, …]`. */
export const gather = (x: Tensor, index: Tensor): Tensor => apply(gatherOp, [x, index], {});

/** Zeros of `shape` with rows added at `index`. */
export const scatterAdd = (rows: Tensor, index: Tensor, shape: Shape): Tensor =>
  apply(scatterAddOp, [rows, index], { shape });

/** int32 labels `[…] -> float32 […, classes]`. A label outside 0..classes-1 gives zeros. */
export function oneHot(labels: Tensor, classes: number): Tensor {
  const range = constant(
    ndarray(
      "int32",
      [classes],
      Array.from({ length: classes }, (_, i) => i),
    ),
  );
  return cast(equal(reshape(labels, [...labels.shape, 1]), range), "float32");
}
