// What an augmentation policy does, as the pictures that a model would see: the same transforms and the same graph.
import { ndarray } from "../base/array.ts";
import { type Augmentation, mixes } from "../data/augment.ts";
import { batchInputs, MAIN_STREAM, MAIN_VIEW } from "../data/batches.ts";
import { gather, type ImageSet, subset } from "../data/dataset.ts";
import { toBytes } from "../data/picture.ts";
import { StreamBatches } from "../data/streams.ts";
import { interpret } from "../graph/interpret.ts";
import { batchTensors } from "../predict/batch.ts";

const PIXELS = batchInputs(MAIN_STREAM).view(MAIN_VIEW);

/** Rows of one picture each: itself, then changed copies. Bytes `[rows · columns, h, w, c]`. */
export async function augmentationPreview(
  set: ImageSet,
  augmentation: Augmentation,
  rows: ArrayLike<number>,
  columns: number,
  seed: number,
): Promise<Uint8Array> {
  const { size } = set.pixels;
  const chosen = subset(set, rows);
  const n = rows.length;
  const out = new Uint8Array(n * columns * size);
  const put = (row: number, column: number, bytes: Uint8Array) => out.set(bytes, (row * columns + column) * size);
  const originals = await gather(chosen);
  for (let row = 0; row < n; row++) put(row, 0, originals.subarray(row * size, (row + 1) * size));
  for (let column = 1; column < columns; column++) {
    // One example a batch keeps the order of rows; mixing needs them all, in the order that the epoch gives.
    const batches = new StreamBatches(chosen, { size: n, seed: seed + column, augmentation });
    const feeds = await batches.at(0);
    const bytes = mixes(augmentation) ? mixedBytes(chosen, n, feeds) : (feeds[PIXELS]!.data as Uint8Array);
    const order = batches.examples(0);
    order.forEach((row, i) => {
      put(row, column, bytes.subarray(i * size, (i + 1) * size));
    });
  }
  return out;
}

function mixedBytes(set: ImageSet, n: number, feeds: Awaited<ReturnType<StreamBatches["at"]>>): Uint8Array {
  const { height, width, channels } = set;
  const spec = { height, width, channels, classes: [], mirror: false };
  const stream = { name: MAIN_STREAM, size: n, views: { [MAIN_VIEW]: "augmented" }, mixes: true };
  const { mixed } = batchTensors(stream, spec);
  const floats = Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => [
      name,
      ndarray(value.dtype, value.shape, value.dtype === "float32" ? Float64Array.from(value.data) : value.data),
    ]),
  );
  return toBytes(interpret([mixed!.x], floats)[0]!.data);
}
