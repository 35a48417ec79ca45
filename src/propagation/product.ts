// Rows times a matrix, four columns at a time, in WebAssembly.
import { FunctionBuilder } from "../wasm/assembler.ts";
import { instantiate } from "../wasm/module.ts";

/** Columns of a vector. */
const LANES = 4;
/** Vectors whose sums are kept in registers. */
const MOST = 8;
/** Rows that the kernel's memory has room for: so many, or fewer where they are wide, but one. */
const ROWS = 512;
const ROWS_BYTES = 2 ** 24;

/**
 * Rows `[n, width]` times a matrix `[width, columns]`, in float32.
 * @returns `[n, columns]`
 * @throws `E_BACKEND` where the process may not have the memory
 */
export function product(rows: Float32Array, width: number, matrix: Float32Array, columns: number): Float32Array {
  const n = rows.length / width;
  const vectors = Math.ceil(columns / LANES);
  const padded = LANES * vectors;
  const most = Math.max(1, Math.min(ROWS, Math.floor(ROWS_BYTES / (4 * width))));
  const from = 4 * width * padded;
  const to = from + 4 * most * width;
  const { run, buffer } = instantiate({ multiply: writeProduct(width, vectors, from, to) }, to + 4 * most * padded);
  const memory = new Float32Array(buffer);
  for (let d = 0; d < width; d++) memory.set(matrix.subarray(d * columns, (d + 1) * columns), d * padded);
  const result = new Float32Array(n * columns);
  for (let first = 0; first < n; first += most) {
    const count = Math.min(most, n - first);
    memory.set(rows.subarray(first * width, (first + count) * width), from / 4);
    run.multiply(count);
    for (let i = 0, at = to / 4; i < count; i++, at += padded)
      result.set(memory.subarray(at, at + columns), (first + i) * columns);
  }
  return result;
}

/** So many rows `from` an address times the matrix at 0, `to` another. */
function writeProduct(width: number, vectors: number, from: number, to: number): FunctionBuilder {
  const rows = 0;
  const f = new FunctionBuilder(["i32"]);
  const [row, begin, out] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const [at, end, weights, value] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("v128")];
  const sums = Array.from({ length: Math.min(MOST, vectors) }, () => f.local("v128"));
  f.whileBelow(
    row,
    () => f.get(rows),
    () => {
      f.get(begin)
        .i32(4 * width)
        .op("i32.add")
        .set(end);
      for (let first = 0; first < vectors; first += MOST) {
        const some = sums.slice(0, vectors - first);
        for (const sum of some) f.floats(0).set(sum);
        f.get(begin).set(at);
        f.i32(4 * LANES * first).set(weights);
        f.whileBelow(
          at,
          () => f.get(end),
          () => {
            f.get(at).memory("v128.load32_splat", from).set(value);
            for (const [i, sum] of some.entries()) {
              f.get(weights).memory("v128.load", 4 * LANES * i);
              f.get(value).op("f32x4.mul").get(sum).op("f32x4.add").set(sum);
            }
            f.increase(at, 4);
            f.increase(weights, 4 * LANES * vectors);
          },
        );
        for (const [i, sum] of some.entries())
          f.get(out)
            .get(sum)
            .memory("v128.store", to + 4 * LANES * (first + i));
      }
      f.increase(begin, 4 * width);
      f.increase(out, 4 * LANES * vectors);
      f.increase(row, 1);
    },
  );
  return f;
}
