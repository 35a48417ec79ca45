import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { batchInputs, MAIN_STREAM, MAIN_VIEW } from "../../src/data/batches.ts";
import { gather, range } from "../../src/data/dataset.ts";
import { assemble } from "../../src/data/readers/assemble.ts";
import type { PictureSource } from "../../src/data/readers/source.ts";
import { PictureStore } from "../../src/data/readers/store.ts";
import { withValidation } from "../../src/data/splits.ts";
import { StreamBatches } from "../../src/data/streams.ts";
import { plain } from "./files.ts";

const INPUTS = batchInputs(MAIN_STREAM);
const cache = mkdtempSync(join(tmpdir(), "genclass-store-"));
process.env.GENCLASS_CACHE = cache;
afterAll(() => {
  delete process.env.GENCLASS_CACHE;
  rmSync(cache, { recursive: true });
});

const N = 50;
const shape = { height: 8, width: 8, channels: 3 };
const IN_MEMORY = { resize: "fit", memory: 2 ** 20, maxUndecodable: 0.05 } as const;
const IN_FILE = { ...IN_MEMORY, memory: 100 };

/** Pictures whose red is five times their number; counts how often each is asked for, and how many at a time. */
async function source(identity: string, broken: readonly number[] = []) {
  const asked = new Array<number>(N).fill(0);
  const reading = { now: 0, most: 0 };
  const encoded = await Promise.all(
    Array.from({ length: N }, (_, i) =>
      plain(5 * i, 8)
        .png()
        .toBuffer(),
    ),
  );
  const all: PictureSource = {
    name: "test",
    identity: () => identity,
    entries: encoded.map((_, i) => ({ name: `p${i}`, split: "train", label: "a" })),
    async input(index) {
      asked[index]!++;
      reading.most = Math.max(reading.most, ++reading.now);
      await new Promise((resolve) => setImmediate(resolve));
      reading.now--;
      return broken.includes(index) ? Buffer.from("no picture") : encoded[index]!;
    },
    warnings: [],
  };
  return { all, asked, reading };
}

const red = (store: PictureStore, index: number): number => {
  const out = new Uint8Array(store.size);
  store.read(index, out, 0);
  return out[0]!;
};

describe("a store of pictures", () => {
  it.each([
    ["in memory", IN_MEMORY],
    ["in a file", IN_FILE],
  ])("%s decodes what is asked for, once, whoever asks at the same time", async (title, options) => {
    const { all, asked } = await source(title);
    const store = new PictureStore(all, shape, options);
    expect(store.usable(7)).toBe(false);
    await Promise.all([store.ready([7, 3]), store.ready([3, 9])]);
    expect([red(store, 7), red(store, 3), red(store, 9)]).toEqual([35, 15, 45]);
    expect(asked.map((count, i) => (count > 0 ? i : -1)).filter((i) => i >= 0)).toEqual([3, 7, 9]);
    await store.ready(range(0, N));
    expect(asked).toEqual(new Array(N).fill(1));
    expect(store.ready([1, 2])).toBeUndefined();
    expect(Array.from({ length: N }, (_, i) => red(store, i))).toEqual(Array.from({ length: N }, (_, i) => 5 * i));
  });

  it("reads a few pictures for each core at a time, and goes on after one that does not decode", async () => {
    const { all, reading } = await source("bounded", [0, 1]);
    const store = new PictureStore(all, shape, IN_MEMORY);
    await store.ready(range(0, N));
    expect([reading.now, reading.most]).toEqual([0, Math.min(N, 4 * availableParallelism())]);
    expect([...range(0, N)].filter((i) => !store.usable(i))).toEqual([0, 1]);
  });

  it("in a file is found again by the next process while the source is the same, and only then", async () => {
    const first = new PictureStore((await source("again", [4])).all, shape, IN_FILE);
    await first.ready(range(0, N));
    const same = await source("again", [4]);
    const second = new PictureStore(same.all, shape, IN_FILE);
    expect(second.ready(range(0, N))).toBeUndefined();
    expect([red(second, 3), second.usable(4), second.bad]).toEqual([15, false, [4]]);
    expect(same.asked.every((count) => count === 0)).toBe(true);
    for (const [identity, size] of [
      ["changed", shape],
      ["again", { ...shape, height: 4 }],
    ] as const)
      expect(new PictureStore((await source(identity)).all, size, IN_FILE).usable(3)).toBe(false);
    // No unfinished file stands under a finished name.
    expect(readdirSync(join(cache, "pictures")).filter((name) => name.endsWith(".pixels")).length).toBe(
      readdirSync(join(cache, "pictures")).filter((name) => name.endsWith(".marks")).length,
    );
  });

  it("gives zeros for what does not decode, names it, and refuses when it is too much", async () => {
    const some = new PictureStore((await source("some", [1, 2])).all, shape, IN_MEMORY);
    await some.ready(range(0, N));
    expect([some.usable(1), red(some, 1), some.bad.sort()]).toEqual([false, 0, [1, 2]]);
    const many = new PictureStore((await source("many", [1, 2, 30])).all, shape, IN_MEMORY);
    await expect(many.ready(range(0, N))).rejects.toThrowError(
      /test: 3 of 50 pictures do not decode \(more than 5 %\): p/,
    );
  });

  it("of a large source decodes while training goes on: only what batches ask for, and refuses late", async () => {
    const count = 20_010;
    const good = await plain(50, 8).png().toBuffer();
    let asked = 0;
    const large: PictureSource = {
      name: "large",
      identity: () => "large",
      entries: Array.from({ length: count }, (_, i) => ({ name: `p${i}`, split: "train", label: i % 2 ? "a" : "b" })),
      async input(index) {
        asked++;
        return index < 1500 ? Buffer.from("no picture") : good;
      },
      warnings: [],
    };
    const data = { name: "large", ...(await assemble(large, { image: { height: 8, width: 8 } })) };
    // Headers of a sample, to see whether they are greyscale.
    expect(asked).toBeLessThan(200);
    asked = 0;
    const { train } = withValidation(data, 0.1, 0);
    const batches = new StreamBatches(train, { size: 32, seed: 1, augmentation: {} });
    const feeds = await batches.at(0);
    expect(asked).toBe(32);
    const [weights, pixels] = [feeds[INPUTS.weights]!.data, feeds[INPUTS.view(MAIN_VIEW)]!.data];
    // 7.5 % do not decode: they are padding, not black pictures with a label.
    for (let i = 0; i < 32; i++)
      expect([pixels[192 * i], feeds[INPUTS.labels]!.data[i]! >= 0]).toEqual(
        weights[i] === 1 ? [50, true] : [0, false],
      );
    await expect(gather(train)).rejects.toThrowError(/large: \d+ of 20010 pictures do not decode \(more than 5 %\)/);
  }, 60_000);
});
