// Features of a frozen network for every picture of a run, computed once and kept in the cache as half floats.
import { createHash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type NdArray, sizeOf, zeros } from "../base/array.ts";
import { halfToNumber, numberToHalf } from "../base/half.ts";
import { atEqualDistances } from "../base/scattered.ts";
import { type Augmentation, changesPictures, chooseAugmentation } from "../data/augment.ts";
import type { Table } from "../data/batches.ts";
import { cacheFolder, draftIn, finishDraft } from "../data/cache.ts";
import { mirror } from "../data/changes/mirror.ts";
import { type Dataset, gather, hashBytes, type ImageSet, range } from "../data/dataset.ts";
import { Transformer } from "../data/transform.ts";
import { constant, input } from "../graph/tensor.ts";
import { BACKBONE_PATH, type Backbone, backboneFeatures } from "../models/backbone.ts";
import { Build, evaluatedPath, initialState } from "../nn/scope.ts";
import { pixelsToUnit } from "../predict/batch.ts";
import { Random } from "../random/random.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { State } from "../runtime/program.ts";
import type { FrozenFeatures } from "../train/frozen-features.ts";

/** Pictures that are computed at once. */
const BATCH = 32;
/** Views of a picture where a policy of augmentation is asked for: as it is, and so many less one changed at random. */
const DRAWN_VIEWS = 8;

/** What the features of a run depend on. */
export interface FeatureOptions {
  readonly backbone: Backbone;
  readonly data: Dataset;
  readonly backend: Backend;
  /** As `--augment` has it. */
  readonly augment: string;
  readonly seed: number;
  /** Weights to begin with in place of the file's: those of another run. */
  readonly from?: State;
}

/** How a view of a picture is made, in place. */
type Change = (picture: Uint8Array, random: Random) => void;

/** The features of a run's pictures; from the cache, where an earlier run has left them. */
export async function frozenFeatures(options: FeatureOptions): Promise<FrozenFeatures> {
  const { data } = options;
  const extractor = new Extractor(options);
  try {
    const views = viewsOf(options);
    const train = await extractor.table(data.train, views.changes, views.name);
    const validation = data.validation && (await extractor.table(data.validation, [undefined], "plain"));
    return { path: BACKBONE_PATH, train, validation };
  } finally {
    await extractor.dispose();
  }
}

/** The views that a policy asks for: by default the picture and, where that is still of its class, its mirror image. */
function viewsOf({ augment, data }: FeatureOptions): { name: string; changes: (Change | undefined)[] } {
  const { height, width, channels } = data.train;
  if (augment === "auto")
    return data.mirror
      ? { name: "mirrored", changes: [undefined, (picture) => mirror(picture, data.train)] }
      : { name: "plain", changes: [undefined] };
  const policy: Augmentation = chooseAugmentation(augment, channels, data.mirror);
  if (!changesPictures(policy)) return { name: "plain", changes: [undefined] };
  const transformer = new Transformer({ height, width, channels }, policy);
  const change: Change = (picture, random) => transformer.apply(picture, 0, random);
  return { name: JSON.stringify(policy), changes: [undefined, ...new Array<Change>(DRAWN_VIEWS - 1).fill(change)] };
}

/** Computes features, or finds them. The network is compiled when something is not found. */
class Extractor {
  private compiled: Promise<Executable> | undefined;
  private readonly output: ReturnType<typeof backboneFeatures>;
  private readonly identity: string;

