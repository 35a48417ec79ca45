// The feeds of one batch: buffers for views, labels, weights and table rows, filled again and again.
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { type ImageSet, isUsable } from "./dataset.ts";
import type { Pixels } from "./pixels.ts";

/** Names of the inputs of a stream's batch. */
export const batchInputs = (stream: string) => ({
  view: (name: string) => `data:${stream}/view/${name}`,
  table: (name: string) => `data:${stream}/table/${name}`,
  labels: `data:${stream}/labels`,
  weights: `data:${stream}/weights`,
  partner: `data:${stream}/partner`,
  mix: `data:${stream}/mix`,
});

/** The stream of an input's name, if it is one of a batch. */
export const streamOfInput = (name: string): string | undefined => /^data:([^/]+)\//.exec(name)?.[1];

/** The stream that there is when a model asks for none. */
export const MAIN_STREAM = "batch";
/** The view that there is when a stream asks for none. */
export const MAIN_VIEW = "x";
/** The view of partners where a set that has them is predicted. */
export const PARTNER_VIEW = "partner";

/**
 * How a picture is mixed with its partner, `MIX_FIELDS` numbers each: a box (top, left, bottom, right, pixels), the share
 * of the picture itself inside the box and outside it, and its share of the whole.
 */
export const MIX_FIELDS = 7;

/** Values kept for each example of a set: rows `[N, …]`. */
export interface Table {
  readonly shape: readonly number[];
  readonly rows: Float32Array;
}

/** What a batch buffer holds. */
export interface BufferOptions {
  readonly size: number;
  /** Default: the main stream. */
  readonly stream?: string;
  /** Default: the main view alone. */
  readonly views?: readonly string[];
  readonly tables?: Readonly<Record<string, Table>>;
}

/** Changes the picture at `bytes[at…]` in place; `place` is its number in the batch. */
export type ChangeAt = (bytes: Uint8Array, at: number, place: number) => void;

/** How a view is filled: from other pictures than the set's, through a change. */
export interface ViewFilling {
  readonly pixels?: Pixels;
  readonly change?: ChangeAt;
}

/** Arrays of one batch. */
export class BatchBuffer {
  /** Arrays by input name; the same arrays for every batch. */
  readonly feeds: Readonly<Record<string, NdArray>>;
  private readonly views: ReadonlyMap<string, NdArray>;
  private readonly labels: NdArray;
  private readonly weights: NdArray;
  private readonly tables: readonly { readonly table: Table; readonly rows: NdArray }[];

  constructor(
    private readonly set: ImageSet,
    { size, stream = MAIN_STREAM, views = [MAIN_VIEW], tables = {} }: BufferOptions,
  ) {
    const { height, width, channels } = set;
    const inputs = batchInputs(stream);
    const pictures = () => ndarray("uint8", [size, height, width, channels], new Uint8Array(size * set.pixels.size));
    this.views = new Map(views.map((view) => [view, pictures()]));
    this.labels = ndarray("int32", [size], new Int32Array(size));
    this.weights = ndarray("float32", [size], new Float32Array(size));
    const feeds: Record<string, NdArray> = { [inputs.labels]: this.labels, [inputs.weights]: this.weights };
    for (const [view, pixels] of this.views) feeds[inputs.view(view)] = pixels;
    this.tables = Object.entries(tables).map(([name, table]) => {
      const rows = ndarray("float32", [size, ...table.shape], new Float32Array(size * sizeOf(table.shape)));
      feeds[inputs.table(name)] = rows;
      return { table, rows };
    });
    this.feeds = feeds;
  }

  /**
   * Fills with examples `index`, which must be ready. Places beyond the end, and pictures that do not decode, are zeros with
   * weight 0 and no label.
   */
  fill(index: ArrayLike<number>, views: Readonly<Record<string, ViewFilling>> = {}): void {
    const { set } = this;
    const { size: bytes } = set.pixels;
    const real = Array.from(this.weights.data, (_, i) => i < index.length && isUsable(set, index[i]!));
    real.forEach((isReal, i) => {
      this.weights.data[i] = isReal ? 1 : 0;
      this.labels.data[i] = isReal ? set.labels[index[i]!]! : -1;
    });
    for (const [view, { data }] of this.views) {
      const { pixels = set.pixels, change } = views[view] ?? {};
      const out = data as Uint8Array;
      real.forEach((isReal, i) => {
        if (!isReal) out.fill(0, i * bytes, (i + 1) * bytes);
        else {
          pixels.read(index[i]!, out, i * bytes);
          change?.(out, i * bytes, i);
        }
      });
    }
    for (const { table, rows } of this.tables) {
      const width = sizeOf(table.shape);
      real.forEach((isReal, i) => {
        const from = isReal ? index[i]! * width : 0;
        if (isReal) rows.data.set(table.rows.subarray(from, from + width), i * width);
        else rows.data.fill(0, i * width, (i + 1) * width);
      });
    }
  }
}
