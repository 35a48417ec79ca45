// Matrix products as steps: oneDNN's primitive, each thread on its share of the rows, columns or batch.
import { sizeOf, stridesOf } from "../../base/array.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { postOperation } from "./activations.ts";
import type { Desc } from "./api.ts";
import { ARG, type ElementType } from "./c-values.ts";
import type { NodeOf } from "./kinds.ts";
import { BYTES, MATRIX_GRAIN, type ProductOperands, plainStrides } from "./operands.ts";
import type { Reader } from "./reading.ts";
import type { Argument, StepList } from "./steps.ts";
import { found } from "./terms.ts";
import { stridesOver } from "./view.ts";

/** Values of the second matrix from which it, not the first, is shared out: beyond a core's own cache. */
const LARGE_MATRIX = 2 ** 19;

interface Matrix {
  readonly dims: number[];
  readonly strides: number[];
}

/** Lowers matrix products. */
export class MatrixProducts {
  constructor(
    private readonly reader: Reader,
    private readonly list: StepList,
    private readonly operands: ProductOperands,
  ) {}

  /** The product, stored through the activation where there is one. */
  lower(node: NodeOf<"product">, activation: Tensor | undefined): void {
    const { onednn, holder } = this.list.resources;
    const operands = found(this.reader.nativeOperands(node));
    const into = this.list.value(activation ?? node);
    const rank = node.shape.length;
    const describe = (i: number, transposed: boolean): Matrix => {
      const { shape } = node.inputs[i]!;
      const strides = stridesOver(operands[i]!.view, shape)!;
      const dims = [...shape];
      if (transposed) for (const list of [dims, strides]) swapLast(list);
      // Leading axes that the result has and the operand lacks.
      while (dims.length < rank) {
        dims.unshift(1);
        strides.unshift(0);
      }
      return { dims, strides: plainStrides(dims, strides) };
    };
    const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
    const [a, b] = [describe(0, transposeA), describe(1, transposeB)];
    const result = { dims: [...node.shape], strides: stridesOf(node.shape) };
    const biasDims = node.shape.map((size, axis) => (axis === rank - 1 ? size : 1));
    const biasMatrix = { dims: biasDims, strides: stridesOf(biasDims) };
    const [rows, inner, columns] = [node.shape[rank - 2]!, a.dims[rank - 1]!, node.shape[rank - 1]!];
    // Each thread reads all of the other matrix, so the larger one is shared out.
    const byColumns = (inner * columns >= LARGE_MATRIX && columns >= MATRIX_GRAIN) || rows < MATRIX_GRAIN;
    const batched = rank > 2 && node.shape[0]! > 1;
    const axis = batched ? 0 : byColumns ? rank - 1 : rank - 2;
    const type = this.operands.typeFor(sizeOf(node.shape) * inner);
    const limited = ({ dims, strides }: Matrix, units: number, own: ElementType = "f32"): Desc =>
      this.operands.desc(
        dims.map((size, i) => (i === axis && size > 1 ? units : size)),
        strides,
        own,
      );
    const post = activation && postOperation(activation);
    // The axis of the result is the rows of the first matrix, or the columns of the second, or the batch of both.
    const cutsA = axis !== rank - 1;
    const cutsB = axis !== rank - 2;
    const skip = ({ dims, strides }: Matrix, from: number, own: ElementType = "f32") =>
      dims[axis]! > 1 ? BYTES[own] * from * strides[axis]! : 0;
    const values = operands.map(({ base }, i) => this.operands.as(i < 2 ? type : "f32", this.list.value(base)));
    const begin = operands.map(({ view }, i) => BYTES[i < 2 ? type : "f32"] * view.offset);
    const shares = this.list.split(
      node.shape[axis]!,
      batched ? 1 : MATRIX_GRAIN,
      (units) => {
        const src = cutsA ? limited(a, units, type) : this.operands.desc(a.dims, a.strides, type);
        const weights = cutsB ? limited(b, units, type) : this.operands.desc(b.dims, b.strides, type);
        const dst = limited(result, units);
        const bias = operands[2] && limited(biasMatrix, units);
        return { src, weights, dst, bias, operation: onednn.matmul(holder, src, weights, bias, dst, post) };
      },
      ({ src, weights, dst, bias, operation }, from) => {
        const args: Argument[] = [
          [ARG.src, values[0]!, src, begin[0]! + (cutsA ? skip(a, from, type) : 0)],
          [ARG.weights, values[1]!, weights, begin[1]! + (cutsB ? skip(b, from, type) : 0)],
          [ARG.dst, into, dst, skip(result, from)],
        ];
        if (bias) args.push([ARG.bias, values[2]!, bias, begin[2]! + skip(biasMatrix, from)]);
        return { operation, args };
      },
    );
    this.list.native(`matmul [${a.dims}] [${b.dims}]`, shares, [into]);
  }
}

function swapLast(list: number[]): void {
  const last = list.length - 1;
  [list[last - 1], list[last]] = [list[last]!, list[last - 1]!];
}
