// Weighted graphs of points.

/** The edges of a symmetric weighted graph without loops, row by row (compressed sparse rows). */
export interface Edges {
  /** Where the edges of each node begin, and the end of the last: `[n + 1]`. */
  readonly starts: Int32Array;
  readonly to: Int32Array;
  readonly weights: Float32Array;
  /** Sum of the weights of each node's edges. */
  readonly degree: Float32Array;
}

/** Edges, and the order in which they are swept over. */
export interface Graph extends Edges {
  /** `breadthFirst` */
  readonly order: Int32Array;
}

/** Edges as a graph, which is put in order once however often labels are spread over it. */
export const graphOf = (edges: Edges): Graph => ({ ...edges, order: breadthFirst(edges) });

/**
 * Numbers of the nodes, `[n]`, in the order in which a walk in breadth meets them: from node 0 outwards, then from the first one that was
 * not met, and so on. In memory, what a node is joined to is then near it: of 54,000 codes of digits, sweeps take half of the time that
 * they take in the order in which they come.
 */
export function breadthFirst({ starts, to, degree }: Edges): Int32Array {
  const order = new Int32Array(degree.length);
  const isMet = new Uint8Array(degree.length);
  let met = 0;
  const meet = (node: number) => {
    if (isMet[node]) return;
    isMet[node] = 1;
    order[met++] = node;
  };
  for (let first = 0, at = 0; first < degree.length; first++) {
    meet(first);
    for (; at < met; at++) for (let e = starts[order[at]!]!; e < starts[order[at]! + 1]!; e++) meet(to[e]!);
  }
  return order;
}
