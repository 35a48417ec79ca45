// Support vector machines of several classes: one for each two of them, and what they say together.
import { byClass, type Examples, take } from "./examples.ts";
import { RadialKernel } from "./kernel.ts";
import { supportVectors } from "./support-vectors.ts";

/** The machines of all pairs of classes. */
export interface Machines {
  /** Numbers of the examples that are a support vector of any. */
  readonly vectors: Int32Array;
  /** `[vectors, classes]`: α of a support vector in the machine of its class against another. */
  readonly coefficients: Float32Array;
  /** `[classes, classes]`: what the machine of the first against the second adds; antisymmetric. */
  readonly offsets: Float32Array;
  /** Machines that were given up before their optimum. */
  readonly unsolved: number;
}

/** Bytes of kernel rows that are kept. */
const CACHE = 256 * 2 ** 20;

/**
 * The machines of a radial kernel for each of several costs C. Yields the share of the pairs that are done.
 * @param costs C: the largest coefficient of an example of weight 1
 */
export function* oneVersusOne(
  examples: Examples,
  gamma: number,
  costs: readonly number[],
): Generator<number, Machines[]> {
  const { classes, rows, d, weights } = examples;
  const n = examples.labels.length;
  const members = byClass(examples);
  const [one = 0, other = 0] = members.map(({ length }) => length).sort((a, b) => b - a);
  const kernel = new RadialKernel(one + other, d);
  const coefficients = costs.map(() => new Float32Array(n * classes));
  const offsets = costs.map(() => new Float32Array(classes ** 2));
  const unsolved = costs.map(() => 0);
  const pairs = members.flatMap((one, a) =>
    members.slice(a + 1).map((other, i) => [a, a + 1 + i, one, other] as const),
  );
  for (const [done, [a, b, first, second]] of pairs.entries()) {
    yield done / pairs.length;
    if (first.length === 0 || second.length === 0) {
      // A class without examples is never answered.
      const sign = Math.sign(first.length - second.length);
      for (const table of offsets) [table[a * classes + b], table[b * classes + a]] = [sign, -sign];
      continue;
    }
    const index = new Int32Array(first.length + second.length);
    index.set(first);
    index.set(second, first.length);
    const own = new Float32Array(index.length * d);
    for (const [i, example] of index.entries()) own.set(rows.subarray(example * d, (example + 1) * d), i * d);
    const signs = Int8Array.from(index, (_, i) => (i < first.length ? 1 : -1));
    kernel.load(own, gamma);
    const row = cachedRows((i, out) => kernel.of(own, i, out), index.length);
    for (const [k, cost] of costs.entries()) {
      const limits = Float64Array.from(index, (i) => cost * weights[i]!);
      const solving = supportVectors({ n: index.length, signs, limits, row, diagonal: () => 1 });
      let next = solving.next();
      for (; !next.done; next = solving.next()) yield done / pairs.length;
      const { alpha, offset, solved } = next.value;
      if (!solved) unsolved[k]!++;
      for (const [i, example] of index.entries())
        coefficients[k]![example * classes + (i < first.length ? b : a)] = alpha[i]!;
      offsets[k]![a * classes + b] = offset;
      offsets[k]![b * classes + a] = -offset;
    }
  }
  return costs.map((_, k) => {
    const all = coefficients[k]!;
    const vectors = Int32Array.from({ length: n }, (_, i) => i).filter((i) =>
      all.subarray(i * classes, (i + 1) * classes).some((value) => value > 0),
    );
    const kept = new Float32Array(vectors.length * classes);
    for (const [at, i] of vectors.entries()) kept.set(all.subarray(i * classes, (i + 1) * classes), at * classes);
    return { vectors, coefficients: kept, offsets: offsets[k]!, unsolved: unsolved[k]! };
  });
}

/** Rows of a kernel, of which those asked for last are kept. */
function cachedRows(compute: (i: number, out: Float32Array) => void, n: number): (i: number) => Float32Array {
  const capacity = Math.max(3, Math.floor(CACHE / (4 * n)));
  const kept = new Map<number, Float32Array>();
  return (i) => {
    let row = kept.get(i);
    if (row) kept.delete(i);
    else {
      const oldest = kept.size < capacity ? undefined : kept.keys().next().value;
      row = oldest === undefined ? new Float32Array(n) : kept.get(oldest)!;
      if (oldest !== undefined) kept.delete(oldest);
      compute(i, row);
    }
    // The last of a map is what was added last.
    kept.set(i, row);
    return row;
  };
}

/** Decisions `[n, classes, classes]` of machines on rows `asked`: above 0 for the first class against the second; antisymmetric. */
export function decisions(
  { vectors, coefficients, offsets }: Machines,
  examples: Examples,
  gamma: number,
  asked: Float32Array,
): Float32Array {
  const { classes, d } = examples;
  const { rows, labels } = take(examples, vectors);
  const n = asked.length / d;
  const out = new Float32Array(n * classes ** 2);
  const kernel = new RadialKernel(vectors.length, d);
  kernel.load(rows, gamma);
  const values = new Float32Array(vectors.length);
  const found = new Float64Array(classes ** 2);
  for (let r = 0; r < n; r++) {
    kernel.of(asked, r, values);
    found.fill(0);
    for (let at = 0; at < values.length; at++) {
      const row = labels[at]! * classes;
      for (let c = 0; c < classes; c++) found[row + c]! += coefficients[at * classes + c]! * values[at]!;
    }
    for (let a = 0; a < classes; a++)
      for (let b = 0; b < classes; b++) {
        const at = a * classes + b;
        out[r * classes ** 2 + at] = found[at]! - found[b * classes + a]! + offsets[at]!;
      }
  }
  return out;
}
