// A node of a file as its importer sees it: operands, attributes, weights, and a way to refuse it by name.
import { type NdArray, normalizeAxis, type Shape, sizeOf } from "../../base/array.ts";
import { fail, GenclassError } from "../../base/errors.ts";
import { constant, type Tensor } from "../../graph/tensor.ts";
import type { FileNode } from "./file.ts";
import { type ExternalData, readTensorValues } from "./tensors.ts";
import { arrayOf, type Computed, computed, fileOrder, inOrder, type Known, type Value, widened } from "./values.ts";
import type { WeightStore } from "./weights.ts";

/** What an importer makes of a node: its outputs in order. */
export type Importer = (call: Call) => Value | readonly Value[];

/** Elements of a value that is known beforehand: shape arithmetic and weights stay below. */
const MOST_KNOWN = 2 ** 28;

/** One node, while it is walked. */
export class Call {
  constructor(
    readonly node: FileNode,
    readonly opset: number,
    private readonly operands: readonly (Value | undefined)[],
    private readonly store: WeightStore,
    /** Pictures in the batch, and how many the file was made for where it names a number. */
    readonly batch: { readonly size: number; readonly inFile: number | undefined },
    private readonly external: ExternalData | undefined,
  ) {}

  /** @throws `E_ONNX`, always, with the node and the reason */
  refuse(reason: string): never {
    const { op, domain, name, outputs } = this.node;
    fail("E_ONNX", `the node "${name || outputs[0]}" (${domain ? `${domain}.` : ""}${op}) cannot be taken: ${reason}`);
  }

  /** What `make` gives; what the graph refuses is told with the node. */
  checked<T>(make: () => T): T {
    try {
      return make();
    } catch (cause) {
      if (!(cause instanceof GenclassError) || cause.code === "E_ONNX") throw cause;
      this.refuse(cause.message);
    }
  }

  /** The same node on other operands. */
  with(operands: readonly Value[]): Call {
    return new Call(this.node, this.opset, operands, this.store, this.batch, this.external);
  }

  // ---------------------------------------------------------------------------------------------- attributes

  int(name: string, usual: number): number {
    return this.node.attributes.get(name)?.int ?? usual;
  }

  float(name: string, usual: number): number {
    return this.node.attributes.get(name)?.float ?? usual;
  }

  text(name: string, usual: string): string {
    return this.node.attributes.get(name)?.text ?? usual;
  }

  /** A list of whole numbers; undefined where it is not there. */
  ints(name: string): readonly number[] | undefined {
    return this.node.attributes.get(name)?.ints;
  }

  floats(name: string): readonly number[] | undefined {
    return this.node.attributes.get(name)?.floats;
  }

  /** A tensor attribute as a known value. */
  tensor(name: string): Known | undefined {
    const tensor = this.node.attributes.get(name)?.tensor;
    return tensor && readTensorValues(tensor, this.external, this.node.outputs[0]);
  }

  /** Axes as an operand of newer opsets, or as an attribute of older ones, within the rank; undefined: not given. */
  axes(operand: number | undefined, rank: number): number[] | undefined {
    const given = operand !== undefined && this.has(operand) ? this.wholeNumbers(operand) : this.ints("axes");
    return given?.map((axis) => normalizeAxis(axis, rank, this.node.op));
  }

  // ---------------------------------------------------------------------------------------------- operands

  get count(): number {
    return this.operands.length;
  }

  /** Whether an optional operand is there. */
  has(index: number): boolean {
    return this.operands[index] !== undefined;
  }

  value(index: number): Value {
    return this.operands[index] ?? this.refuse(`its operand ${index} is missing`);
  }

  /** All operands. */
  values(): Value[] {
    return this.operands.map((_, i) => this.value(i));
  }

  /** An operand that is there before any picture is. */
  known(index: number): Known {
    const value = this.value(index);
    if (value.kind !== "known") this.refuse(`its operand ${index} depends on the picture; a constant can be taken`);
    return value;
  }

  /** Whether all operands are known. */
  get isKnown(): boolean {
    return this.operands.every((value) => value === undefined || value.kind === "known");
  }

  wholeNumbers(index: number): number[] {
    return Array.from(this.known(index).data);
  }

  /** The one number of an operand; `usual` where that is not there. */
  number(index: number, usual: number): number {
    if (!this.has(index)) return usual;
    const value = this.known(index);
    if (sizeOf(value.shape) !== 1)
      this.refuse(`its operand ${index} has shape [${value.shape}]; one number can be taken`);
    return value.data[0]!;
  }

  /** An operand as a tensor; a known one becomes a weight. */
  computed(index: number): Computed {
    const value = this.value(index);
    if (value.kind === "computed") return value;
    return computed(this.weight(value), fileOrder(value.shape.length), { learned: false, level: 0 });
  }

  /** An operand that has to be a picture or a map of one, `[n, c, h, w]`, with channels last. */
  image(index: number): Computed {
    const value = this.computed(index);
    if (value.shape.length !== 4)
      this.refuse(`its operand has shape [${value.shape}]; pictures [n, c, h, w] can be taken`);
    return value;
  }

  // ---------------------------------------------------------------------------------------------- results

  /** A known result. */
  result(type: Known["type"], shape: Shape, data: ArrayLike<number>): Known {
    if (data.length > MOST_KNOWN) this.refuse(`it asks for ${data.length} values`);
    return { kind: "known", type, shape, data, name: this.node.outputs[0]! };
  }

  /** Refuses sizes that no network has, before they are made. */
  requireSize(shape: Shape): void {
    if (shape.some((dim) => !Number.isSafeInteger(dim) || dim < 0) || sizeOf(shape) > MOST_KNOWN)
      this.refuse(`it asks for a value of shape [${shape}]`);
  }

  // ---------------------------------------------------------------------------------------------- weights

  /**
   * A known operand as a parameter whose axes are in `order`.
   * @param level how often the picture was halved where it is applied
   */
  weight(value: Known, order: readonly number[] = fileOrder(value.shape.length), level = this.level): Tensor {
    return this.store.parameter(value, level, arrayOf(value, [...order]), order);
  }

  /** A known operand as a parameter of a shape of ours, from values whose axes are in `order`. */
  weightOf(value: Known, array: NdArray, order: readonly number[], level = this.level): Tensor {
    return this.store.parameter(value, level, array, order);
  }

  /** A known operand as a running statistic. */
  statistic(value: Known): Tensor {
    return this.store.statistic(value, this.level, arrayOf(value));
  }

  /** How often the picture was halved on the way here. */
  get level(): number {
    return Math.max(0, ...this.operands.map((value) => (value?.kind === "computed" ? value.level : 0)));
  }

  /** Whether weights have been applied on the way here. */
  get learned(): boolean {
    return this.operands.some((value) => value?.kind === "computed" && value.learned);
  }

  /**
   * An operand for a sum or product with `like`: its axes in the order of `like`, ones before them. Numbers, and what the file
   * does before its first layer, are constants; other known operands are parameters.
   */
  beside(value: Value, like: Computed): Tensor {
    const wide = widened(value, like.shape.length);
    if (wide.kind === "computed") return inOrder(wide, like.order);
    if (wide.type !== "float" || sizeOf(wide.shape) === 1 || !like.learned) {
      const array = arrayOf(wide, [...like.order]);
      return constant(sizeOf(wide.shape) === 1 ? { ...array, shape: [] } : array);
    }
    return this.store.parameter(wide, this.level, arrayOf(wide, [...like.order]), like.order);
  }
}
