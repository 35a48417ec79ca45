// A graph as an ONNX model: walks the nodes, lets each op emit itself, shares equal nodes and constants.
import { allocate, type DType, sizeOf, type TypedArray } from "../base/array.ts";
import type { Emitter, OnnxAttributes } from "../graph/emitter.ts";
import { isConstant, isInput, type Tensor, topological } from "../graph/tensor.ts";
import type { TileSize } from "../graph/winograd.ts";
import { folded } from "./fold.ts";
import type { OnnxConstant, OnnxModel, OnnxNode, OnnxType, OnnxValue } from "./schema.ts";

/** How a graph becomes a model. */
export interface LowerOptions {
  /** See `CompileOptions.mode`. */
  mode: Emitter["mode"];
  /** See `Emitter.winograd`. */
  winograd?: TileSize | 0 | undefined;
  /**
   * The batch size the graph was built with, when the model shall take any batch: every leading size that is a
   * multiple of it becomes free. Choose a prime that no other size is a multiple of (`FREE_BATCH`).
   */
  freeBatch?: number;
  /** Texts that are stored with the model, by name. */
  metadata?: Record<string, string>;
}

/** A batch size for graphs that will be lowered with a free batch: a prime above any layer size in use. */
export const FREE_BATCH = 65537;

/** Lowers named outputs to a model whose inputs are the graph's inputs, in order of appearance. */
export function lower(name: string, outputs: Readonly<Record<string, Tensor>>, options: LowerOptions): OnnxModel {
  const builder = new Builder(options);
  const names = new Map<Tensor, string>();
  const inputs: OnnxValue[] = [];
  for (const node of topological(Object.values(outputs))) {
    if (isInput(node)) {
      inputs.push({ name: node.attrs.name, type: node.dtype, dims: builder.freeDims(node.shape) });
      names.set(node, node.attrs.name);
    } else if (isConstant(node)) {
      names.set(node, builder.constant(node.dtype, node.shape, node.attrs.value.data));
    } else {
      names.set(
        node,
        node.op.lower(
          builder,
          node,
          node.inputs.map((x) => names.get(x)!),
        ),
      );
    }
  }
  const results = Object.entries(outputs).map(
    ([output, node]): OnnxValue => ({ name: output, type: node.dtype, dims: builder.freeDims(node.shape) }),
  );
  const nodes = builder.named(new Map(Object.entries(outputs).map(([output, node]) => [output, names.get(node)!])));
  return {
    name,
    nodes,
    constants: builder.constantsOf(nodes),
    inputs,
    outputs: results,
    metadata: options.metadata,
  };
}

class Builder implements Emitter {
  readonly mode: Emitter["mode"];
  readonly winograd: Emitter["winograd"];
  private readonly nodes: OnnxNode[] = [];
  private readonly constants = new Map<string, OnnxConstant>();
  private readonly freeBatch: number | undefined;
  private readonly known = new Map<string, string>();
  private readonly identities = new Map<TypedArray, number>();

  constructor(options: LowerOptions) {
    this.mode = options.mode;
    this.winograd = options.winograd;
    this.freeBatch = options.freeBatch;
  }

  private isFree(dim: number): boolean {
    return this.freeBatch !== undefined && dim > 0 && dim % this.freeBatch === 0;
  }

  freeDims(shape: readonly number[]): (number | string)[] {
    return shape.map((dim) =>
      this.isFree(dim) ? (dim === this.freeBatch ? "batch" : `batch*${dim / this.freeBatch!}`) : dim,
    );
  }

  private shared(key: string, make: (name: string) => void, prefix: string): string {
    let name = this.known.get(key);
    if (name === undefined) {
      name = `${prefix}${this.known.size}`;
      this.known.set(key, name);
      make(name);
    }
    return name;
  }

  node(op: string, inputs: readonly string[], attributes: OnnxAttributes = {}): string {
    const key = `${op}(${inputs.join(",")})${JSON.stringify(attributes)}`;
    const [given, sizes] = inputs.map((name) => this.constants.get(name));
    const moved = given && this.mode === "infer" ? folded(op, given, attributes, sizes) : undefined;
    if (moved) return this.raw(moved.type, moved.dims, moved.data, key);
    return this.shared(key, (name) => this.nodes.push({ op, inputs, outputs: [name], attributes }), "t");
  }

  /** The nodes with results renamed to output names; a result with no node or two names gets a copy. */
  named(outputs: ReadonlyMap<string, string>): OnnxNode[] {
    const renamed = new Map<string, string>();
    const copies: OnnxNode[] = [];
    const made = new Set(this.nodes.map((node) => node.outputs[0]!));
    for (const [output, name] of outputs) {
      if (made.has(name) && !renamed.has(name)) renamed.set(name, output);
      else copies.push({ op: "Identity", inputs: [name], outputs: [output], attributes: {} });
    }
    const now = (name: string) => renamed.get(name) ?? name;
    return [...this.nodes, ...copies].map((node) => ({
      ...node,
      inputs: node.inputs.map(now),
      outputs: node.outputs.map(now),
    }));
  }

  private raw(type: OnnxType, dims: readonly number[], data: Uint8Array, key: string): string {
    return this.shared(`${type}[${dims}] ${key}`, (name) => this.constants.set(name, { name, type, dims, data }), "c");
  }

  /** The constants that nodes read: one that was moved to where it is read from is not read itself. */
  constantsOf(nodes: readonly OnnxNode[]): OnnxConstant[] {
    const read = new Set(nodes.flatMap(({ inputs }) => inputs));
    return [...this.constants.values()].filter(({ name }) => read.has(name));
  }

  constant(dtype: DType, shape: readonly number[], values: TypedArray): string {
    const data = allocate(dtype, sizeOf(shape));
    data.set(values);
    return this.raw(
      dtype,
      shape,
      bytesOf(data),
      data.length <= 16 ? Array.from(data).join() : `#${this.identity(values)}`,
    );
  }

  private identity(values: TypedArray): number {
    let id = this.identities.get(values);
    if (id === undefined) {
      id = this.identities.size;
      this.identities.set(values, id);
    }
    return id;
  }

  ints(values: readonly number[]): string {
    return this.raw("int64", [values.length], bytesOf(BigInt64Array.from(values, BigInt)), values.join());
  }

  indices(values: Int32Array, dims: readonly number[]): string {
    return this.raw("int32", dims, bytesOf(values), values.join());
  }

  scalar(value: number, dtype: DType = "float32"): string {
    return this.constant(dtype, [], Float64Array.of(value));
  }

  filled(dims: readonly number[], value: number): string {
    return this.raw("float32", dims, bytesOf(new Float32Array(sizeOf(dims)).fill(value)), `all ${value}`);
  }

  reshape(input: string, shape: readonly number[]): string {
    return this.node("Reshape", [input, this.ints(shape.map((dim) => (this.isFree(dim) ? -1 : dim)))]);
  }
}

function bytesOf(data: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
