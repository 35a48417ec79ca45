// Ops that move values, of pictures and of what is known beforehand; and those that tell shapes.
import { normalizeAxis, type Shape, sizeOf, stridesOf } from "../../base/array.ts";
import * as g from "../../graph/ops/index.ts";
import { constant } from "../../graph/tensor.ts";
import { reshaped } from "./axes.ts";
import type { Call, Importer } from "./call.ts";
import { arrayOf, type Computed, computed, fileOrder, inOrder, reordered, type Value, widened } from "./values.ts";

/** A value in another shape. */
function shapedTo(call: Call, x: Value, shape: Shape): Value {
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

const concat: Importer = (call) => {
  const values = call.values();
  const rank = values[0]!.shape.length;
  const axis = normalizeAxis(call.int("axis", 1), rank, "Concat");
  if (values.some(({ shape }) => shape.length !== rank)) call.refuse("its operands have different numbers of axes");
  if (values.every((value) => value.kind === "known")) {
    const shape = values[0]!.shape.map((dim, i) =>
      i === axis ? values.reduce((total, value) => total + value.shape[axis]!, 0) : dim,
    );
    call.requireSize(shape);
    const data = new Float64Array(sizeOf(shape));
    const [rows, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
    let offset = 0;
    for (const value of values) {
      const width = value.shape[axis]! * inner;
      for (let row = 0; row < rows; row++)
        for (let i = 0; i < width; i++) data[row * shape[axis]! * inner + offset + i] = value.data[row * width + i]!;
      offset += width;
    }
    return call.result(values[0]!.type, shape, data);
  }
  const first = values.find((value) => value.kind === "computed")!;
  const like = { ...first, level: call.level, learned: call.learned };
  const tensors = values.map((value) =>
    value.kind === "computed" ? inOrder(value, like.order) : call.weight(value, like.order),
  );
  // A class token is there once, and stands before the places of each picture.
  const n = like.tensor.shape[0]!;
  const spread = tensors.map((t) =>
    t.shape[0] === 1 && n > 1 && axis > 0 ? g.broadcast(t, [n, ...t.shape.slice(1)]) : t,
  );
  return computed(g.concat(spread, like.order.indexOf(axis)), like.order, like);
};

/** Elements `begin + i · step`, `size` of them, of one axis. */
function sliced(call: Call, x: Value, axis: number, begin: number, size: number, step = 1): Value {
  if (size < 1) call.refuse(`it leaves nothing of axis ${axis} of [${x.shape}]`);
  if (x.kind === "computed") {
    const at = x.order.indexOf(axis);
    const forward = step > 0 ? x.tensor : g.reverse(x.tensor, at);
    const first = step > 0 ? begin : x.shape[axis]! - 1 - begin;
    const end = first + (size - 1) * Math.abs(step) + 1;
    return computed(g.sliceAxis(forward, at, first, end, Math.abs(step)), x.order, x);
  }
  const shape = x.shape.map((dim, i) => (i === axis ? size : dim));
  const strides = stridesOf(x.shape);
  const own = stridesOf(shape);
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    let at = 0;
    for (let k = 0; k < shape.length; k++) {
      const place = Math.floor(i / own[k]!) % shape[k]!;
      at += (k === axis ? begin + place * step : place) * strides[k]!;
    }
    return x.data[at]!;
  });
  return call.result(x.type, shape, data);
}

const slice: Importer = (call) => {
  let x = call.value(0);
  const rank = x.shape.length;
  const old = call.opset < 10;
  const bounds = (operand: number, name: string) =>
    (old ? call.ints(name) : call.wholeNumbers(operand)) ?? call.refuse(`it names no ${name}`);
  const [starts, ends] = [bounds(1, "starts"), bounds(2, "ends")];
  const axes = (old ? call.ints("axes") : call.has(3) ? call.wholeNumbers(3) : undefined) ?? fileOrder(starts.length);
  const steps = !old && call.has(4) ? call.wholeNumbers(4) : starts.map(() => 1);
  for (const [i, given] of axes.entries()) {
    const axis = normalizeAxis(given, rank, "Slice");
    const [dim, step] = [x.shape[axis]!, steps[i] ?? 1];
    if (step === 0) call.refuse("its step is 0");
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const within = (place: number) => Math.min(Math.max(place < 0 ? place + dim : place, low), high);
    const begin = Math.min(within(starts[i] ?? 0), step > 0 ? dim : dim - 1);
    const end = within(ends[i] ?? dim);
    x = sliced(call, x, axis, begin, Math.max(0, Math.ceil((end - begin) / step)), step);
  }
  return x;
};

