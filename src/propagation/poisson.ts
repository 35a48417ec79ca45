// Labels of a few points spread over a graph of nearest neighbours, by Poisson learning: Calder, Cook, Thorpe & Slepčev 2020,
// Poisson Learning: Graph Based Semi-Supervised Learning At Very Low Label Rates.
import type { Neighbours } from "./neighbours.ts";

/** A symmetric weighted graph without loops, row by row (compressed sparse rows). */
export interface Graph {
  /** Where the edges of each node begin, and the end of the last: `[n + 1]`. */
  readonly starts: Int32Array;
  readonly to: Int32Array;
  readonly weights: Float32Array;
  /** Sum of the weights of each node's edges. */
  readonly degree: Float32Array;
}

/** The graph of neighbours with weights exp(-4 d² / (distance to the k-th neighbour)²), as in the paper's section 4, made symmetric by the mean. */
export function neighbourGraph({ k, index, squared }: Neighbours): Graph {
  const n = index.length / k;
  const weight = (i: number, j: number) => {
    const scale = squared[i * k + k - 1]!;
    return scale > 0 ? Math.exp((-4 * squared[i * k + j]!) / scale) : 1;
  };
  // Each edge is counted at both ends; edges that point both ways meet as neighbours in the sorted row.
  const counts = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) counts[i + 1]! += k;
  for (const j of index) counts[j + 1]!++;
  for (let i = 0; i < n; i++) counts[i + 1]! += counts[i]!;
  const next = counts.slice();
  const to = new Int32Array(2 * n * k);
  const half = new Float32Array(2 * n * k);
  const add = (from: number, node: number, value: number) => {
    to[next[from]!] = node;
    half[next[from]!++] = value / 2;
  };
  for (let i = 0; i < n; i++)
    for (let j = 0; j < k; j++) {
      add(i, index[i * k + j]!, weight(i, j));
      add(index[i * k + j]!, i, weight(i, j));
    }
  return merged(n, counts, to, half);
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
  return { starts, to: to.slice(0, at), weights: half.slice(0, at), degree };
}

/** Sweeps of the iteration: what the sources send has then spread over graphs of 10⁵ points (the paper's section 3). */
const SWEEPS = 300;

/**
 * Solves L u = b, where L is the Laplacian of the graph and b has one-hot minus mean one-hot rows at labelled points, by
 * u += D⁻¹ (b - L u) (the paper's algorithm 1). The largest of a row is the point's label; how much it exceeds the second says how sure.
 * @param labels `[n]`; -1 where there is none
 * @returns u, `[n, classes]`
 */
export function poissonLearning(graph: Graph, labels: Int32Array, classes: number, sweeps = SWEEPS): Float32Array {
  const { starts, to, weights, degree } = graph;
  const n = labels.length;
  const shares = new Float64Array(classes);
  let labelled = 0;
  for (const label of labels)
    if (label >= 0) {
      shares[label]!++;
      labelled++;
    }
  const source = new Float32Array(n * classes);
  for (let i = 0; i < n; i++)
    if (labels[i]! >= 0)
      for (let c = 0; c < classes; c++) source[i * classes + c] = Number(labels[i] === c) - shares[c]! / labelled;
  let u = new Float32Array(n * classes);
  let next = new Float32Array(n * classes);
  const row = new Float64Array(classes);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < classes; c++) row[c] = source[i * classes + c]!;
      for (let e = starts[i]!; e < starts[i + 1]!; e++) {
        const from = to[e]! * classes;
        const weight = weights[e]!;
        for (let c = 0; c < classes; c++) row[c]! += weight * u[from + c]!;
      }
      const scale = degree[i]! > 0 ? 1 / degree[i]! : 0;
      for (let c = 0; c < classes; c++) next[i * classes + c] = row[c]! * scale;
    }
    [u, next] = [next, u];
  }
  return u;
}

/**
 * How well a graph tells classes: the share, 0..1, of labelled points that get their label back when the labels of every second
 * one of each class are hidden, and then those of the others. Undefined where a class has fewer than two labels.
 */
export function agreement(graph: Graph, labels: Int32Array, classes: number): number | undefined {
  const parts = [labels.slice(), labels.slice()];
  const counts = new Int32Array(classes);
  for (let i = 0; i < labels.length; i++) if (labels[i]! >= 0) parts[counts[labels[i]!]!++ % 2]![i] = -1;
  if (counts.some((count) => count === 1)) return undefined;
  let [right, all] = [0, 0];
  for (const shown of parts) {
    const u = poissonLearning(graph, shown, classes);
    for (let i = 0; i < labels.length; i++) {
      if (labels[i]! < 0 || shown[i]! >= 0) continue;
      const row = u.subarray(i * classes, (i + 1) * classes);
      right += Number(row.indexOf(Math.max(...row)) === labels[i]);
      all++;
    }
  }
  return all > 0 ? right / all : undefined;
}
