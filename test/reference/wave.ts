// First values and inputs of the trajectories that PyTorch has computed: the formula `wave` of formula.py.
import { type NdArray, ndarray, type Shape, sizeOf } from "../../src/base/array.ts";

/** Value i of the array is scale · sin(0.7 i + phase + 0.3 sin(1.3 i)). */
export function wave(shape: Shape, phase: number, scale: number): NdArray {
  return ndarray(
    "float32",
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => scale * Math.sin(0.7 * i + phase + 0.3 * Math.sin(1.3 * i))),
  );
}