const split: Importer = (call) => {
  const x = call.value(0);
  const axis = normalizeAxis(call.int("axis", 0), x.shape.length, "Split");
  const parts = call.node.outputs.length;
  const each = Math.ceil(x.shape[axis]! / parts);
  const sizes =
    (call.has(1) ? call.wholeNumbers(1) : call.ints("split")) ??
    Array.from({ length: parts }, (_, i) => Math.min(each, x.shape[axis]! - i * each));
  let at = 0;
  return sizes.map((size) => {
    at += size;
    if (at > x.shape[axis]!) call.refuse(`parts [${sizes}] of an axis of ${x.shape[axis]}`);
    return sliced(call, x, axis, at - size, size);
  });
};

const gather: Importer = (call) => {
  const [x, index] = [call.value(0), call.known(1)];
  const axis = normalizeAxis(call.int("axis", 0), x.shape.length, "Gather");
  const dim = x.shape[axis]!;
  const places = Array.from(index.data, (i) => (i < 0 ? i + dim : i));
  if (places.some((place) => !(place >= 0 && place < dim))) call.refuse(`it reads beyond axis ${axis} of [${x.shape}]`);
  const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
  call.requireSize(shape);
  if (places.length === 1) return shapedTo(call, sliced(call, x, axis, places[0]!, 1), shape);
  if (x.kind === "computed") {
    const front = [axis, ...x.order.filter((other) => other !== axis)];
    const rows = g.gather(inOrder(x, front), constant(arrayOf({ ...index, data: places, shape: [places.length] })));
    const picked = x.shape.map((size, i) => (i === axis ? places.length : size));
    return shapedTo(call, { ...x, tensor: rows, order: front, shape: picked }, shape);
  }
  const inner = sizeOf(x.shape.slice(axis + 1));
  const outer = sizeOf(x.shape.slice(0, axis));
  const data = new Float64Array(sizeOf(shape));
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (const place of places) for (let i = 0; i < inner; i++) data[at++] = x.data[(o * dim + place) * inner + i]!;
  return call.result(x.type, shape, data);
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
  if (shape.every((dim, axis) => dim === wide.shape[axis] || (axis === 0 && dim === call.batch.size)))
    return { ...wide, name: x.kind === "known" ? x.name : wide.name };
  const own = stridesOf(shape);
  const strides = stridesOf(wide.shape);
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    let at = 0;
    for (let k = 0; k < rank; k++) if (wide.shape[k] !== 1) at += (Math.floor(i / own[k]!) % shape[k]!) * strides[k]!;
    return wide.data[at]!;
  });
  return call.result(wide.type, shape, data);
};

const pad: Importer = (call) => {
  const x = call.computed(0);
  const rank = x.shape.length;
  if (call.text("mode", "constant") !== "constant") return mirrored(call, x);
  const [pads, value] = paddingOf(call, rank);
  const before = x.order.map((axis) => pads[axis]!);
  const after = x.order.map((axis) => pads[axis + rank]!);
  call.requireSize(x.shape.map((dim, axis) => dim + Math.abs(pads[axis]!) + Math.abs(pads[axis + rank]!)));
  // A negative margin cuts.
  const cut = (list: readonly number[]) => list.map((n) => Math.max(0, -n));
  const [cutBefore, cutAfter] = [cut(before), cut(after)];
  const size = x.tensor.shape.map((dim, i) => dim - cutBefore[i]! - cutAfter[i]!);
  if (size.some((dim) => dim < 1)) call.refuse(`margins [${pads}] leave nothing of [${x.shape}]`);
  const inner = g.slice(x.tensor, cutBefore, size);
  const grow = (list: readonly number[]) => list.map((n) => Math.max(0, n));
  return computed(g.pad(inner, grow(before), grow(after), value), x.order, x);
};

