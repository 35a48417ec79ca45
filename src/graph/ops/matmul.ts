// Matrix products, batched, with transposes and an optional bias.
import { broadcastShapes, type NdArray, type Shape, sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { apply, type OpDef, type Tensor, typeText } from "../tensor.ts";
import { sumTo } from "./reduce.ts";
import { broadcastIndex } from "./values.ts";

type MatmulAttrs = { transposeA: boolean; transposeB: boolean };

function matrix({ shape }: { shape: Shape }, transposed: boolean): [rows: number, columns: number, batch: Shape] {
  const [rows, columns] = [shape[shape.length - 2]!, shape[shape.length - 1]!];
  return transposed ? [columns, rows, shape.slice(0, -2)] : [rows, columns, shape.slice(0, -2)];
}

function multiply(a: NdArray, b: NdArray, attrs: MatmulAttrs, shape: Shape): Float64Array {
  const [m, k, batchA] = matrix(a, attrs.transposeA);
  const [, n, batchB] = matrix(b, attrs.transposeB);
  const batch = shape.slice(0, -2);
  const fromA = broadcastIndex(batchA, batch);
  const fromB = broadcastIndex(batchB, batch);
  const out = new Float64Array(sizeOf(shape));
  const [aRow, aCol] = attrs.transposeA ? [1, m] : [k, 1];
  const [bRow, bCol] = attrs.transposeB ? [1, k] : [n, 1];
  for (let g = 0; g < sizeOf(batch); g++) {
    const a0 = fromA[g]! * m * k;
    const b0 = fromB[g]! * k * n;
    for (let i = 0; i < m; i++)
      for (let p = 0; p < k; p++) {
        const left = a.data[a0 + i * aRow + p * aCol]!;
        for (let j = 0; j < n; j++) out[(g * m + i) * n + j]! += left * b.data[b0 + p * bRow + j * bCol]!;
      }
  }
  return out;
}

/** Matrices `[…, m, k]` and `[…, k, n]` (before transposing) and a bias `[n]`, if there is one, to `[…, m, n]`. */
export const matmulOp: OpDef<MatmulAttrs> = {
  name: "matmul",
  infer(inputs, attrs) {
    const [a, b, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const text = `${typeText(a)}${attrs.transposeA ? "ᵀ" : ""} @ ${typeText(b)}${attrs.transposeB ? "ᵀ" : ""}`;
    if (a.dtype !== "float32" || b.dtype !== "float32") fail("E_DTYPE", `matmul: expected float32, got ${text}`);
    if (a.shape.length < 2 || b.shape.length < 2)
      fail("E_SHAPE", `matmul: expected at least two axes, got ${text}; did an image reach dense() without flatten()?`);
    const [m, k, batchA] = matrix(a, attrs.transposeA);
    const [k2, n, batchB] = matrix(b, attrs.transposeB);
    if (k !== k2) fail("E_SHAPE", `matmul: inner sizes differ: ${text}; did an image reach dense() without flatten()?`);
    const batch = broadcastShapes(batchA, batchB);
    if (!batch) fail("E_SHAPE", `matmul: batch axes do not broadcast: ${text}`);
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== n))
      fail("E_SHAPE", `matmul: bias ${typeText(bias)} does not fit ${n} columns of ${text}`);
    return { shape: [...batch, m, n], dtype: "float32" };
  },
  evaluate([a, b, bias], attrs, out) {
    const values = multiply(a!, b!, attrs, out.shape);
    const n = out.shape[out.shape.length - 1]!;
    if (bias) for (let i = 0; i < values.length; i++) values[i]! += bias.data[i % n]!;
    return values;
  },
  // d(AB) = dA B + A dB; for Aᵀ and Bᵀ the factors change places instead of being transposed.
  grad(node, dy, needs) {
    const [a, b, bias] = node.inputs as [Tensor, Tensor, Tensor | undefined];
    const { transposeA: ta, transposeB: tb } = node.attrs;
    return [
      needs[0] ? sumTo(ta ? matmul(b, dy, tb, true) : matmul(dy, b, false, !tb), a.shape) : undefined,
      needs[1] ? sumTo(tb ? matmul(dy, a, true, ta) : matmul(a, dy, !ta, false), b.shape) : undefined,
      bias && needs[2] ? sumTo(dy, bias.shape) : undefined,
    ];
  },
  multiplyAdds({ inputs: [a], attrs, shape }) {
    const [, inner] = matrix(a!, attrs.transposeA);
    return sizeOf(shape) * inner;
  },
  lower(emit, node, [a, b, bias]) {
    const [left, right] = node.inputs as [Tensor, Tensor];
    const { transposeA, transposeB } = node.attrs;
    const flags = { transA: Number(transposeA), transB: Number(transposeB) };
    // One Gemm when only the left side has a batch.
    if (right.shape.length === 2 && (left.shape.length === 2 || !transposeA)) {
      const columns = left.shape[left.shape.length - 1]!;
      const flat = left.shape.length === 2 ? a! : emit.reshape(a!, [sizeOf(left.shape) / columns, columns]);
      const y = emit.node("Gemm", bias ? [flat, b!, bias] : [flat, b!], flags);
      return left.shape.length === 2 ? y : emit.reshape(y, node.shape);
    }
    const swap = (name: string, rank: number) =>
      emit.node("Transpose", [name], {
        perm: Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : rank * 2 - 3 - i)),
      });
    const x = transposeA ? swap(a!, left.shape.length) : a!;
    const w = transposeB ? swap(b!, right.shape.length) : b!;
    const y = emit.node("MatMul", [x, w]);
    return bias ? emit.node("Add", [y, bias]) : y;
  },
};

/** `a @ b (+ bias)`: the last two axes are matrices, the ones before broadcast; `bias` is `[columns]`. */
export function matmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false, bias?: Tensor): Tensor {
  return apply(matmulOp, bias ? [a, b, bias] : [a, b], { transposeA, transposeB });
}
