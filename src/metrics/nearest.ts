// Nearest neighbours among rows of numbers, by Euclidean distance, found by comparing all.

/** Rows of `width` numbers each, one after another. */
export interface Rows {
  readonly data: ArrayLike<number>;
  readonly width: number;
}

/** The number of rows. */
export const rowCount = ({ data, width }: Rows): number => data.length / width;

/** The rows of these numbers. */
export function rowsAt({ data, width }: Rows, index: ArrayLike<number>): Rows & { readonly data: Float32Array } {
  const chosen = new Float32Array(index.length * width);
  for (let at = 0; at < index.length; at++)
    for (let k = 0; k < width; k++) chosen[at * width + k] = data[index[at]! * width + k]!;
  return { data: chosen, width };
}

/** The squared distance of row `i` of `a` from row `j` of `b`. */
export function squaredDistance(a: Rows, i: number, b: Rows, j: number): number {
  const { width } = a;
  let sum = 0;
  for (let k = 0; k < width; k++) {
    const difference = a.data[i * width + k]! - b.data[j * width + k]!;
    sum += difference * difference;
  }
  return sum;
}

/** Rows as `squaredDistances` takes them, which are many times faster to read than rows of any kind of list. */
export interface PackedRows extends Rows {
  readonly data: Float64Array;
}

export const packed = ({ data, width }: Rows): PackedRows => ({ data: Float64Array.from(data), width });

/** The squared distances of row `i` of `a` from the first `count` rows of `b`, to `out`: those of `squaredDistance`, bit for bit. */
export function squaredDistances(a: PackedRows, i: number, b: PackedRows, count: number, out: Float64Array): void {
  const { data: x, width } = a;
  const { data: y } = b;
  const own = i * width;
  let j = 0;
  // Four sums that do not wait for each other.
  for (; j + 4 <= count; j += 4) {
    let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
    for (let k = 0, at = j * width; k < width; k++, at++) {
      const value = x[own + k]!;
      const d0 = value - y[at]!;
      const d1 = value - y[at + width]!;
      const d2 = value - y[at + 2 * width]!;
      const d3 = value - y[at + 3 * width]!;
      sum0 += d0 * d0;
      sum1 += d1 * d1;
      sum2 += d2 * d2;
      sum3 += d3 * d3;
    }
    out[j] = sum0;
    out[j + 1] = sum1;
    out[j + 2] = sum2;
    out[j + 3] = sum3;
  }
  for (; j < count; j++) out[j] = squaredDistance(a, i, b, j);
}

/** For each row, the numbers of the `k` nearest other rows (all others where there are fewer), the nearest first. */
export function nearestOthers(rows: Rows, k: number): Int32Array[] {
  const n = rowCount(rows);
  return Array.from({ length: n }, (_, i) => {
    const found: { index: number; distance: number }[] = [];
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const distance = squaredDistance(rows, i, rows, j);
      if (found.length === k && distance >= found[k - 1]!.distance) continue;
      const place = found.findIndex((other) => other.distance > distance);
      found.splice(place < 0 ? found.length : place, 0, { index: j, distance });
      if (found.length > k) found.pop();
    }
    return Int32Array.from(found, ({ index }) => index);
  });
}

/** The row of `reference` that is nearest to row `i` of `rows`, and its distance; -1 and infinite without any. */
export function nearestRow(rows: Rows, reference: Rows, i = 0): { readonly row: number; readonly distance: number } {
  let [row, least] = [-1, Number.POSITIVE_INFINITY];
  for (let j = 0; j < rowCount(reference); j++) {
    const square = squaredDistance(rows, i, reference, j);
    if (square < least) [row, least] = [j, square];
  }
  return { row, distance: Math.sqrt(least) };
}

/** For each row, the distance to the nearest of `reference`. */
export const nearestDistances = (rows: Rows, reference: Rows): Float64Array =>
  Float64Array.from({ length: rowCount(rows) }, (_, i) => nearestRow(rows, reference, i).distance);

/**
 * The `k` smallest distances of each row to other rows, `[n, k]`, the smallest first; infinite where there are fewer others.
 */
export function neighbourDistances(rows: Rows, k: number): Float64Array {
  const n = rowCount(rows);
  const found = new Float64Array(n * k).fill(Number.POSITIVE_INFINITY);
  const put = (i: number, square: number) => {
    const first = i * k;
    let at = first + k - 1;
    if (square >= found[at]!) return;
    for (; at > first && found[at - 1]! > square; at--) found[at] = found[at - 1]!;
    found[at] = square;
  };
  const [dense, squares] = [packed(rows), new Float64Array(n)];
  for (let i = 1; i < n; i++) {
    squaredDistances(dense, i, dense, i, squares);
    for (let j = 0; j < i; j++) {
      put(i, squares[j]!);
      put(j, squares[j]!);
    }
  }
  return found.map(Math.sqrt);
}
