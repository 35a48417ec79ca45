// Sweeps over the edges of a graph, in WebAssembly: each node takes the mean of its neighbours, for four columns at a time.
import { FunctionBuilder } from "../wasm/assembler.ts";
import { instantiate } from "../wasm/module.ts";
import type { Graph } from "./graph.ts";

/** Columns of a vector. */
const LANES = 4;
/** Vectors whose sums are kept in registers; columns beyond that are swept after these. */
const MOST = 8;

/**
 * So many sweeps of u = D⁻¹ (b + W u) from u = 0, where W are the weights of the graph and D its degrees; nodes without edges stay 0.
 * @param source b, `[n, columns]`
 * @returns u, `[n, columns]`
 * @throws `E_BACKEND` where the process may not have memory for the graph once more
 */
export function swept(graph: Graph, source: Float32Array, columns: number, sweeps: number): Float32Array {
  const n = graph.degree.length;
  const all = Math.ceil(columns / LANES);
  const vectors = Math.ceil(all / Math.ceil(all / MOST));
  const { order } = graph;
  const panel = new Panel(graph, vectors);
  const result = new Float32Array(n * columns);
  for (let from = 0; from < columns; from += panel.width) {
    const width = Math.min(panel.width, columns - from);
    for (const [row, node] of order.entries())
      for (let c = 0; c < width; c++) panel.source[row * panel.width + c] = source[node * columns + from + c]!;
    const u = panel.sweep(sweeps);
    for (const [row, node] of order.entries())
      for (let c = 0; c < width; c++) result[node * columns + from + c] = u[row * panel.width + c]!;
  }
  return result;
}

/** A graph whose nodes are rows in its order, and columns that are swept together. */
class Panel {
  /** How many columns. */
  readonly width: number;
  /** Their sources, `[n, width]`. */
  readonly source: Float32Array;
  private readonly sides: readonly { readonly address: number; readonly values: Float32Array }[];
  private readonly run: (from: number, to: number, nodes: number) => void;

  constructor({ starts, to, weights, degree, order }: Graph, vectors: number) {
    const n = order.length;
    this.width = LANES * vectors;
    const size = n * this.width;
    const source = 0;
    const scales = source + 4 * size;
    const ends = scales + 4 * n;
    const edges = ends + 4 * n;
    const first = edges + 8 * to.length;
    const second = first + 4 * size;
    const kernel = writeSweep(vectors, { source, scales, ends, edges });
    const { run, buffer } = instantiate({ sweep: kernel }, second + 4 * size);
    this.run = run.sweep;
    this.source = new Float32Array(buffer, source, size);
    this.sides = [first, second].map((address) => ({ address, values: new Float32Array(buffer, address, size) }));
    const scale = new Float32Array(buffer, scales, n);
    const end = new Int32Array(buffer, ends, n);
    const [offset, weight] = [new Int32Array(buffer, edges), new Float32Array(buffer, edges)];
    const rowOf = new Int32Array(n);
    for (const [row, node] of order.entries()) rowOf[node] = row;
    let edge = 0;
    for (const [row, node] of order.entries()) {
      scale[row] = degree[node]! > 0 ? 1 / degree[node]! : 0;
      for (let e = starts[node]!; e < starts[node + 1]!; e++, edge++) {
        offset[2 * edge] = 4 * this.width * rowOf[to[e]!]!;
        weight[2 * edge + 1] = weights[e]!;
      }
      end[row] = edge;
    }
  }

  /** @returns u after so many sweeps, `[n, width]` */
  sweep(sweeps: number): Float32Array {
    let [from, to] = [this.sides[0]!, this.sides[1]!];
    from.values.fill(0);
    for (let sweep = 0; sweep < sweeps; sweep++) {
      this.run(from.address, to.address, from.values.length / this.width);
      [from, to] = [to, from];
    }
    return from.values;
  }
}

/** Where these are: sources, a scale and the end of its edges of each row; then the byte offset of a row and a weight of each edge. */
interface Addresses {
  readonly source: number;
  readonly scales: number;
  readonly ends: number;
  readonly edges: number;
}

/** One sweep, from the columns at an address to those at another. */
function writeSweep(vectors: number, { source, scales, ends, edges }: Addresses): FunctionBuilder {
  const [from, to, nodes] = [0, 1, 2];
  const f = new FunctionBuilder(["i32", "i32", "i32"]);
  const [node, row] = [f.local("i32"), f.local("i32")];
  const [edge, end, at] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const [neighbour, factor] = [f.local("i32"), f.local("v128")];
  const sums = Array.from({ length: vectors }, () => f.local("v128"));
  const rowBytes = 4 * LANES * vectors;
  f.i32(edges).set(at);
  f.whileBelow(
    node,
    () => f.get(nodes),
    () => {
      for (const [i, sum] of sums.entries())
        f.get(row)
          .memory("v128.load", source + 4 * LANES * i)
          .set(sum);
      f.get(node).i32(4).op("i32.mul").memory("i32.load", ends).set(end);
      f.whileBelow(
        edge,
        () => f.get(end),
        () => {
          f.get(at).memory("i32.load").get(from).op("i32.add").set(neighbour);
          f.get(at).memory("v128.load32_splat", 4).set(factor);
          for (const [i, sum] of sums.entries()) {
            f.get(neighbour).memory("v128.load", 4 * LANES * i);
            f.get(factor).op("f32x4.mul").get(sum).op("f32x4.add").set(sum);
          }
          f.increase(at, 8);
          f.increase(edge, 1);
        },
      );
      f.get(node).i32(4).op("i32.mul").memory("v128.load32_splat", scales).set(factor);
      for (const [i, sum] of sums.entries()) {
        f.get(to).get(sum).get(factor).op("f32x4.mul");
        f.memory("v128.store", 4 * LANES * i);
      }
      f.increase(to, rowBytes);
      f.increase(row, rowBytes);
      f.increase(node, 1);
    },
  );
  return f;
}
