// Normalisation over the batch's statistics, over rows, over groups; softmax.
import { normalizeAxis, sizeOf } from "../../base/array.ts";
import * as g from "../../graph/ops/index.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Importer } from "./call.ts";
import { vector } from "./convolution.ts";
import { asInFile, type Computed, channelsLast, computed, fileOrder, inOrder } from "./values.ts";

/**
 * Batch normalisation by the file's statistics, in training too: a batch of a fine-tuned network is too small and too unlike
 * what it was trained on to give better ones. Scale and shift are parameters.
 */
const batchNormalization: Importer = (call) => {
  const x = call.computed(0);
  if (call.int("training_mode", 0) === 1) call.refuse("it is in training mode; export the network for inference");
  const order = channelsLast(x.shape.length);
  const [scale, shift] = [vector(call, call.value(1)), vector(call, call.value(2))];
  const [mean, variance] = [call.statistic(call.known(3)), call.statistic(call.known(4))];
  const gain = g.div(scale, g.sqrt(g.add(variance, call.float("epsilon", 1e-5))));
  const y = g.add(g.mul(inOrder(x, order), gain), g.sub(shift, g.mul(mean, gain)));
  return computed(y, order, { ...x, learned: true });
};

/** Each row over `axes` less its mean, over its standard deviation. */
function standardized(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const centred = g.sub(x, g.mean(x, axes, true));
  return g.div(centred, g.sqrt(g.add(g.mean(g.square(centred), axes, true), epsilon)));
}

const layerNormalization: Importer = (call) => {
  const x = call.computed(0);
  const rank = x.shape.length;
  if (call.node.outputs.filter((name) => name !== "").length > 1) call.refuse("it also gives mean and deviation");
  const first = normalizeAxis(call.int("axis", -1), rank, "LayerNormalization");
  const axes = x.order.flatMap((axis, at) => (axis >= first ? [at] : []));
  const y = standardized(x.tensor, axes, call.float("epsilon", 1e-5));
  const like = computed(y, x.order, { ...x, learned: true });
  const scaled = g.mul(y, call.beside(call.value(1), like));
  return { ...like, tensor: call.has(2) ? g.add(scaled, call.beside(call.value(2), like)) : scaled };
};

const instanceNormalization: Importer = (call) => {
  const x = call.computed(0);
  const order = channelsLast(x.shape.length);
  const places = fileOrder(order.length).slice(1, -1);
  const y = standardized(inOrder(x, order), places, call.float("epsilon", 1e-5));
  const scaled = g.add(g.mul(y, vector(call, call.value(1))), vector(call, call.value(2)));
  return computed(scaled, order, { ...x, learned: true });
};

const groupNormalization: Importer = (call) => {
  const x = call.image(0);
  const [n, c, h, w] = x.shape as readonly number[] as [number, number, number, number];
  const groups = call.int("num_groups", 1);
  if (!(groups >= 1) || c % groups !== 0) call.refuse(`${groups} groups do not divide ${c} channels`);
  const order = channelsLast(4);
  const cells = g.reshape(inOrder(x, order), [n, h * w, groups, c / groups]);
  const y = g.reshape(standardized(cells, [1, 3], call.float("epsilon", 1e-5)), [n, h, w, c]);
  // Until opset 20 there was a value a group.
  const each = (index: number) => {
    const values = vector(call, call.value(index));
    if (sizeOf(values.shape) === c) return values;
    return g.reshape(g.broadcast(g.reshape(values, [groups, 1]), [groups, c / groups]), [c]);
  };
  return computed(g.add(g.mul(y, each(1)), each(2)), order, { ...x, learned: true });
};

/** Softmax or its logarithm along an axis; before opset 13 along that axis and all after it together. */
const softmaxOf =
  (f: (x: Tensor) => Tensor): Importer =>
  (call) => {
    const x = call.computed(0);
    const rank = x.shape.length;
    const newer = call.opset >= 13;
    const axis = normalizeAxis(call.int("axis", newer ? -1 : 1), rank, "Softmax");
    if (newer || sizeOf(x.shape.slice(axis + 1)) === 1) return along(x, axis, f);
    const flat = g.reshape(asInFile(x), [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
    return computed(g.reshape(f(flat), x.shape), fileOrder(rank), x);
  };

function along(x: Computed, axis: number, f: (x: Tensor) => Tensor): Computed {
  const order = x.order.at(-1) === axis ? x.order : [...x.order.filter((other) => other !== axis), axis];
  return computed(f(inOrder(x, order)), order, x);
}

const lpNormalization: Importer = (call) => {
  const x = call.computed(0);
  const at = x.order.indexOf(normalizeAxis(call.int("axis", -1), x.shape.length, "LpNormalization"));
  const p = call.int("p", 2);
  const norm = p === 1 ? g.sum(g.abs(x.tensor), at, true) : g.sqrt(g.sum(g.square(x.tensor), at, true));
  return { ...x, tensor: g.div(x.tensor, norm) };
};

export const NORMALISATION: Readonly<Record<string, Importer>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LpNormalization: lpNormalization,
  Softmax: softmaxOf(g.softmax),
  LogSoftmax: softmaxOf(g.logSoftmax),
};
