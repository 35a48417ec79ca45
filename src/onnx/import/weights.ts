// The weights of a file as tensors, each under one path however often it is used.
import type { NdArray } from "../../base/array.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Known } from "./values.ts";

/** Where the weights of a file become tensors; paths are `stageK/NAME`. */
export interface Weights {
  /** A weight that training may move, beginning with what the file has. */
  parameter(path: string, value: NdArray): Tensor;
  /** A value that stays: a running statistic. */
  statistic(path: string, value: NdArray): Tensor;
}

/** The weights of one walk over a file's graph. */
export class WeightStore {
  private readonly tensors = new Map<string, Tensor>();
  private readonly taken = new Set<string>();

  constructor(private readonly weights: Weights) {}

  /** The tensor of a weight; `array` is its value as we use it. The same weight used alike is one parameter. */
  parameter(value: Known, level: number, array: NdArray): Tensor {
    return this.tensor(value, level, array, (path) => this.weights.parameter(path, array));
  }

  /** The tensor of a value that training does not move. */
  statistic(value: Known, level: number, array: NdArray): Tensor {
    return this.tensor(value, level, array, (path) => this.weights.statistic(path, array));
  }

  private tensor(value: Known, level: number, array: NdArray, make: (path: string) => Tensor): Tensor {
    const key = `${value.name} [${array.shape}]`;
    let tensor = this.tensors.get(key);
    if (!tensor) this.tensors.set(key, (tensor = make(this.pathOf(value.name, level))));
    return tensor;
  }

  /** `stageK/NAME`, the file's name without what separates the parts of a path. */
  private pathOf(name: string, level: number): string {
    const clean = `stage${level}/${name.replace(/[^A-Za-z0-9_.-]+/g, ".").replace(/^\.+/, "") || "unnamed"}`;
    let path = clean;
    for (let k = 2; this.taken.has(path); k++) path = `${clean}-${k}`;
    this.taken.add(path);
    return path;
  }
}
