// Conv and ConvTranspose.
import { ndarray } from "../../base/array.ts";
import * as g from "../../graph/ops/index.ts";
import type { Size, Window } from "../../graph/ops/window.ts";
import { makeWindow } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Call, Importer } from "./call.ts";
import { arrayOf, asInFile, type Computed, channelsLast, computed, fileOrder, inOrder, type Value } from "./values.ts";

/** No kernel, stride or margin of a network is larger. */
const LARGEST = 4096;

/** The window of a node over pictures of `size`, its padding as the file says or as `auto_pad` does. */
export function windowOf(call: Call, kernel: readonly number[], size: Size): Window {
  const pick = (name: string): Size => {
    const values = call.ints(name) ?? [1, 1];
    return [values[0]!, values[1]!];
  };
  if (kernel.length !== 2) call.refuse(`its kernel has ${kernel.length} axes; two can be taken`);
  const options = { stride: pick("strides"), dilation: pick("dilations") };
  const pads = call.ints("pads") ?? [0, 0, 0, 0];
  const sizes = [...kernel, ...options.stride, ...options.dilation, ...pads];
  if (pads.length !== 4 || sizes.some((value) => !(value >= 0 && value <= LARGEST)) || kernel.some((k) => k < 1))
    call.refuse(`kernel [${kernel}], strides [${options.stride}], dilations [${options.dilation}], pads [${pads}]`);
  if (options.stride.some((value) => value < 1) || options.dilation.some((value) => value < 1))
    call.refuse(`strides [${options.stride}] and dilations [${options.dilation}] have to be at least 1`);
  const how = call.text("auto_pad", "NOTSET");
  const own = [kernel[0]!, kernel[1]!] as const;
  if (how === "VALID") return makeWindow(own, size, options);
  if (how === "NOTSET" || how === "") return makeWindow(own, size, { ...options, padding: pads as never });
  const window = makeWindow(own, size, { ...options, padding: "same" });
  if (how === "SAME_UPPER") return window;
  if (how !== "SAME_LOWER") call.refuse(`auto_pad is "${how}"`);
  const [top, left, bottom, right] = window.padding;
  return { ...window, padding: [bottom, right, top, left] };
}

/** How often a step from pictures of one height to another halves them. */
export const halvings = (from: number, to: number): number => Math.max(0, Math.round(Math.log2(from / to)));

/** The height and width of a value `[n, c, h, w]`. */
export const sizeOfImage = ({ shape }: Computed): Size => [shape[2]!, shape[3]!];

/** A picture with channels last. */
export const lastOf = (value: Computed): Tensor => inOrder(value, channelsLast(4));

/** A result `[n, h, w, c]` of pictures `x`. */
export const imageLike = (tensor: Tensor, x: Computed): Computed =>
  computed(tensor, channelsLast(4), {
    learned: x.learned,
    level: x.level + halvings(x.shape[2]!, tensor.shape[1]!),
  });

const conv: Importer = (call) => {
  const x = call.image(0);
  const w = call.value(1);
  if (w.shape.length !== 4) call.refuse(`its weights have shape [${w.shape}]; [o, c, kh, kw] can be taken`);
  const [o, inGroup, kh, kw] = w.shape as readonly number[] as [number, number, number, number];
  const groups = call.int("group", 1);
  const c = x.shape[1]!;
  if (!(groups >= 1) || inGroup * groups !== c || o % groups !== 0)
    call.refuse(`${groups} groups and weights [${w.shape}] do not fit ${c} channels`);
  const window = windowOf(call, [kh, kw], sizeOfImage(x));
  const options = { stride: window.stride, padding: window.padding, dilation: window.dilation };
  const place = x.level + halvings(x.shape[2]!, Math.max(1, Math.ceil(x.shape[2]! / window.stride[0])));
  const bias = call.has(2) ? vector(call, call.value(2), place) : undefined;
  const image = lastOf(x);
  const learned = { ...x, learned: true };
  if (inGroup === 1 && groups > 1) {
    // [o, 1, kh, kw] -> [kh, kw, o]: each channel o / c times over.
    const kernels = weights(call, w, [2, 3, 1, 0], [kh, kw, o], place);
    const times = o / c;
    const repeated = times === 1 ? image : repeatChannels(image, times);
    return imageLike(g.depthwiseConv2d(repeated, kernels, { ...options, bias }), learned);
  }
  const kernels = weights(call, w, [2, 3, 1, 0], [kh, kw, inGroup, o], place);
  return imageLike(g.conv2d(image, kernels, { ...options, groups, bias }), learned);
};