/** Margins before and after each axis of the file, and what they hold. */
function paddingOf(call: Call, rank: number): [pads: readonly number[], value: number] {
  if (call.opset < 11) return [call.ints("pads") ?? [], call.float("value", 0)];
  const given = call.wholeNumbers(1);
  const axes = call.has(3) ? call.axes(3, rank)! : fileOrder(rank);
  const pads = new Array<number>(2 * rank).fill(0);
  if (given.length !== 2 * axes.length) call.refuse(`it has ${given.length} margins for ${axes.length} axes`);
  for (const [i, axis] of axes.entries()) {
    pads[axis] = given[i]!;
    pads[axis + rank] = given[i + axes.length]!;
  }
  return [pads, call.number(2, 0)];
}

/** Margins that repeat the edge, or mirror what is beside it. */
function mirrored(call: Call, x: Computed): Value {
  const mode = call.text("mode", "");
  const [pads] = paddingOf(call, x.shape.length);
  let tensor = x.tensor;
  for (const [at, axis] of x.order.entries()) {
    const [before, after, dim] = [pads[axis]!, pads[axis + x.shape.length]!, x.shape[axis]!];
    if (before === 0 && after === 0) continue;
    if (before < 0 || after < 0 || Math.max(before, after) >= dim || !["reflect", "edge"].includes(mode))
      call.refuse(`mode "${mode}" with margins of ${before} and ${after} on an axis of ${dim}`);
    const part = (from: number, to: number) => g.sliceAxis(tensor, at, from, to);
    const edge = (place: number, times: number) => Array.from({ length: times }, () => part(place, place + 1));
    const ends =
      mode === "edge"
        ? [edge(0, before), edge(dim - 1, after)]
        : [
            before ? [g.reverse(part(1, before + 1), at)] : [],
            after ? [g.reverse(part(dim - 1 - after, dim - 1), at)] : [],
          ];
    tensor = g.concat([...ends[0]!, tensor, ...ends[1]!], at);
  }
  return computed(tensor, x.order, x);
}

const shape: Importer = (call) => {
  const x = call.value(0);
  const rank = x.shape.length;
  const place = (at: number) => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank);
  const sizes = x.shape.slice(place(call.int("start", 0)), place(call.int("end", rank)));
  return call.result("int", [sizes.length], sizes);
};

const constantNode: Importer = (call) => {
  const number = call.node.attributes;
  const tensor = call.tensor("value");
  if (tensor) return { ...tensor, name: call.node.outputs[0]! };
  if (number.has("value_float")) return call.result("float", [], [call.float("value_float", 0)]);
  if (number.has("value_int")) return call.result("int", [], [call.int("value_int", 0)]);
  const floats = call.floats("value_floats");
  if (floats) return call.result("float", [floats.length], floats);
  const ints = call.ints("value_ints");
  if (ints) return call.result("int", [ints.length], ints);
  return call.refuse("it holds neither a tensor nor numbers");
};

const constantOfShape: Importer = (call) => {
  const sizes = call.wholeNumbers(0);
  call.requireSize(sizes);
  const value = call.tensor("value");
  return call.result(value?.type ?? "float", sizes, new Float64Array(sizeOf(sizes)).fill(value?.data[0] ?? 0));
};

const rangeNode: Importer = (call) => {
  const [start, limit, step] = [0, 1, 2].map((i) => call.number(i, 0)) as [number, number, number];
  const count = Math.max(0, Math.ceil((limit - start) / step));
  call.requireSize([count]);
  return call.result(
    call.known(0).type,
    [count],
    Float64Array.from({ length: count }, (_, i) => start + i * step),
  );
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
  Concat: concat,
  Slice: slice,
  Split: split,
  Gather: gather,
  Expand: expand,
  Pad: pad,
  Shape: shape,
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Range: rangeNode,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
