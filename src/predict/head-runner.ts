// Heads of a trained model by name: compiled with the weights as constants, and run at any number of rows.
import { type DType, type NdArray, ndarray, sizeOf, type TypedArray, zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { constant, input, type Tensor } from "../graph/tensor.ts";
import type { Fitted } from "../metrics/metric.ts";
import { applyHead, type Head, type HeadInput, type Heads, requireHead } from "../models/heads.ts";
import type { DataSpec } from "../models/model.ts";
import { Build, evaluatedPath, type NoiseSpec } from "../nn/scope.ts";
import { FREE_BATCH } from "../onnx/lower.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { State } from "../runtime/program.ts";
import { pixelsToUnit } from "./batch.ts";
import { headNoise } from "./noise.ts";
import { requireFinite, rowsAtOnce } from "./rows.ts";

/** Rows that a head is given: pictures as bytes `[n, h, w, c]`, latent vectors `[n, latentSize]`, class numbers `[n]`. */
export interface HeadFeeds {
  /** Bytes `[n, h, w, c]`. */
  readonly picture?: Uint8Array;
  /** Pictures of the second source, bytes `[n, h, w, c]`. */
  readonly second?: Uint8Array;
  /** Latent vectors `[n, latentSize]`. */
  readonly latent?: Float32Array;
  /** Class numbers `[n]`. */
  readonly label?: Int32Array;
}

/** How rows are computed. */
export interface CallOptions {
  /** Of the noise that is drawn. Default 0. */
  readonly seed?: number;
  /** Ends the work between two batches: the call then throws its reason. */
  readonly signal?: StopSignal;
  /**
   * Whether heads are compiled for batches of one size, for the backend that trains: for work of minutes, which this is several times as
   * fast for. Default: for any number of rows, as an exported file is, which is ready sooner.
   */
  readonly isLong?: boolean;
}

/** A head as a graph: its inputs by what they are, the noise that it draws, and its result. */
export interface HeadGraph {
  /** By what they are. */
  readonly inputs: ReadonlyMap<HeadInput, Tensor>;
  /** Noise that it draws, by path. */
  readonly noises: ReadonlyMap<string, NoiseSpec>;
  /** Its result. */
  readonly output: Tensor;
}

interface CompiledHeads extends Omit<HeadGraph, "output"> {
  readonly executable: Executable;
  /** Shape of a row of the result, by head. */
  readonly rowShapes: ReadonlyMap<string, readonly number[]>;
}

/** Names of a head's inputs in its graph, and so in an exported file. */
const INPUT_NAMES: Readonly<Record<HeadInput, string>> = {
  picture: "pixels",
  second: "secondPixels",
  latent: "latent",
  label: "label",
};
const INPUT_TYPES: Readonly<Record<HeadInput, DType>> = {
  picture: "uint8",
  second: "uint8",
  latent: "float32",
  label: "int32",
};

/** What heads are built and computed with. */
export interface HeadContext {
  readonly heads: Heads;
  readonly spec: DataSpec;
  /** Width of latent vectors; 0 without any. */
  readonly latentSize: number;
  /** Parameters and buffers, by path. */
  readonly state: State;
  readonly fitted: Fitted;
  readonly backend: Backend;
}

/** Runs heads of one model; each is compiled when it is first asked for. */
export class HeadRunner {
  private readonly compiled = new Map<string, Promise<CompiledHeads>>();

  constructor(private readonly of: HeadContext) {}

  /** A walk for graphs of heads, with the averaged weights as constants. */
  walk(): Build {
    const { state, fitted } = this.of;
    return new Build(false, {
      fitted,
      bind(path) {
        const value = state.get(evaluatedPath(path, state));
        if (!value)
          fail(
            "E_RUN_CONFLICT",
            `the checkpoint has no "${path}": it was made by another version of the model; train again`,
          );
        return constant(value);
      },
    });
  }

  /** A head for batches of `batch`, pictures as bytes. @throws `E_HEAD` where the model lacks it */
  graph(name: string, batch: number): HeadGraph {
    const head = requireHead(this.of.heads, name);
    const inputs = new Map(head.takes.map((kind) => [kind, this.inputTensor(kind, batch)]));
    const walk = this.walk();
    const read = (kind: HeadInput) => {
      const tensor = inputs.get(kind)!;
      return kind === "picture" || kind === "second" ? pixelsToUnit(tensor) : tensor;
    };
    const given = Object.fromEntries(head.takes.map((kind) => [kind, read(kind)]));
    const output = applyHead(head, walk.root, batch, given);
    return { inputs, noises: walk.noises, output };
  }

  private inputTensor(kind: HeadInput, batch: number): Tensor {
    return input(INPUT_NAMES[kind], [batch, ...this.rowShape(kind)], INPUT_TYPES[kind]);
  }

  private rowShape(kind: HeadInput): readonly number[] {
    const { latentSize, spec } = this.of;
    if (kind === "label") return [];
    return kind === "latent" ? [latentSize] : [spec.height, spec.width, spec.channels];
  }

  /**
   * Heads as one executable: they share what they have in common.
   * @param batch rows that it takes; by default any number
   */
  private compile(names: readonly string[], batch?: number): Promise<CompiledHeads> {
    const key = [...names, ...(batch === undefined ? [] : [batch])].join(" ");
    const known = this.compiled.get(key);
    if (known) return known;
    const make = async (): Promise<CompiledHeads> => {
      const graphs = new Map(names.map((name) => [name, this.graph(name, batch ?? FREE_BATCH)]));
      const all = [...graphs.values()];
      const outputs = Object.fromEntries([...graphs].map(([name, { output }]) => [name, output]));
      const any = batch === undefined ? { freeBatch: FREE_BATCH } : {};
      return {
        executable: await this.of.backend.compile(key, outputs, { mode: "infer", ...any }),
        inputs: new Map(all.flatMap(({ inputs }) => [...inputs])),
        // Noise of one path is one: it depends on the path, the seed and the row.
        noises: new Map(all.flatMap(({ noises }) => [...noises])),
        rowShapes: new Map([...graphs].map(([name, { output }]) => [name, output.shape.slice(1)])),
      };
    };
    const pending = make();
    this.compiled.set(key, pending);
    // The next call tries again.
    pending.catch(() => this.compiled.delete(key));
    return pending;
  }

  /**
   * Rows `[n, …]` that heads give for rows of what they take, all of them the same, in batches.
   * @param options as of `TrainedModel.run`
   * @throws `E_HEAD` for a head that the model lacks, `E_SHAPE` for an input that is missing or of another size,
   * `E_NAN` for a result that is not finite
   */
  async run(
    names: readonly [string, ...string[]],
    feeds: HeadFeeds,
    options: CallOptions & { count?: number } = {},
  ): Promise<NdArray[]> {
    const n = this.rowsOf(names[0], requireHead(this.of.heads, names[0]), feeds, options.count);
    const atOnce = rowsAtOnce(this.of.spec);
    const { executable, inputs, noises, rowShapes } = await this.compile(names, options.isLong ? atOnce : undefined);
    const results = [...rowShapes].map(([name, shape]) => ({ name, shape, all: zeros([n, ...shape]) }));
    for (let from = 0; from < n; from += atOnce) {
      options.signal?.throwIfAborted();
      const count = Math.min(atOnce, n - from);
      // Where all batches are of one size, the last one ends with rows of zeros.
      const rows = options.isLong ? atOnce : count;
      const part = <T extends TypedArray>(all: T, size: number): T => {
        const own = all.slice(from * size, (from + count) * size) as T;
        if (rows === count) return own;
        const padded = new (all.constructor as new (length: number) => T)(rows * size);
        padded.set(own);
        return padded;
      };
      const values: Record<string, NdArray> = {};
      for (const [kind, { dtype }] of inputs) {
        const shape = this.rowShape(kind);
        values[INPUT_NAMES[kind]] = ndarray(dtype, [rows, ...shape], part(feeds[kind]!, sizeOf(shape)));
      }
      const pictures = feeds.picture && part(feeds.picture, sizeOf(this.rowShape("picture")));
      Object.assign(values, headNoise(noises, options.seed ?? 0, { count: rows, from, pictures }));
      const outputs = Object.fromEntries(results.map(({ name, shape }) => [name, zeros([rows, ...shape])]));
      await executable.run(values, outputs);
      for (const { name, shape, all } of results) {
        const size = sizeOf(shape);
        all.data.set(outputs[name]!.data.subarray(0, count * size), from * size);
      }
    }
    for (const { name, shape, all } of results) requireFinite(name, all.data as Float32Array, sizeOf(shape));
    return results.map(({ all }) => all);
  }

  /** How many rows are asked for. */
  private rowsOf(name: string, { takes }: Head, feeds: HeadFeeds, count?: number): number {
    let n = count;
    for (const kind of takes) {
      const rows: TypedArray | undefined = feeds[kind];
      const size = sizeOf(this.rowShape(kind));
      if (!rows) fail("E_SHAPE", `${name} takes ${takes.join(" and ")}; ${kind} is missing`);
      if (rows.length % size !== 0 || (n !== undefined && rows.length !== n * size))
        fail(
          "E_SHAPE",
          `${name}: ${kind} has ${rows.length} values; expected ${n ?? "a whole number of"} rows of [${this.rowShape(kind)}]`,
        );
      n = rows.length / size;
    }
    if (n === undefined) fail("E_SHAPE", `${name} takes nothing: say how many rows with count`);
    return n;
  }

  /** Frees what was compiled. */
  async dispose(): Promise<void> {
    for (const head of this.compiled.values()) await (await head).executable.dispose();
    this.compiled.clear();
  }
}
