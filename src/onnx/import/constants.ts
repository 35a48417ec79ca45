// Ops whose results are known beforehand: numbers of the file, and the shapes of what is not.
import { sizeOf } from "../../base/array.ts";
import type { Importer } from "./call.ts";

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

export const CONSTANTS: Readonly<Record<string, Importer>> = {
  Shape: shape,
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Range: rangeNode,
};
