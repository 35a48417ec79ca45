// Reading and adding rows at computed places: gather, its adjoint, one-hot codes.
import { ndarray, type Shape, sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, constant, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { add, equal } from "./binary.ts";
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

/** The numbers of each row at places of its own: `[n, d]` and int32 `[n, t]` to `[n, t]`. */
export const takeAlongOp: OpDef<None> = {
  name: "takeAlong",
  infer([x, index]) {
    if (index!.dtype !== "int32" || x!.shape.length !== 2 || index!.shape.length !== 2)
      fail("E_DTYPE", `takeAlong: expected rows and int32 places in each, got ${typeText(x!)} and ${typeText(index!)}`);
    if (x!.shape[0] !== index!.shape[0])
      fail("E_SHAPE", `takeAlong: ${typeText(x!)} and ${typeText(index!)} have other numbers of rows`);
    return { shape: index!.shape, dtype: x!.dtype };
  },
  evaluate([x, index], _attrs, out) {
    const [d, t] = [x!.shape[1]!, out.shape[1]!];
    const values = storage(x!.dtype, sizeOf(out.shape));
    index!.data.forEach((place, i) => {
      values[i] = x!.data[Math.floor(i / t) * d + place]!;
    });
    return values;
  },
  grad(node, dy) {
    const [x, index] = node.inputs as [Tensor, Tensor];
    const size = sizeOf(x.shape);
    return [reshape(scatterAdd(reshape(dy, [sizeOf(dy.shape)]), flatPlaces(x, index), [size]), x.shape), undefined];
  },
  lower: (emit, _node, [x, index]) => emit.node("GatherElements", [x!, index!], { axis: 1 }),
};

/** Places in each row of `x` as places in all rows one after another, `[n t]`. */
export function flatPlaces(x: Tensor, index: Tensor): Tensor {
  const [n, d] = x.shape as [number, number];
  const starts = constant(
    ndarray(
      "int32",
      [n, 1],
      Array.from({ length: n }, (_, i) => i * d),
    ),
  );
  return reshape(add(index, starts), [sizeOf(index.shape)]);
}

/** Rows of `x` at int32 `index`: `[r, …], [i…] -> [i…, …]`. */
export const gather = (x: Tensor, index: Tensor): Tensor => apply(gatherOp, [x, index], {});

/** The numbers of row i of `x` at int32 `index[i]`: `[n, d], [n, t] -> [n, t]`. */
export const takeAlong = (x: Tensor, index: Tensor): Tensor => apply(takeAlongOp, [x, index], {});

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
