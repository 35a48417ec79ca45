// Kernels of our own as steps: passes over values, reductions, rows by index, and ops that move values about.
import { sizeOf } from "../../base/array.ts";
import type { Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type LoopValue, pointwiseValues, type Reader } from "./reading.ts";
import type { StepList, Value } from "./steps.ts";
import { atPlace, contiguous, part, patchesView, type Transform, type View } from "./view.ts";
import type { LoopKernel } from "./wasm/loop.ts";
import type { RowKernel } from "./wasm/rows.ts";

export class Passes {
  constructor(
    private readonly reader: Reader,
    private readonly list: StepList,
  ) {}

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
    const kernel = this.reader.loop(values, roots, (node) => {
      const value = this.list.value(node);
      if (!writes.has(value)) reads.add(value);
      return value.slot;
    });
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

  reduce(node: Tensor): void {
    const reads = new Set<Value>();
    const into = this.list.value(node);
    const kernel = this.reader.reduction(node, (x) => {
      const value = this.list.value(x);
      if (value !== into) reads.add(value);
      return value.slot;
    });
    this.list.steps.push({
      name: node.op.name,
      reads: [...reads],
      writes: [into],
      handsOver: [],
      work: { kind: "loop", kernel },
    });
  }

  rows(node: Tensor): void {
    const operands = node.inputs.map((x) => this.list.value(this.reader.plain(x)));
    const into = this.list.value(node);
    const [x, index] = node.inputs as [Tensor, Tensor | undefined];
    const width = sizeOf(x.shape.slice(1));
    const slots = [...operands, into].map((value) => value.slot);
    const common = { name: node.op.name, reads: operands, writes: [into], handsOver: [] };
    if (node.op.name === "argmax") {
      const columns = x.shape[x.shape.length - 1]!;
      const kernel: RowKernel = { kind: "argmax", rows: sizeOf(x.shape) / columns, width: columns };
      this.list.steps.push({ ...common, work: { kind: "rows", kernel, slots } });
      return;
    }
    const count = sizeOf(index!.shape);
    if (node.op.name === "gather") {
      const rowBytes = width * (x.dtype === "float32" || x.dtype === "int32" ? 4 : 1);
      this.list.steps.push({
        ...common,
        work: { kind: "rows", kernel: { kind: "gather", rows: x.shape[0]!, rowBytes, count }, slots },
      });
      return;
    }
    this.fill(node, 0);
    const kernel: RowKernel = { kind: "scatterAdd", rows: node.shape[0]!, width: sizeOf(node.shape.slice(1)), count };
    this.list.steps.push({ ...common, reads: [...operands, into], work: { kind: "rows", kernel, slots } });
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

  move(node: Tensor): void {
    const { name } = node.op;
    const store = (
      x: Tensor,
      target: View,
      into: Tensor,
      extra: { transform?: Transform; add?: boolean; size?: number } = {},
    ) => this.loop([{ node: x, into, target, size: sizeOf(x.shape), ...extra }], []);
    if (name === "pad") {
      const [x] = node.inputs as [Tensor];
      this.fill(node, node.attrs.value as number);
      store(x, part(node.shape, node.attrs.before as readonly number[], x.shape), node);
    } else if (name === "concat") {
      const axis = node.attrs.axis as number;
      let at = 0;
      for (const x of node.inputs) {
        store(
          x,
          part(
            node.shape,
            node.shape.map((_, i) => (i === axis ? at : 0)),
            x.shape,
          ),
          node,
        );
        at += x.shape[axis]!;
      }
    } else this.unpatches(node, store);
  }

  /** Adds each tap's part of the columns to the pixels it came from, in an image that holds the padding. */
  private unpatches(node: Tensor, store: (x: Tensor, target: View, into: Tensor, extra?: object) => void): void {
    const [columns] = node.inputs as [Tensor];
    const window = node.attrs.window as Window;
    const [n, h, w, c] = node.shape as readonly number[] as [number, number, number, number];
    const [, oh, ow, taps] = columns.shape as readonly number[] as [number, number, number, number, number];
    const [top, left, bottom, right] = window.padding;
    const whole = [n, h + top + bottom, w + left + right, c] as const;
    const padded = window.padding.some((pixels) => pixels > 0);
    const image = padded ? this.list.stand(whole, this.list.make(4 * sizeOf(whole))) : node;
    this.fill(image, 0);
    const seen = patchesView(contiguous(whole), whole, { ...window, padding: [0, 0, 0, 0] })!;
    const places = [n, oh, ow, taps, c];
    for (let tap = 0; tap < taps; tap++) {
      const at: Transform = (view) => atPlace(view, places, 3, tap);
      store(columns, at(seen)!, image, { transform: at, add: true, size: n * oh * ow * c });
    }
    if (padded) {
      const inner = part(whole, [0, top, left, 0], [n, h, w, c]);
      this.loop(
        [{ node: image, transform: () => inner, into: node, target: contiguous(node.shape), size: sizeOf(node.shape) }],
        [],
      );
    }
  }

  /** The sum of arrays of one size; `into` may be one of them. */
  addAll(values: readonly Value[], into: Value): void {
    const access = (value: Value) => ({ slot: value.slot, dtype: "float32" as const, offset: 0, strides: [1] });
    const loads = values.map((value) => ({ kind: "load" as const, access: access(value) }));
    const sums = values.slice(1).map((_, i) => ({
      kind: "op" as const,
      name: "add",
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
