// Weighted graphs of points.

/** A symmetric weighted graph without loops, row by row (compressed sparse rows). */
export interface Graph {
  /** Where the edges of each node begin, and the end of the last: `[n + 1]`. */
  readonly starts: Int32Array;
  readonly to: Int32Array;
  readonly weights: Float32Array;
  /** Sum of the weights of each node's edges. */
  readonly degree: Float32Array;
}

/**
 * Numbers of the nodes, `[n]`, in the order in which a walk in breadth meets them: from node 0 outwards, then from the first one that was
 * not met, and so on. In memory, what a node is joined to is then near it.
 */
export function breadthFirst({ starts, to, degree }: Graph): Int32Array {
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
