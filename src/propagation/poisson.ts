// Labels of a few points spread over a graph of nearest neighbours, by Poisson learning: Calder, Cook, Thorpe & Slepčev 2020,
// Poisson Learning: Graph Based Semi-Supervised Learning At Very Low Label Rates.
import { type Graph, graphOf } from "./graph.ts";
import type { Neighbours } from "./neighbours.ts";
import { swept } from "./sweeps.ts";

/**
 * The graph of neighbours with weights exp(-4 d² / (distance to the k-th neighbour)²), as in the paper's section 4, made symmetric by
 * the mean. Where fewer than k were found, the last of them takes the place of the k-th.
 */
export function neighbourGraph({ n, k, index, squared }: Neighbours): Graph {
  const found = Int32Array.from({ length: n }, (_, i) => countFinite(squared, i * k, (i + 1) * k));
  const weight = (i: number, j: number) => {
    const scale = squared[i * k + found[i]! - 1]!;
    return scale > 0 ? Math.exp((-4 * squared[i * k + j]!) / scale) : 1;
  };
  // Each edge is counted at both ends; edges that point both ways meet as neighbours in the sorted row.
  const counts = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) {
    counts[i + 1]! += found[i]!;
    for (let j = 0; j < found[i]!; j++) counts[index[i * k + j]! + 1]!++;
  }
  for (let i = 0; i < n; i++) counts[i + 1]! += counts[i]!;
  const next = counts.slice();
  const to = new Int32Array(counts[n]!);
  const half = new Float32Array(counts[n]!);
  const add = (from: number, node: number, value: number) => {
    to[next[from]!] = node;
    half[next[from]!++] = value / 2;
  };
  for (let i = 0; i < n; i++)
    for (let j = 0; j < found[i]!; j++) {
      add(i, index[i * k + j]!, weight(i, j));
      add(index[i * k + j]!, i, weight(i, j));
    }
  return merged(n, counts, to, half);
}

/** How many of rising values, infinite from some place on, are before it. */
function countFinite(values: Float32Array, from: number, to: number): number {
  let at = from;
  while (at < to && values[at]! < Number.POSITIVE_INFINITY) at++;
  return at - from;
}

/** Joins edges of the same two nodes. */
function merged(n: number, counts: Int32Array, to: Int32Array, half: Float32Array): Graph {
  const starts = new Int32Array(n + 1);
  const degree = new Float32Array(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const row = new Map<number, number>();
    for (let e = counts[i]!; e < counts[i + 1]!; e++) row.set(to[e]!, (row.get(to[e]!) ?? 0) + half[e]!);
    for (const [node, weight] of row) {
      to[at] = node;
      half[at++] = weight;
      degree[i]! += weight;
    }
    starts[i + 1] = at;
  }
  return graphOf({ starts, to: to.slice(0, at), weights: half.slice(0, at), degree });
}

/** Sweeps of the iteration: what the sources send has then spread over graphs of 10⁵ points (the paper's section 3). */
const SWEEPS = 300;

/**
 * Solves L u = b, where L is the Laplacian of the graph and b has one-hot minus mean one-hot rows at labelled points, by
 * u += D⁻¹ (b - L u) (the paper's algorithm 1). The largest of a row is the point's label; how much it exceeds the second says how sure.
 * @param labels `[n]`; -1 where there is none
 * @returns u, `[n, classes]`
 * @throws `E_BACKEND` where the process may not have memory for the graph once more
 */
export function poissonLearning(graph: Graph, labels: Int32Array, classes: number, sweeps = SWEEPS): Float32Array {
  const source = new Float32Array(labels.length * classes);
  addSources(source, classes, 0, labels, classes);
  return swept(graph, source, classes, sweeps);
}

/** Writes the sources of labels into the columns `[n, columns]` from one on. */
function addSources(source: Float32Array, columns: number, from: number, labels: Int32Array, classes: number): void {
  const shares = new Float64Array(classes);
  for (const label of labels) if (label >= 0) shares[label]!++;
  const labelled = shares.reduce((sum, count) => sum + count, 0);
  for (const [i, label] of labels.entries())
    if (label >= 0)
      for (let c = 0; c < classes; c++) source[i * columns + from + c] = Number(label === c) - shares[c]! / labelled;
}

/**
 * How well a graph tells classes: the share, 0..1, of labelled points that get their label back when the labels of every second
 * one of each class are hidden, and then those of the others. The only label of a class is never hidden, nor asked for. Undefined
 * where that is so of more than half of the labels.
 * @throws `E_BACKEND` as `poissonLearning`
 */
export function agreement(graph: Graph, labels: Int32Array, classes: number): number | undefined {
  const parts = [labels.slice(), labels.slice()];
  const counts = new Int32Array(classes);
  for (const label of labels) if (label >= 0) counts[label]!++;
  const single = counts.filter((count) => count === 1).length;
  if (2 * single > counts.reduce((sum, count) => sum + count, 0)) return undefined;
  const met = new Int32Array(classes);
  for (const [i, label] of labels.entries()) if (counts[label]! > 1) parts[met[label]!++ % 2]![i] = -1;
  // Both spread at once, each in columns of its own.
  const columns = parts.length * classes;
  const source = new Float32Array(labels.length * columns);
  for (const [part, shown] of parts.entries()) addSources(source, columns, part * classes, shown, classes);
  const u = swept(graph, source, columns, SWEEPS);
  let [right, all] = [0, 0];
  for (const [part, shown] of parts.entries())
    for (const [i, label] of labels.entries()) {
      if (label < 0 || shown[i]! >= 0) continue;
      const row = u.subarray(i * columns + part * classes, i * columns + (part + 1) * classes);
      right += Number(row.indexOf(Math.max(...row)) === label);
      all++;
    }
  return all > 0 ? right / all : undefined;
}
