// Decodes the pictures of a source when they are first asked for, and keeps them: in memory, or in a cache file where they are
// too many.
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { fail } from "../../base/errors.ts";
import type { PictureShape, Resize } from "../picture.ts";
import type { Pixels } from "../pixels.ts";
import { decodePicture } from "./decode.ts";
import { fileStorage, Mark, type PixelStorage } from "./picture-cache.ts";
import type { PictureSource } from "./source.ts";

/** Pictures that the order of an epoch mixes when they lie in a file. */
const FILE_WINDOW = 16_384;

/** How a store decodes and where it keeps pictures. */
export interface StoreOptions {
  /** How a picture of another shape becomes the store's. */
  readonly resize: Resize;
  /** Bytes of decoded pictures that may be kept in memory; where all together are more, a cache file holds them. */
  readonly memory: number;
  /** Share of pictures that do not decode above which the source is refused, 0..1. */
  readonly maxUndecodable: number;
  /** Is called after each picture with how many have been decoded or found not to decode. */
  readonly progress?: (done: number, total: number) => void;
}

/**
 * The decoded pictures of a source, each decoded once. Those in a cache file are found again while the source is unchanged, and
 * checked when they are first asked for; a damaged one is decoded anew.
 */
export class PictureStore implements Pixels {
  readonly count: number;
  readonly size: number;
  readonly window: number | undefined;
  /** Numbers of the pictures that did not decode, so far. */
  readonly bad: number[] = [];
  private readonly marks: Uint8Array;
  private readonly storage: PixelStorage;
  private readonly inFlight = new Map<number, Promise<void>>();
  /** So many are decoded at a time that the decoding threads never wait for this one to hand out the next. */
  private readonly decoding = pLimit(4 * availableParallelism());
  private left: number;

  constructor(
    private readonly source: PictureSource,
    private readonly shape: PictureShape,
    private readonly options: StoreOptions,
  ) {
    const { memory, resize } = options;
    this.count = source.entries.length;
    this.size = shape.height * shape.width * shape.channels;
    this.marks = new Uint8Array(this.count);
    if (this.count * this.size <= memory) this.storage = memoryStorage(this.count, this.size);
    else {
      this.storage = fileStorage(cacheKey(source, shape, resize), this.size, this.marks);
      this.window = FILE_WINDOW;
    }
    this.left = 0;
    this.marks.forEach((mark, i) => {
      if (mark === Mark.Missing || mark === Mark.Unchecked) this.left++;
      if (mark === Mark.Bad) this.bad.push(i);
    });
  }

  /** Decodes the pictures at `index` that are not yet. @throws `E_IMAGE` when too many do not decode */
  ready(index: ArrayLike<number>): Promise<void> | undefined {
    if (this.left === 0) return undefined;
    const tasks: Promise<void>[] = [];
    for (let i = 0; i < index.length; i++) {
      const at = index[i]!;
      if (this.marks[at] === Mark.Unchecked) this.check(at);
      if (this.marks[at] === Mark.Missing) tasks.push(this.inFlight.get(at) ?? this.begin(at));
    }
    return tasks.length === 0 ? undefined : Promise.all(tasks).then(() => {});
  }

  usable(index: number): boolean {
    return this.marks[index] === Mark.Decoded;
  }

  read(index: number, out: Uint8Array, at: number): void {
    if (this.usable(index)) this.storage.read(index, out, at);
    else out.fill(0, at, at + this.size);
  }

  private check(index: number): void {
    const whole = this.storage.isWhole(index);
    this.marks[index] = whole ? Mark.Decoded : Mark.Missing;
    if (whole && --this.left === 0) this.storage.complete(this.marks);
  }

  private begin(index: number): Promise<void> {
    const task = this.decoding(() => this.decode(index)).finally(() => this.inFlight.delete(index));
    this.inFlight.set(index, task);
    return task;
  }

  private async decode(index: number): Promise<void> {
    const bytes = await this.decoded(index);
    if (bytes) this.storage.write(index, bytes);
    else this.bad.push(index);
    this.marks[index] = bytes ? Mark.Decoded : Mark.Bad;
    this.left--;
    this.options.progress?.(this.count - this.left, this.count);
    if (this.left === 0) this.storage.complete(this.marks);
    if (this.bad.length > this.count * this.options.maxUndecodable) this.refuse();
  }

  private async decoded(index: number): Promise<Uint8Array | undefined> {
    try {
      return await decodePicture(await this.source.input(index), this.shape, this.options.resize);
    } catch {
      return undefined;
    }
  }

  private refuse(): never {
    const names = this.bad.slice(0, 5).map((i) => this.source.entries[i]!.name);
    fail(
      "E_IMAGE",
      `${this.source.name}: ${this.bad.length} of ${this.count} pictures do not decode (more than ${100 * this.options.maxUndecodable} %): ${names.join(", ")}${this.bad.length > names.length ? ", …" : ""}; replace or remove them`,
    );
  }
}

function memoryStorage(count: number, size: number): PixelStorage {
  const bytes = new Uint8Array(count * size);
  return {
    read: (index, out, at) => out.set(bytes.subarray(index * size, (index + 1) * size), at),
    write: (index, picture) => bytes.set(picture, index * size),
    isWhole: () => true,
    complete: () => {},
  };
}

function cacheKey(source: PictureSource, shape: PictureShape, resize: Resize): string {
  const hash = createHash("sha256").update(
    JSON.stringify([source.identity(), shape.height, shape.width, shape.channels, resize, source.entries.length]),
  );
  for (const { name } of source.entries) hash.update(`${name}\n`);
  return hash.digest("hex").slice(0, 32);
}