  constructor(private readonly options: FeatureOptions) {
    const { backbone, data, from } = options;
    const { height, width, channels } = data.train;
    const weights = createHash("sha256");
    const build = new Build(false, {
      bind(path, spec) {
        const array = from?.get(evaluatedPath(path, from)) ?? initialState(new Map([[path, spec]]), 0).get(path)!;
        weights.update(path).update(new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength));
        return constant(array);
      },
    });
    const pixels = input("pixels", [BATCH, height, width, channels], "uint8");
    this.output = backboneFeatures(backbone, build.root, pixelsToUnit(pixels));
    const { cut, scales, normalisation } = backbone;
    const names = scales?.map(({ name }) => name) ?? cut;
    this.identity = JSON.stringify([weights.digest("hex"), names, normalisation, height, width, channels]);
  }

  /** Rows `[views, d]` of the pictures of a set. */
  async table(set: ImageSet, views: readonly (Change | undefined)[], name: string): Promise<Table> {
    const shape = [views.length, ...this.output.shape.slice(1)];
    const count = set.labels.length * sizeOf(shape);
    const file = join(cacheFolder("features"), `${await this.keyOf(set, name)}.f16`);
    const halves = readHalves(file, count) ?? (await this.compute(set, views, file, count));
    return { shape, rows: Float32Array.from(halves, halfToNumber) };
  }

  /** Names the pictures by their number, their names and their bytes; where they have names and are many, by the bytes of some. */
  private async keyOf(set: ImageSet, view: string): Promise<string> {
    const n = set.labels.length;
    const seen = set.name ? atEqualDistances(n, Math.min(n, MOST_HASHED)) : range(0, n);
    const hash = createHash("sha256").update(`${this.identity}\n${view}\n${this.options.seed}\n${n}\n`);
    if (set.name) for (let i = 0; i < n; i++) hash.update(`${set.name(i)}\n`);
    for (let from = 0; from < seen.length; from += HASHED_AT_ONCE)
      hash.update(await gather(set, seen.subarray(from, from + HASHED_AT_ONCE)));
    return hash.digest("hex").slice(0, 32);
  }

  private async compute(
    set: ImageSet,
    views: readonly (Change | undefined)[],
    file: string,
    count: number,
  ): Promise<Uint16Array> {
    const executable = await this.executable();
    const { size } = set.pixels;
    const n = set.labels.length;
    const width = sizeOf(this.output.shape.slice(1));
    const halves = new Uint16Array(count);
    const { height, width: columns, channels } = set;
    const output = zeros(this.output.shape);
    const batch = new Uint8Array(BATCH * size);
    const pixels: NdArray = { shape: [BATCH, height, columns, channels], dtype: "uint8", data: batch };
    const read = (from: number) => gather(set, range(from, Math.min(n, from + BATCH)));
    let reading = read(0);
    for (let from = 0; from < n; from += BATCH) {
      const examples = range(from, Math.min(n, from + BATCH));
      const pictures = await reading;
      // The next ones are decoded while these are computed. What fails there is thrown when they are waited for, if ever.
      reading = read(Math.min(n, from + BATCH));
      reading.catch(() => {});
      for (const [view, change] of views.entries()) {
        batch.set(pictures);
        if (change)
          for (const [i, example] of examples.entries())
            change(batch.subarray(i * size, (i + 1) * size), new Random(this.options.seed, `view:${view}:${example}`));
        await executable.run({ pixels }, { output });
        for (const [i, example] of examples.entries())
          for (let k = 0; k < width; k++)
            halves[(example * views.length + view) * width + k] = numberToHalf(output.data[i * width + k]!);
      }
    }
    writeHalves(file, halves);
    return halves;
  }

  private executable(): Promise<Executable> {
    this.compiled ??= this.options.backend.compile("features", { output: this.output }, { mode: "infer" });
    return this.compiled;
  }

  async dispose(): Promise<void> {
    await (await this.compiled)?.dispose();
  }
}

/**
 * Pictures whose bytes tell a set from another, at most, where pictures have names: those of a source that is larger may not be decoded
 * yet, and all of them are not decoded for that.
 */
const MOST_HASHED = 20_000;
/** Pictures that are in memory at once for that. */
const HASHED_AT_ONCE = 1000;

/** Bytes of the checksum that ends a file. */
const CHECKSUM = 4;

/** The half floats of a whole file of so many; undefined where there is none. */
function readHalves(file: string, count: number): Uint16Array | undefined {
  if (statSync(file, { throwIfNoEntry: false })?.size !== 2 * count + CHECKSUM) return undefined;
  const bytes = readFileSync(file);
  const body = Uint8Array.from(bytes.subarray(0, 2 * count));
  return hashBytes(body) >>> 0 === bytes.readUInt32LE(2 * count) ? new Uint16Array(body.buffer) : undefined;
}

function writeHalves(file: string, halves: Uint16Array): void {
  const body = new Uint8Array(halves.buffer);
  const end = Buffer.alloc(CHECKSUM);
  end.writeUInt32LE(hashBytes(body) >>> 0);
  const draft = draftIn(cacheFolder("features"), "features");
  writeFileSync(draft, Buffer.concat([body, end]));
  finishDraft(draft, file);
}
