// What a kernel loads and computes: each value once, seen through the views between it and memory.
import type { NdArray } from "../../base/array.ts";
import { reshapeOp } from "../../graph/ops/shape.ts";
import { isConstant, isInput, type Tensor } from "../../graph/tensor.ts";
import { isOfKind } from "./kinds.ts";
import { broadcastTransform, contiguous, isWhole, type Transform, type View } from "./view.ts";
import type { Expression } from "./wasm/loop.ts";

/** A value read, and how its buffer is seen. */
export interface Operand {
  readonly base: Tensor;
  readonly view: View;
}

/** Whether a node is an input or a constant. */
export const isLeaf = (node: Tensor): boolean => isInput(node) || isConstant(node);

function uniformValue(node: Tensor): number | undefined {
  if (!isConstant(node)) return undefined;
  const { data } = node.attrs.value as NdArray;
  return data.length === 1 ? data[0] : undefined;
}

/** What reading gives; or else the tensor that must be stored first, as its values cannot be read through a view. */
export type Reading<T> = { readonly found: T } | { readonly mustStore: Tensor };

/** What was found, of a reading that fusion has tried before. */
export function found<T>(reading: Reading<T>): T {
  if ("found" in reading) return reading.found;
  const { op, shape } = reading.mustStore;
  throw new Error(`internal: ${op.name} [${shape}] cannot be read through a view`);
}

/** A view on the way from memory. */
interface Step {
  readonly transform: Transform;
  /** What has to be stored when the transform cannot follow the ones before. */
  readonly blame: Tensor;
  /** The view that the step shows; none where an operand is only repeated. */
  readonly shown?: Tensor;
}

/** Steps from a value in memory to a value in a kernel, nearest to memory first. */
export interface Path {
  readonly key: string;
  readonly steps: readonly Step[];
}

/** The value itself. */
export const DIRECT: Path = { key: "", steps: [] };

/** The path to what the view `node`, of number `number`, shows. */
export function through(node: Tensor, number: number, transform: Transform, path: Path): Path {
  // The values of a reshape are those of its operand, in the same order.
  if (node.op === reshapeOp) return path;
  return {
    key: `${number}/${path.key}`,
    steps: [{ transform, blame: node.inputs[0]!, shown: node }, ...path.steps],
  };
}

/** The path to an operand `x` that a pointwise `node` repeats. */
const repeated = (x: Tensor, node: Tensor, transform: Transform, path: Path): Path => ({
  key: `${x.shape}>${node.shape}/${path.key}`,
  steps: [{ transform, blame: x }, ...path.steps],
});

/** How the buffer of `base` is seen at the end of a path. */
export function follow(base: Tensor, { steps }: Path): Reading<View> {
  let view = contiguous(base.shape);
  for (const { transform, blame } of steps) {
    const next = transform(view);
    if (!next) return { mustStore: blame };
    view = next;
  }
  return { found: view };
}

/** An expression of a kernel, where a load still names the tensor that it reads. */
export type Term =
  | { readonly kind: "load"; readonly operand: Operand; readonly shown: Tensor | undefined }
  | Exclude<Expression, { kind: "load" }>;

/** What a kernel's terms depend on, beside the graph. */
export interface TermContext {
  /** Whether the kernel stores the value: memory does not have it yet. */
  isRoot(node: Tensor): boolean;
  /** Whether the kernel computes a pointwise value itself. */
  inlines(node: Tensor): boolean;
  /** The view that a node is; undefined when it is a root, computes, or is stored. */
  transformOf(node: Tensor): Transform | undefined;
  /** The view that a root is, whose values the kernel copies. */
  shows(node: Tensor): Transform | undefined;
  /** A number for each node of the graph. */
  numberOf(node: Tensor): number;
}

/** In place of a value that cannot be read. */
const NOWHERE = -1;

/** The list of expressions of a kernel, each value once. */
export class TermBuilder {
  readonly terms: Term[] = [];
  /** What is computed on the way. */
  readonly inlined: Tensor[] = [];
  /** The first tensor on the way that must be stored; the terms are then of no use. */
  mustStore: Tensor | undefined;
  private readonly known = new Map<Tensor, Map<string, number>>();

  constructor(private readonly context: TermContext) {}

  /** Place of the value of `node` seen through `path`. */
  value(node: Tensor, path: Path): number {
    if (this.mustStore) return NOWHERE;
    const known = this.known.get(node)?.get(path.key);
    if (known !== undefined) return known;
    const place = this.make(node, path);
    const places = this.known.get(node) ?? new Map<string, number>();
    places.set(path.key, place);
    this.known.set(node, places);
    return place;
  }

  private make(node: Tensor, path: Path): number {
    const { context } = this;
    const transform = context.transformOf(node) ?? (path.steps.length === 0 ? context.shows(node) : undefined);
    if (transform) return this.value(node.inputs[0]!, through(node, context.numberOf(node), transform, path));
    const constant = uniformValue(node);
    if (constant !== undefined) return this.terms.push({ kind: "constant", dtype: node.dtype, value: constant }) - 1;
    if (path.steps.length > 0 && context.isRoot(node)) {
      const view = follow(node, path);
      if ("mustStore" in view) return this.refuse(view.mustStore);
      if (!isWhole(view.found, node.shape))
        throw new Error(`internal: a kernel reads its own ${node.op.name} in another order`);
      return this.value(node, DIRECT);
    }
    if (!isOfKind("pointwise", node) || !this.computes(node, path)) {
      const view = follow(node, path);
      if ("mustStore" in view) return this.refuse(view.mustStore);
      const shown = path.steps[path.steps.length - 1]?.shown;
      return this.terms.push({ kind: "load", operand: { base: node, view: view.found }, shown }) - 1;
    }
    if (!context.isRoot(node)) this.inlined.push(node);
    const inputs = node.inputs.map((x) => {
      const spread = broadcastTransform(x.shape, node.shape);
      return this.value(x, spread ? repeated(x, node, spread, path) : path);
    });
    return this.terms.push({ kind: "op", name: node.op.name, attrs: node.attrs, dtype: node.dtype, inputs }) - 1;
  }

  private computes(node: Tensor, path: Path): boolean {
    return (this.context.isRoot(node) && path.steps.length === 0) || this.context.inlines(node);
  }

  private refuse(node: Tensor): number {
    this.mustStore = node;
    return NOWHERE;
  }
}
