import { describe, expect, it } from "vitest";
import { chooseAugmentation } from "../../src/data/augment.ts";
import { batchInputs, MAIN_STREAM, MAIN_VIEW } from "../../src/data/batches.ts";
import { range } from "../../src/data/dataset.ts";
import { EpochOrder } from "../../src/data/order.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels } from "../../src/data/splits.ts";
import { StreamBatches, type View } from "../../src/data/streams.ts";

const INPUTS = batchInputs(MAIN_STREAM);
const PIXELS = INPUTS.view(MAIN_VIEW);
const small = glyphs({ train: 200, test: 20 });

describe("batches", () => {
  it("show every example exactly once an epoch, in another order each epoch", () => {
    const order = new EpochOrder(small.train, { seed: 1 });
    const [a, b] = [order.epoch(0), order.epoch(1)];
    expect([...a].sort((x, y) => x - y)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect([...a]).not.toEqual([...b]);
  });

  it("of labelled and of unlabelled pictures hold these alone, each once an epoch", () => {
    const { labels } = withLabels(small, 1, 1).train;
    const set = { ...small.train, labels };
    for (const from of ["labelled", "unlabelled"] as const) {
      const order = new EpochOrder(set, { seed: 1, from });
      const expected = range(0, 200).filter((i) => labels[i]! >= 0 === (from === "labelled"));
      expect([...order.epoch(3)].sort((x, y) => x - y)).toEqual([...expected]);
      expect(order.length).toBe(expected.length);
    }
  });

  it("of an endless stream go on over the end of an epoch, however small that is", () => {
    const { labels } = withLabels(small, 1, 1).train;
    const batches = new StreamBatches(
      { ...small.train, labels },
      { size: 32, seed: 1, augmentation: {}, from: "labelled", endless: true },
    );
    const seen = new Map<number, number>();
    // Ten labelled pictures in five batches of 32: 16 epochs.
    for (let step = 0; step < 5; step++) for (const i of batches.examples(step)) seen.set(i, (seen.get(i) ?? 0) + 1);
    expect([...seen.values()]).toEqual(new Array(10).fill(16));
  });

  it("give the places of pictures that a table leaves out to others, by what the table says then", () => {
    const only = { shape: [], rows: new Float32Array(200).fill(1, 0, 20) };
    const options = { size: 50, seed: 1, augmentation: {} };
    const batches = new StreamBatches(small.train, { ...options, only });
    const all = new StreamBatches(small.train, options);
    const isIn = (example: number) => example < 20;
    for (let step = 0; step < 4; step++) {
      const [given, before] = [batches.examples(step), all.examples(step)];
      expect(given.every(isIn)).toBe(true);
      // Those that take part are where they were, each once an epoch, and the others' places go to more than a few.
      expect(given.filter((_, i) => isIn(before[i]!))).toEqual(before.filter(isIn));
      expect(new Set(given.filter((_, i) => !isIn(before[i]!))).size).toBeGreaterThan(10);
      expect(new StreamBatches(small.train, { ...options, only }).examples(step)).toEqual(given);
    }
    only.rows.fill(0);
    batches.forget();
    expect(batches.examples(1)).toEqual(all.examples(1));
    only.rows.fill(1, 150);
    batches.forget();
    expect(batches.examples(1).every((example) => example >= 150)).toBe(true);
  });

  it("have each view that is asked for: plain, by a function, by a policy, and the picture's partner", async () => {
    const bytes = (value: number) => new Uint8Array(200 * 784).fill(value);
    const set = { ...small.train, pixels: inMemory(784, bytes(100)), partner: inMemory(784, bytes(7)) };
    const batches = new StreamBatches(set, {
      ...{ size: 4, seed: 1, augmentation: chooseAugmentation("noise", 1, false) },
      views: {
        noisy: "augmented",
        plain: "plain",
        pair: "partner",
        dark: { brightness: 1 },
        marked: (picture, shape) => void picture.fill(shape.width, 0, 10),
      },
    });
    const feeds = await batches.at(0);
    const view = (name: string) => [...(feeds[INPUTS.view(name)]!.data as Uint8Array)];
    expect(new Set(view("plain"))).toEqual(new Set([100]));
    expect(new Set(view("pair"))).toEqual(new Set([7]));
    expect(new Set(view("noisy")).size).toBeGreaterThan(10);
    // One brightness a picture, four pictures.
    expect(new Set(view("dark")).size).toBe(4);
    expect(view("marked").slice(0, 12)).toEqual([...new Array(10).fill(28), 100, 100]);
  });

  it("carry the rows of tables that belong to their pictures, as these are when a batch is made", async () => {
    const table = { shape: [2], rows: Float32Array.from({ length: 400 }, (_, i) => i) };
    const batches = new StreamBatches(small.train, { size: 64, seed: 1, augmentation: {}, tables: { code: table } });
    const rows = async (step: number) => [...(await batches.at(step))[INPUTS.table("code")]!.data];
    const expected = (step: number, scale: number) => {
      const own = [...batches.examples(step)].flatMap((i) => [2 * i * scale, (2 * i + 1) * scale]);
      return [...own, ...new Array(128 - own.length).fill(0)];
    };
    expect(await rows(3)).toEqual(expected(3, 1));
    batches.prepare(4);
    table.rows.forEach((value, i) => {
      table.rows[i] = 2 * value;
    });
    batches.forget();
    expect(await rows(4)).toEqual(expected(4, 2));
  });

  it("mirror each picture in every second epoch, half of them in the first, where the policy says so", async () => {
    const pictures = async (view: View, size: number, step: number) => {
      const batches = new StreamBatches(small.train, { size, seed: 1, augmentation: {}, views: { x: view } });
      const { data } = (await batches.at(step))[INPUTS.view("x")]!;
      const bytes = small.train.pixels.size;
      const rows = [...batches.examples(step)].map((example, i): [number, Uint8Array] => [
        example,
        data.slice(bytes * i, bytes * (i + 1)) as Uint8Array,
      ]);
      return new Map(rows);
    };
    const n = small.train.labels.length;
    const reversed = (picture: Uint8Array) => picture.map((_, i) => picture[i - (i % 28) + 27 - (i % 28)]!);
    /** Of each picture of the first step of an epoch, whether it is mirrored; random mirroring has nothing to say. */
    const mirroredIn = async (size: number, epoch: number) => {
      const step = epoch * Math.ceil(n / size);
      const [plain, shown] = [await pictures("plain", size, step), await pictures({ flip: 1, mirror: 1 }, size, step)];
      return new Map(
        [...plain].map(([example, picture]) => {
          const found = Buffer.from(shown.get(example)!);
          const mirrored = !found.equals(picture);
          expect(found.equals(mirrored ? reversed(picture) : picture)).toBe(true);
          return [example, mirrored];
        }),
      );
    };
    const [first, second, third] = await Promise.all([0, 1, 2].map((epoch) => mirroredIn(n, epoch)));
    for (const [example, mirrored] of first!) {
      expect(second!.get(example)).toBe(!mirrored);
      expect(third!.get(example)).toBe(mirrored);
    }
    // Four standard deviations of 200 fair coins are 28.
    expect(Math.abs([...first!.values()].filter(Boolean).length - n / 2)).toBeLessThan(28);
    for (const [example, mirrored] of await mirroredIn(64, 0)) expect(mirrored).toBe(first!.get(example));
  });

  it("are refused where the data has no such pictures, or no pairs", () => {
    const options = { size: 4, seed: 1, augmentation: {} };
    expect(() => new StreamBatches(small.train, { ...options, from: "unlabelled" })).toThrowError(
      /stream "batch" has no pictures: none of the training part is unlabelled/,
    );
    expect(() => new StreamBatches(small.train, { ...options, views: { b: "partner" } })).toThrowError(/needs pairs/);
  });

  it("can be drawn again from any step: resuming in the middle sees the same bytes", async () => {
    const augmentation = chooseAugmentation("strong", 1, false);
    const straight = new StreamBatches(small.train, { size: 32, seed: 3, augmentation });
    for (let step = 0; step < 10; step++) {
      await straight.at(step);
      straight.prepare(step + 1);
    }
    const bytes = async (batches: StreamBatches) =>
      Buffer.from((await batches.at(10))[PIXELS]!.data as Uint8Array).toString("base64");
    expect(await bytes(new StreamBatches(small.train, { size: 32, seed: 3, augmentation }))).toBe(
      await bytes(straight),
    );
  });

  it("pad the last batch with weight 0", async () => {
    const last = await new StreamBatches(small.train, { size: 64, seed: 1, augmentation: {} }).at(3);
    expect([...last[INPUTS.weights]!.data].reduce((t, w) => t + w, 0)).toBe(200 - 3 * 64);
  });

  it("resumed at any step of an epoch see each of the other pictures exactly once", async () => {
    const n = small.train.labels.length;
    const marked = {
      ...small.train,
      // The picture's number in its first two bytes.
      pixels: {
        size: 784,
        count: n,
        usable: () => true,
        read: (i: number, out: Uint8Array, at: number) => out.fill(0, at, at + 784).set([i & 255, i >> 8], at),
      },
    };
    for (const stopped of [0, 1, 3, 6]) {
      const seen: number[] = [];
      // Two processes: one until the stop, another from there.
      for (const [from, to] of [
        [0, stopped],
        [stopped, 7],
      ] as const) {
        const batches = new StreamBatches(marked, { size: 32, seed: 9, augmentation: {} });
        for (let step = from; step < to; step++) {
          const feeds = await batches.at(step);
          const { data } = feeds[PIXELS]!;
          feeds[INPUTS.weights]!.data.forEach((weight, i) => {
            if (weight > 0) seen.push(data[i * 784]! + 256 * data[i * 784 + 1]!);
          });
        }
      }
      expect(seen.sort((a, b) => a - b)).toEqual([...range(0, n)]);
    }
  });

  it("balanced: every class has as many places, and every example of the largest class is there", () => {
    const labels = small.train.labels.map((label, i) =>
      label === 0 || i % 20 === label ? label : label === 1 ? 1 : -1,
    );
    const set = { ...small.train, labels };
    const order = new EpochOrder(set, { seed: 3, sampling: "balanced" }).epoch(0).filter((i) => labels[i]! >= 0);
    const counts = new Map<number, number>();
    for (const i of order) counts.set(labels[i]!, (counts.get(labels[i]!) ?? 0) + 1);
    const all = [...counts.values()];
    expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
  });

  it("of streamed pictures are mixed within a window and still show each once", () => {
    const n = 5000;
    const set = {
      ...small.train,
      labels: new Int32Array(n),
      pixels: { size: 1, count: n, window: 1024, usable: () => true, read: () => {} },
    };
    const order = new EpochOrder(set, { seed: 1 }).epoch(0);
    expect([...order].sort((a, b) => a - b)).toEqual([...range(0, n)]);
    // A window of 1,024 touches few blocks of 256 neighbours, where a full shuffle would touch all 20.
    const blocks = new Set([...order.subarray(0, 1024)].map((i) => Math.floor(i / 256)));
    expect(blocks.size).toBeLessThanOrEqual(5);
    expect([...order.subarray(0, 256)]).not.toEqual([...order.subarray(0, 256)].sort((a, b) => a - b));
  });

  it("mixed: a partner of the same batch, shares in 0..1, and cutmix's share is the area left", async () => {
    const batches = new StreamBatches(small.train, {
      size: 64,
      seed: 2,
      augmentation: chooseAugmentation("mixup,cutmix", 1, false),
    });
    const feeds = await batches.at(0);
    expect([...feeds[INPUTS.partner]!.data].sort((a, b) => a - b)).toEqual([...range(0, 64)]);
    let boxes = 0;
    for (let i = 0; i < 64; i++) {
      const [top, left, bottom, right, inside, outside, share] = [
        ...feeds[INPUTS.mix]!.data.subarray(7 * i, 7 * i + 7),
      ] as [number, number, number, number, number, number, number];
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
      if (inside === 0) {
        boxes++;
        expect(share).toBeCloseTo(1 - ((bottom - top) * (right - left)) / 784, 6);
      } else expect(outside).toBe(share);
    }
    // A fair coin: 64 draws outside 16..48 have probability below 1e-4, and the seed is fixed.
    expect(boxes).toBeGreaterThan(16);
    expect(boxes).toBeLessThan(48);
  });
});
