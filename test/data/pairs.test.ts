// Pairs that are made of single pictures: what each change does, and when it is drawn anew.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { batchInputs, MAIN_STREAM } from "../../src/data/batches.ts";
import { type Dataset, fingerprint, gather, type ImageSet, keptPartner } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { PAIR_CHANGES, type PairChange, withPairs } from "../../src/data/pairs.ts";
import { inMemory, type Pixels } from "../../src/data/pixels.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { StreamBatches } from "../../src/data/streams.ts";
import { Random } from "../../src/random/random.ts";

const data: Dataset = glyphs({ train: 60, test: 20 });
const shape = { height: 8, width: 10, channels: 3 };

/** A picture of a shape, changed. */
function changed(name: PairChange, amount: number, picture: number[] | Uint8Array, of = shape): Uint8Array {
  const bytes = Uint8Array.from(picture);
  PAIR_CHANGES[name].change(amount)(bytes, of, new Random(3, "test"));
  return bytes;
}

describe("the change", () => {
  it("denoise adds normal noise of its deviation, cut off at 0 and 255", () => {
    const n = 40_000;
    const of = { height: 200, width: 200, channels: 1 };
    const noisy = changed("denoise", 0.1, new Uint8Array(n).fill(127), of);
    const mean = noisy.reduce((sum, value) => sum + value, 0) / n;
    const deviation = Math.sqrt(noisy.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n);
    // Five standard errors of a mean and of a deviation of 25.5 over 40,000 values.
    expect(Math.abs(mean - 127)).toBeLessThan(0.65);
    expect(Math.abs(deviation - 25.5)).toBeLessThan(0.5);
    const black = changed("denoise", 0.5, new Uint8Array(n), of);
    // Half of the noise on black is below it.
    expect(black.filter((value) => value === 0).length / n).toBeCloseTo(0.5, 1);
  });

  it("inpaint makes a square of half to all of the share grey", () => {
    for (let seed = 0; seed < 20; seed++) {
      const picture = new Uint8Array(28 * 28);
      PAIR_CHANGES.inpaint.change(0.5)(picture, { height: 28, width: 28, channels: 1 }, new Random(seed, "test"));
      const side = Math.sqrt(picture.filter((value) => value === 128).length);
      expect(Number.isInteger(side) && side >= 7 && side <= 14, String(side)).toBe(true);
    }
  });

  it("edges is the gradient of the brightness: white at a step from black to white, whichever way it goes", () => {
    const across = Array.from({ length: 80 }, (_, i) => (i % 10 < 4 ? 0 : 255)).flatMap((value) => [
      value,
      value,
      value,
    ]);
    const rows = changed("edges", 0, across);
    for (let y = 0; y < 8; y++)
      expect([...rows.subarray(30 * y, 30 * (y + 1))].filter((_, i) => i % 3 === 0)).toEqual([
        ...[0, 0, 0, 255, 255, 0, 0, 0, 0, 0],
      ]);
    const down = Array.from({ length: 240 }, (_, i) => (i < 120 ? 100 : 0));
    const columns = changed("edges", 0, down);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((y) => columns[30 * y + 15])).toEqual([0, 0, 0, 100, 100, 0, 0, 0]);
  });

  it("colour leaves the brightness of ITU-R BT.601 in every channel", () => {
    const picture = Array.from({ length: 80 }, () => [255, 0, 0]).flat();
    expect(new Set(changed("colour", 0, picture))).toEqual(new Set([76]));
  });

  it("superresolve makes squares of their mean, cut off at the edges", () => {
    const of = { height: 3, width: 3, channels: 1 };
    expect([...changed("superresolve", 2, [10, 20, 0, 30, 40, 8, 1, 3, 200], of)]).toEqual([
      25, 25, 4, 25, 25, 4, 2, 2, 200,
    ]);
  });
});

