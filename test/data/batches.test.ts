import { describe, expect, it } from "vitest";
import { chooseAugmentation } from "../../src/data/augment.ts";
import { TrainingBatches } from "../../src/data/batches.ts";
import { range } from "../../src/data/dataset.ts";
import { epochOrder } from "../../src/data/order.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels } from "../../src/data/splits.ts";

const small = glyphs({ train: 200, test: 20 });

describe("batches", () => {
  it("show every example exactly once an epoch, in another order each epoch", () => {
    const [a, b] = [epochOrder(small.train, 1, 0), epochOrder(small.train, 1, 1)];
    expect([...a].sort((x, y) => x - y)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect([...a]).not.toEqual([...b]);
  });

  it("give half of the places to labelled examples when few have labels", () => {
    const few = withLabels(small, 1, 1);
    const order = epochOrder(few.train, 1, 0);
    expect(order.filter((i) => few.train.labels[i]! >= 0).length * 2).toBe(order.length);
  });

  it("can be drawn again from any step: resuming in the middle sees the same bytes", async () => {
    const augmentation = chooseAugmentation("strong", 1, false);
    const straight = new TrainingBatches(small.train, { size: 32, seed: 3, augmentation });
    for (let step = 0; step < 10; step++) {
      await straight.at(step);
      straight.prepare(step + 1);
    }
    const bytes = async (batches: TrainingBatches) =>
      Buffer.from((await batches.at(10))["data:pixels"]!.data as Uint8Array).toString("base64");
    expect(await bytes(new TrainingBatches(small.train, { size: 32, seed: 3, augmentation }))).toBe(
      await bytes(straight),
    );
  });

  it("pad the last batch with weight 0", async () => {
    const last = await new TrainingBatches(small.train, { size: 64, seed: 1, augmentation: {} }).at(3);
    expect([...last["data:weights"]!.data].reduce((t, w) => t + w, 0)).toBe(200 - 3 * 64);
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
        const batches = new TrainingBatches(marked, { size: 32, seed: 9, augmentation: {} });
        for (let step = from; step < to; step++) {
          const feeds = await batches.at(step);
          const { data } = feeds["data:pixels"]!;
          feeds["data:weights"]!.data.forEach((weight, i) => {
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
    const order = epochOrder(set, 3, 0, "balanced").filter((i) => labels[i]! >= 0);
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
    const order = epochOrder(set, 1, 0);
    expect([...order].sort((a, b) => a - b)).toEqual([...range(0, n)]);
    // A window of 1,024 touches few blocks of 256 neighbours, where a full shuffle would touch all 20.
    const blocks = new Set([...order.subarray(0, 1024)].map((i) => Math.floor(i / 256)));
    expect(blocks.size).toBeLessThanOrEqual(5);
    expect([...order.subarray(0, 256)]).not.toEqual([...order.subarray(0, 256)].sort((a, b) => a - b));
  });

  it("mixed: a partner of the same batch, shares in 0..1, and cutmix's share is the area left", async () => {
    const batches = new TrainingBatches(small.train, {
      size: 64,
      seed: 2,
      augmentation: chooseAugmentation("mixup,cutmix", 1, false),
    });
    const feeds = await batches.at(0);
    expect([...feeds["data:partner"]!.data].sort((a, b) => a - b)).toEqual([...range(0, 64)]);
    let boxes = 0;
    for (let i = 0; i < 64; i++) {
      const [top, left, bottom, right, inside, outside, share] = [
        ...feeds["data:mix"]!.data.subarray(7 * i, 7 * i + 7),
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
