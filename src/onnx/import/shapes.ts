// Ops that give values another shape or order, of pictures and of what is known beforehand.
import { normalizeAxis, type Shape, sizeOf, stridesOf } from "../../base/array.ts";
import * as g from "../../graph/ops/index.ts";
import { reshaped } from "./axes.ts";
import type { Call, Importer } from "./call.ts";
import { computed, fileOrder, inOrder, reordered, type Value, widened } from "./values.ts";

/** A value in another shape. */
export function shapedTo(call: Call, x: Value, shape: Shape): Value {
  call.requireSize(shape);
  if (sizeOf(shape) !== sizeOf(x.shape)) call.refuse(`[${x.shape}] cannot become [${shape}]`);
  return x.kind === "known" ? { ...x, shape } : reshaped(x, shape);
}

const reshape: Importer = (call) => {
  const x = call.value(0);
  const given = call.opset < 5 ? [...(call.ints("shape") ?? [])] : call.wholeNumbers(1);
  const { size, inFile } = call.batch;
  const copies = call.int("allowzero", 0) === 0;
  const shape = given.map((dim, axis) => (dim === 0 && copies ? (x.shape[axis] ?? 0) : dim));
  // A file that was made for so many pictures says that number here.
  if (x.kind === "computed" && inFile !== undefined && shape[0] === inFile && x.shape[0] === size) shape[0] = size;
  const free = shape.indexOf(-1);
  if (free >= 0) shape[free] = sizeOf(x.shape) / Math.max(1, -sizeOf(shape));
  return shapedTo(call, x, shape);
};

const flatten: Importer = (call) => {
  const x = call.value(0);
  const axis = call.int("axis", 1);
  const at = axis < 0 ? axis + x.shape.length : axis;
  return shapedTo(call, x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]);
};

const squeeze: Importer = (call) => {
  const x = call.value(0);
  const axes = call.axes(1, x.shape.length) ?? fileOrder(x.shape.length).filter((axis) => x.shape[axis] === 1);
  return shapedTo(
    call,
    x,
    x.shape.filter((_, axis) => !axes.includes(axis)),
  );
};

const unsqueeze: Importer = (call) => {
  const x = call.value(0);
  const given = (call.has(1) ? call.wholeNumbers(1) : call.ints("axes")) ?? call.refuse("it names no axes");
  const rank = x.shape.length + given.length;
  const axes = given.map((axis) => normalizeAxis(axis, rank, "Unsqueeze"));
  const rest = [...x.shape];
  return shapedTo(
    call,
    x,
    fileOrder(rank).map((axis) => (axes.includes(axis) ? 1 : (rest.shift() ?? 1))),
  );
};

const transpose: Importer = (call) => {
  const x = call.value(0);
  const rank = x.shape.length;
  const perm = call.ints("perm") ?? fileOrder(rank).reverse();
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => !(axis in x.shape)))
    call.refuse(`[${perm}] is no order of the axes of [${x.shape}]`);
  const shape = perm.map((axis) => x.shape[axis]!);
  if (x.kind === "known") return call.result(x.type, shape, reordered(x.data, x.shape, perm));
  // Nothing moves: the axes get other names.
  return { ...x, shape, order: x.order.map((axis) => perm.indexOf(axis)) };
};

const expand: Importer = (call) => {
  const x = call.value(0);
  const wanted = call.wholeNumbers(1);
  const rank = Math.max(wanted.length, x.shape.length);
  const wide = widened(x, rank);
  const asked = [...new Array<number>(rank - wanted.length).fill(1), ...wanted];
  const shape = wide.shape.map((dim, axis) => (dim === 1 ? asked[axis]! : dim));
  call.requireSize(shape);
  if (wide.kind === "computed")
    return computed(
      g.broadcast(
        wide.tensor,
        wide.order.map((axis) => shape[axis]!),
      ),
      wide.order,
      wide,
    );
  // Spread over the batch it is still one weight: whatever takes it next broadcasts.
  if (shape.every((dim, axis) => dim === wide.shape[axis] || (axis === 0 && dim === call.batch.size))) return wide;
  const own = stridesOf(shape);
  const strides = stridesOf(wide.shape);
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    let at = 0;
    for (let k = 0; k < rank; k++) if (wide.shape[k] !== 1) at += (Math.floor(i / own[k]!) % shape[k]!) * strides[k]!;
    return wide.data[at]!;
  });
  return call.result(wide.type, shape, data);
};

/** Blocks of channels to places, or back. */
const depthToSpace: Importer = (call) => {
  const x = call.image(0);
  const [n, c, h, w] = x.shape as readonly number[] as [number, number, number, number];
  const b = call.int("blocksize", 1);
  const d = c / (b * b);
  if (!Number.isInteger(d) || b < 1) call.refuse(`blocks of ${b} do not fit ${c} channels`);
  const byColumns = call.text("mode", "DCR") === "DCR";
  const cells = reshaped(x, byColumns ? [n, b, b, d, h, w] : [n, d, b, b, h, w]);
  const [rows, columns, depth] = byColumns ? [1, 2, 3] : [2, 3, 1];
  const tensor = inOrder(cells, [0, 4, rows!, 5, columns!, depth!]);
  return computed(g.reshape(tensor, [n, h * b, w * b, d]), [0, 2, 3, 1], x);
};

const spaceToDepth: Importer = (call) => {
  const x = call.image(0);
  const [n, c, h, w] = x.shape as readonly number[] as [number, number, number, number];
  const b = call.int("blocksize", 1);
  if (b < 1 || h % b !== 0 || w % b !== 0) call.refuse(`blocks of ${b} do not fit ${h}x${w}`);
  const cells = reshaped(x, [n, c, h / b, b, w / b, b]);
  const tensor = inOrder(cells, [0, 2, 4, 3, 5, 1]);
  const like = { ...x, level: x.level + Math.round(Math.log2(b)) };
  return computed(g.reshape(tensor, [n, h / b, w / b, b * b * c]), [0, 2, 3, 1], like);
};

export const SHAPES: Readonly<Record<string, Importer>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