describe("pairs", () => {
  const paired = withPairs(data, { change: "denoise", amount: 0.5 }, 1);
  // Text is compared faster than arrays.
  const partners = async (set: ImageSet | undefined) =>
    Buffer.from(await gather({ ...set!, pixels: keptPartner(set!)! })).toString("latin1");

  it("are drawn once in held-out parts, by seed and picture", async () => {
    const first = await partners(paired.test);
    expect(await partners(paired.test)).toEqual(first);
    expect(await partners(withPairs(data, { change: "denoise", amount: 0.5 }, 1).test)).toEqual(first);
    expect(await partners(withPairs(data, { change: "denoise", amount: 0.5 }, 2).test)).not.toEqual(first);
    // The same picture twice has two noises.
    const twice = { ...data.test!, pixels: inMemory(784, new Uint8Array(2 * 784)), labels: new Int32Array(2) };
    const both = await partners(withPairs({ ...data, test: twice }, { change: "denoise", amount: 0.5 }, 1).test);
    expect(both.slice(0, 784)).not.toEqual(both.slice(784));
    // The pictures themselves, and their labels, stay.
    expect(await gather(paired.test!)).toEqual(await gather(data.test!));
  });

  it("are drawn anew at each visit in training, and again the same from any step", async () => {
    const inputs = batchInputs(MAIN_STREAM);
    const stream = () =>
      new StreamBatches(paired.train, {
        ...{ size: 60, seed: 1, augmentation: {} },
        views: { x: "plain", given: "partner" },
      });
    const at = async (batches: StreamBatches, step: number) => {
      const feeds = await batches.at(step);
      const order = [...batches.examples(step)];
      const view = (name: string) => (feeds[inputs.view(name)]!.data as Uint8Array).slice();
      const place = order.indexOf(7) * 784;
      return [view("x"), view("given")].map((bytes) => [...bytes.subarray(place, place + 784)]);
    };
    const batches = stream();
    const [[target, given], [targetAgain, givenAgain]] = [await at(batches, 0), await at(batches, 1)];
    expect(targetAgain).toEqual(target);
    expect(givenAgain).not.toEqual(given);
    expect(given).not.toEqual(target);
    expect((await at(stream(), 1))[1]).toEqual(givenAgain);
  });

  it("are part of what data is recognised by", async () => {
    expect(await fingerprint(paired)).not.toBe(await fingerprint(data));
    const other = withPairs(data, { change: "denoise", amount: 0.4 }, 1);
    expect(await fingerprint(other)).not.toBe(await fingerprint(paired));
  });

  it("are refused with the way out", () => {
    expect(() => withPairs(data, { change: "colour" }, 1)).toThrowError(/greyscale; it needs colour pictures/);
    expect(() => withPairs(paired, { change: "edges" }, 1)).toThrowError(/has pairs of pictures already/);
    expect(() => withPairs(data, { change: "superresolve", amount: 1.5 }, 1)).toThrowError(/not in the range/);
  });
});

describe("a folder of pairs", () => {
  const root = mkdtempSync(join(tmpdir(), "genclass-pairs-"));
  afterAll(() => rmSync(root, { recursive: true }));

  /** Pictures of one level: those of A 100 below those of B. */
  async function pairFolder(name: string, files: readonly string[]): Promise<string> {
    const folder = join(root, name);
    for (const [i, file] of files.entries())
      for (const [side, level] of [
        ["A", i],
        ["B", 100 + i],
      ] as const) {
        mkdirSync(dirname(join(folder, side, file)), { recursive: true });
        await sharp({ create: { width: 8, height: 8, channels: 3, background: { r: level, g: level, b: level } } })
          .greyscale()
          .png()
          .toFile(join(folder, side, file));
      }
    return folder;
  }
  /** The level of each picture of a set, or of its partners. */
  async function levels(set: ImageSet, pixels: Pixels = set.pixels): Promise<number[]> {
    return [...(await gather({ ...set, pixels }))].filter((_, i) => i % pixels.size === 0);
  }

  it("has the pictures of B, and those of A as their partners, split as its folders say", async () => {
    const folder = await pairFolder("split", ["train/b.png", "train/a.png", "val/c.png", "test/d.png"]);
    const { train, validation, test, classes, warnings } = await open(folder);
    expect(classes).toEqual(["pair"]);
    expect(await levels(train)).toEqual([101, 100]);
    expect(await levels(train, keptPartner(train))).toEqual([1, 0]);
    expect(await levels(validation!, keptPartner(validation!))).toEqual([2]);
    expect(await levels(test!, keptPartner(test!))).toEqual([3]);
    expect(warnings.map(({ text }) => text)).toContainEqual(expect.stringMatching(/read as pairs/));
  });

  it("without splits is of the training part, some of which is held out", async () => {
    const names = Array.from({ length: 20 }, (_, i) => `${String(i).padStart(2, "0")}.png`);
    const { train, validation } = await open(await pairFolder("flat", names));
    expect([train.labels.length, validation!.labels.length]).toEqual([18, 2]);
    for (const set of [train, validation!]) {
      const given = await levels(set, keptPartner(set));
      expect(await levels(set)).toEqual(given.map((level) => level + 100));
    }
  });

  it("leaves out a pair of which one picture does not decode, and refuses one without a counterpart", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `${String(i).padStart(2, "0")}.png`);
    const folder = await pairFolder("damaged", names);
    writeFileSync(join(folder, "A", "07.png"), "no picture");
    const { train, warnings } = await open(folder, { validation: 0 });
    expect(await levels(train)).toEqual([...names.keys()].filter((i) => i !== 7).map((i) => 100 + i));
    expect(warnings.find(({ text }) => text.startsWith("left out"))?.names).toEqual(["07.png"]);
    rmSync(join(folder, "B", "11.png"));
    await expect(open(folder)).rejects.toThrowError(/A.11\.png has no counterpart; expected .* add .*B.11\.png/);
  });

  it("takes no pairs made of it, no single pictures beside it", async () => {
    const folder = await pairFolder("more", ["1.png", "2.png", "3.png"]);
    await expect(open(folder, { pairs: { change: "edges" } })).rejects.toThrowError(/has pairs of pictures already/);
    await expect(open(folder, { unlabelled: join(folder, "A") })).rejects.toThrowError(/--unlabelled: .* has pairs/);
  });
});
