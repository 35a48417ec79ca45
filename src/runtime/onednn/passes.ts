// Kernels of our own as steps: passes over values, reductions, rows by index, and ops that move values about.
import { BYTES_OF, sizeOf } from "../../base/array.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { copiesOf } from "./copies.ts";
import type { NameOf, NodeOf } from "./kinds.ts";
import { type LoopValue, pointwiseValues, type Reader } from "./reading.ts";
import type { StepList, Value } from "./steps.ts";
import { found } from "./terms.ts";
import { contiguous } from "./view.ts";
import type { LoopKernel } from "./wasm/loop.ts";
import type { RowKernel } from "./wasm/rows.ts";

const ROWS: Readonly<Record<NameOf<"rows">, (node: Tensor, x: Tensor, second: Tensor) => RowKernel>> = {
  argmax(_node, x) {
    const columns = x.shape[x.shape.length - 1]!;
    return { kind: "argmax", rows: sizeOf(x.shape) / columns, width: columns };
  },
  gather: (_node, x, index) => ({
    kind: "gather",
    rows: x.shape[0]!,
    rowBytes: sizeOf(x.shape.slice(1)) * BYTES_OF[x.dtype],
    count: sizeOf(index.shape),
  }),
  scatterAdd: ({ shape }, _rows, index) => ({
    kind: "scatterAdd",
    rows: shape[0]!,
    width: sizeOf(shape.slice(1)),
    count: sizeOf(index.shape),
  }),
  gridSample({ shape }, x) {
    const [n, oh, ow, c] = shape as readonly number[] as [number, number, number, number];
    return { kind: "gridSample", picture: [n, x.shape[1]!, x.shape[2]!, c], size: [oh, ow] };
  },
};

/** Adds steps of our own kernels to a list. */
export class Passes {
  constructor(
    private readonly reader: Reader,
    private readonly list: StepList,
  ) {}

  /** One pass that computes and stores pointwise values. */
  pointwise(roots: readonly Tensor[]): void {
    this.loop(pointwiseValues(roots), roots);
  }

  /** Puts a value that was kept in the workspace where it goes. */
  copyOut(node: Tensor): void {
    const from = this.list.stand(node.shape, this.list.detach(node), node.dtype);
    this.loop([{ node: from, into: node, target: contiguous(node.shape), size: sizeOf(node.shape) }], []);
  }

  private loop(values: readonly LoopValue[], roots: readonly Tensor[]): void {
    const reads = new Set<Value>();
    const writes = new Set(values.map(({ into }) => this.list.value(into)));
    const slot = (node: Tensor) => {
      const value = this.list.value(node);
      if (!writes.has(value)) reads.add(value);
      return value.slot;
    };
    const kernel = found(this.reader.loop(values, roots, slot));
    const names = values.map(({ node }) => node.op.name);
    // A result may take the place of an operand where both are one run of values, from the first to the last.
    const runs = values.every(({ target, add }) => !add && target.offset === 0) && kernel.dims.length === 1;
    const loads = kernel.expressions.flatMap((e) => (e.kind === "load" ? [e.access] : []));
    const handsOver = [...reads].filter(
      ({ slot }) => runs && loads.every((x) => x.slot !== slot || (x.offset === 0 && x.strides[0] === 1)),
    );
    this.list.steps.push({
      name: names.join(", "),
      reads: [...reads],
      writes: [...writes],
      handsOver,
      work: { kind: "loop", kernel },
    });
  }

  /** One pass that reduces, and computes its operand on the way. */
  reduction(node: NodeOf<"reduction">): void {
    const reads = new Set<Value>();
    const into = this.list.value(node);
    const slot = (x: Tensor) => {
      const value = this.list.value(x);
      if (value !== into) reads.add(value);
      return value.slot;
    };
    const kernel = found(this.reader.reduction(node, slot));
    this.list.steps.push({
      name: node.op.name,
      reads: [...reads],
      writes: [into],
      handsOver: [],
      work: { kind: "loop", kernel },
    });
  }

  /** A kernel that goes row by row. */
  rows(node: NodeOf<"rows">): void {
    const operands = node.inputs.map((x) => this.list.value(found(this.reader.plain(x))));
    const into = this.list.value(node);
    const { name } = node.op;
    const kernel = ROWS[name](node, node.inputs[0]!, node.inputs[1]!);
    // What is scattered is added to zeros.
    const adds = kernel.kind === "scatterAdd";
    if (adds) this.fill(node, 0);
    this.list.steps.push({
      name,
      reads: adds ? [...operands, into] : operands,
      writes: [into],
      handsOver: [],
      work: { kind: "rows", kernel, slots: [...operands, into].map((value) => value.slot) },
    });
  }

  /** Stores one value everywhere. */
  private fill(into: Tensor, value: number): void {
    const size = sizeOf(into.shape);
    const written = this.list.value(into);
    this.list.steps.push({
      name: "fill",
      reads: [],
      writes: [written],
      handsOver: [],
      work: {
        kind: "loop",
        kernel: {
          dims: [size],
          reduced: [false],
          reduction: undefined,
          expressions: [{ kind: "constant", dtype: into.dtype, value }],
          stores: [{ value: 0, access: { slot: written.slot, dtype: into.dtype, offset: 0, strides: [1] } }],
        },
      },
    });
  }

  /** The passes of an op that copies values about. */
  copies(node: NodeOf<"copies">): void {
    const { fill, shape, passes, inner } = copiesOf(node);
    const array = inner ? this.list.stand(shape, this.list.make(4 * sizeOf(shape))) : node;
    if (fill !== undefined) this.fill(array, fill);
    for (const { operand, ...pass } of passes) this.loop([{ ...pass, node: operand, into: array }], []);
    if (!inner) return;
    const target = contiguous(node.shape);
    this.loop([{ node: array, transform: () => inner, into: node, target, size: sizeOf(node.shape) }], []);
  }

  /** The sum of arrays of one size; `into` may be one of them. */
  addAll(values: readonly Value[], into: Value): void {
    const access = (value: Value) => ({ slot: value.slot, dtype: "float32" as const, offset: 0, strides: [1] });
    const loads = values.map((value) => ({ kind: "load" as const, access: access(value) }));
    const sums = values.slice(1).map((_, i) => ({
      kind: "op" as const,
      name: "add" as const,
      attrs: {},
      dtype: "float32" as const,
      inputs: [i === 0 ? 0 : values.length + i - 1, i + 1],
    }));
    const kernel: LoopKernel = {
      dims: [values[0]!.bytes / 4],
      reduced: [false],
      reduction: undefined,
      expressions: [...loads, ...sums],
      stores: [{ value: values.length + sums.length - 1, access: access(into) }],
    };
    this.list.steps.push({
      name: "add parts",
      reads: values,
      writes: [into],
      handsOver: [],
      work: { kind: "loop", kernel },
    });
  }
}