/** `[n, h, w, c] -> [n, h, w, c · times]`, copies of a channel beside each other. */
function repeatChannels(x: Tensor, times: number): Tensor {
  const [n, h, w, c] = x.shape as readonly number[] as [number, number, number, number];
  const spread = g.broadcast(g.reshape(x, [n, h, w, c, 1]), [n, h, w, c, times]);
  return g.reshape(spread, [n, h, w, c * times]);
}

/** An operand as weights: its axes in `order`, then in a shape of as many elements. */
function weights(call: Call, value: Value, order: readonly number[], shape: readonly number[], level: number): Tensor {
  if (value.kind === "computed") return g.reshape(g.transpose(asInFile(value), order), shape);
  return call.weightOf(value, { ...arrayOf(value, [...order]), shape }, order, level);
}

/** An operand as one value a channel. */
export function vector(call: Call, value: Value, level = call.level): Tensor {
  if (value.kind === "computed") return g.reshape(asInFile(value), [-1]);
  const array = arrayOf(value);
  return call.weightOf(
    value,
    ndarray("float32", [array.data.length], array.data),
    fileOrder(value.shape.length),
    level,
  );
}

const convTranspose: Importer = (call) => {
  const x = call.image(0);
  const w = call.value(1);
  const groups = call.int("group", 1);
  if (w.shape.length !== 4 || w.shape[0] !== x.shape[1])
    call.refuse(`weights [${w.shape}] do not fit ${x.shape[1]} channels`);
  const [c, inGroup, kh, kw] = w.shape as readonly number[] as [number, number, number, number];
  if (!(groups >= 1) || c % groups !== 0) call.refuse(`${groups} groups do not divide ${c} channels`);
  const how = call.text("auto_pad", "NOTSET");
  const strides = call.ints("strides") ?? [1, 1];
  const dilations = call.ints("dilations") ?? [1, 1];
  const extra = call.ints("output_padding") ?? [0, 0];
  const kernel = [kh, kw];
  const asked = call.ints("output_shape");
  const given = call.ints("pads") ?? [0, 0, 0, 0];
  const full = ([0, 1] as const).map(
    (axis) =>
      (x.shape[axis + 2]! - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1 + (extra[axis] ?? 0),
  ) as [number, number];
  let padding = given;
  let size: Size = [full[0] - (given[0]! + given[2]!), full[1] - (given[1]! + given[3]!)];
  if (asked || how.startsWith("SAME")) {
    size = asked ? [asked.at(-2)!, asked.at(-1)!] : [x.shape[2]! * strides[0]!, x.shape[3]! * strides[1]!];
    const total = [full[0] - size[0], full[1] - size[1]] as const;
    const before = total.map((n) => (how === "SAME_UPPER" ? Math.floor(n / 2) : n - Math.floor(n / 2)));
    padding = [before[0]!, before[1]!, total[0] - before[0]!, total[1] - before[1]!];
  }
  if ([...padding, ...size].some((n) => !(n >= 0 && n <= LARGEST)))
    call.refuse(`a result of ${size.join("x")} with pads [${padding}]`);
  const kernels = weights(call, w, [2, 3, 1, 0], [kh, kw, inGroup, c], x.level);
  const y = g.conv2dTranspose(lastOf(x), kernels, size, {
    stride: strides as never,
    dilation: dilations as never,
    padding: padding as never,
    groups,
  });
  const bias = call.has(2) ? vector(call, call.value(2), x.level) : undefined;
  return computed(bias ? g.add(y, bias) : y, channelsLast(4), { learned: true, level: x.level });
};

export const CONVOLUTION: Readonly<Record<string, Importer>> = { Conv: conv, ConvTranspose: convTranspose };
