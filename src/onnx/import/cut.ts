// Where a network is cut when nothing is said: at its last feature map, or before its classifier.
import { fail } from "../../base/errors.ts";
import { input } from "../../graph/tensor.ts";
import type { Network } from "./network.ts";
import { type Computed, channelsLast, type Value } from "./values.ts";
import type { Weights } from "./weights.ts";

/** Sizes of the logits of networks that were trained on ImageNet: such a map is no feature map. */
const CLASS_COUNTS = [1000, 1001, 21841, 21843];

/** What takes the normalisation of pixels; what may come before it. */
const [NORMALISES, PASSES] = [
  ["Sub", "Div", "Mul", "Add", "BatchNormalization"],
  ["Cast", "Identity", "Transpose", "Reshape"],
];

/** A feature map of a network: the value's name, and its channels. */
export interface Scale {
  readonly name: string;
  readonly width: number;
}

/**
 * The feature maps on the way to a value, the last of each size, the largest first; the last of all is the value itself.
 * @param size of the pictures, in pixels
 */
export function findScales(
  network: Network,
  [height, width]: readonly [number, number],
  weights: Weights,
  cut: string,
): Scale[] {
  const pictures = input("pictures", [2, height, width, network.input.channels]);
  const levels = new Map<number, Scale>();
  const [last] = network.apply(pictures, weights, [cut], (name, value) => {
    if (value.kind === "computed" && value.learned && isMap(value))
      levels.set(value.level, { name, width: value.shape[1]! });
  });
  if (last!.kind !== "computed") fail("E_ONNX", `"${cut}" does not depend on the pictures`);
  levels.set(last!.level, { name: cut, width: last!.shape[1]! });
  return [...levels].filter(([level]) => level <= last!.level).map(([, scale]) => scale);
}

/** Whether a value is a map `[n, c, h, w]` of more than one place. */
const isMap = ({ order, shape }: Computed): boolean =>
  order.join() === channelsLast(4).join() && shape[2]! * shape[3]! > 1;

/** Whether the network brings pixels of 0..1 to what its first layer takes by itself. */
export function normalisesInside(network: Network): boolean {
  if (network.input.isBytes) return true;
  let names = [network.input.name];
  for (const { op, inputs, outputs } of network.nodesOf(network.outputs)) {
    if (!inputs.some((name) => names.includes(name))) continue;
    if (NORMALISES.includes(op)) return true;
    if (!PASSES.includes(op)) return false;
    names = [...names, ...outputs];
  }
  return false;
}

/**
 * The name of the value to build on: the last map `[n, c, h, w]` of more than one place; of a network of attention, which has
 * none, what its last layer takes; of a file that this library wrote, its output where that is one row for each picture: codes.
 * @param size of the pictures, in pixels
 * @throws `E_ONNX` where there is neither
 */
export function findCut(network: Network, [height, width]: readonly [number, number], weights: Weights): string {
  const pictures = input("pictures", [2, height, width, network.input.channels]);
  const values = new Map<string, Value>();
  let [map, layer, attends] = ["", "", false];
  const outputs = network.apply(pictures, weights, network.outputs, (name, value, node) => {
    values.set(name, value);
    if (value.kind !== "computed") return;
    const { shape, learned } = value;
    if (isMap(value) && learned && !CLASS_COUNTS.includes(shape[1]!)) map = name;
    if (node.op !== "MatMul" && node.op !== "Gemm") return;
    const [left, right] = node.inputs.map((operand) => values.get(operand)?.kind === "computed");
    if (left && right) attends = true;
    else if (shape.length === 2) layer = node.inputs[0]!;
  });
  if (network.metadata.has("genclass") && outputs.length === 1 && outputs[0]!.shape.length === 2)
    return network.outputs[0]!;
  const found = attends ? layer : map || layer;
  if (found === "")
    fail("E_ONNX", "the network has no feature map; name a node to build on, as in --backbone FILE.onnx@NODE");
  return found;
}
