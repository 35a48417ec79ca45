// The weights of a file as tensors, each under one path however often it is used.
import type { NdArray } from "../../base/array.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { fileOrder, type Known } from "./values.ts";

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

  /**
   * The tensor of a weight. The same weight used alike is one parameter.
   * @param array its value as we use it: the file's axes in `order`
   */
  parameter(value: Known, level: number, array: NdArray, order: readonly number[]): Tensor {
    return this.tensor("parameter", value, level, array, order);
  }

  /** The tensor of a value that training does not move. */
  statistic(value: Known, level: number, array: NdArray): Tensor {
    return this.tensor("statistic", value, level, array, fileOrder(value.shape.length));
  }

  private tensor(kind: keyof Weights, value: Known, level: number, array: NdArray, order: readonly number[]): Tensor {
    // A square weight has one shape in every order of its axes.
    const key = `${kind} ${value.name} [${array.shape}] ${order}`;
    let tensor = this.tensors.get(key);
    if (!tensor) this.tensors.set(key, (tensor = this.weights[kind](this.pathOf(value.name, level), array)));
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
