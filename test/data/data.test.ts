import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import { augmentInto, chooseAugmentation } from "../../src/data/augment.ts";
import { epochOrder, TrainingBatches } from "../../src/data/batches.ts";
import { fingerprint, type ImageSet, withLabels, withValidation } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { parseCifar10 } from "../../src/data/readers/cifar.ts";
import { parseIdx } from "../../src/data/readers/idx.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { DATA } from "../helpers.ts";

const small = glyphs({ train: 200, test: 20 });
const root = mkdtempSync(join(tmpdir(), "genclass-data-"));
afterAll(() => rmSync(root, { recursive: true }));

const idx = (sizes: number[], data: Uint8Array): Buffer => {
  const head = Buffer.alloc(4 + 4 * sizes.length);
  head.set([0, 0, 8, sizes.length]);
  for (const [i, size] of sizes.entries()) head.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([head, data]);
};

async function picture(file: string, value: number, side = 16): Promise<void> {
  mkdirSync(join(file, ".."), { recursive: true });
  await sharp({ create: { width: side, height: side, channels: 3, background: { r: value, g: 0, b: 255 - value } } })
    .png()
    .toFile(file);
}

describe("splits", () => {
  it("hold out a stratified, disjoint validation part that depends on the seed alone", () => {
    const split = withValidation(small, 0.2, 5);
    const counts = new Array(10).fill(0);
    for (const label of split.validation!.labels) counts[label]++;
    expect(counts).toEqual(new Array(10).fill(4));
    const key = (set: ImageSet, i: number) =>
      Buffer.from(set.pixels.subarray(i * 784, (i + 1) * 784)).toString("base64");
    const all = [split.train, split.validation!].flatMap((set) => Array.from(set.labels, (_, i) => key(set, i)));
    expect(new Set(all).size).toBe(200);
    expect(fingerprint(withValidation(small, 0.2, 5))).toBe(fingerprint(split));
    expect(fingerprint(withValidation(small, 0.2, 6))).not.toBe(fingerprint(split));
  });

  it("keep exactly N labels a class and refuse more than there are", () => {
    const few = withLabels(small, 3, 1);
    const counts = new Array(10).fill(0);
    for (const label of few.train.labels) if (label >= 0) counts[label]++;
    expect(counts).toEqual(new Array(10).fill(3));
    expect(() => withLabels(small, 21, 1)).toThrowError(/--labels 21: class "0" has 20 labelled training pictures/);
  });
});

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

  it("can be drawn again from any step: resuming in the middle sees the same bytes", () => {
    const augmentation = chooseAugmentation("strong", 1, false);
    const straight = new TrainingBatches(small.train, 32, 3, augmentation);
    for (let step = 0; step < 10; step++) straight.at(step);
    const bytes = (batches: TrainingBatches) =>
      Buffer.from((batches.at(10)["data:pixels"]!.data as Uint8Array).slice()).toString("base64");
    expect(bytes(new TrainingBatches(small.train, 32, 3, augmentation))).toBe(bytes(straight));
  });

  it("pad the last batch with weight 0", () => {
    const last = new TrainingBatches(small.train, 64, 1, chooseAugmentation("none", 1, false)).at(3);
    expect([...last["data:weights"]!.data].reduce((t, w) => t + w, 0)).toBe(200 - 3 * 64);
  });
});

describe("augmentation", () => {
  const set: ImageSet = {
    height: 3,
    width: 4,
    channels: 1,
    labels: Int32Array.of(0),
    pixels: Uint8Array.from({ length: 12 }, (_, i) => i * 20),
  };
  it("none leaves the picture, mirror alone reverses rows or leaves them", () => {
    const rule = { shift: 0, rotate: 0, scale: 0, mirror: true };
    const results = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const out = new Uint8Array(12);
      augmentInto(set, 0, rule, new Random(seed), out, 0);
      results.add([...out].join());
    }
    const rows = [0, 1, 2].map((y) => [...set.pixels.subarray(4 * y, 4 * y + 4)]);
    expect(results).toEqual(new Set([rows.flat().join(), rows.flatMap((row) => row.reverse()).join()]));
  });
  it("an affine map by zero is the identity", () => {
    const out = new Uint8Array(12);
    augmentInto(set, 0, { shift: 0, rotate: 1e-9, scale: 0, mirror: false }, new Random(1), out, 0);
    expect([...out]).toEqual([...set.pixels]);
  });
});

describe("IDX files", () => {
  const data = Uint8Array.from({ length: 12 }, (_, i) => i);
  it("are read plain and gzipped", () => {
    expect(parseIdx(idx([3, 2, 2], data), "f").sizes).toEqual([3, 2, 2]);
    expect([...parseIdx(gzipSync(idx([3, 2, 2], data)), "f").data]).toEqual([...data]);
  });
  it.each([
    [
      "truncated",
      idx([3, 2, 2], data.subarray(0, 7)),
      /f: truncated or damaged: its header says 3 x 2 x 2 = 12 bytes, the file holds 7/,
    ],
    ["of another type", Buffer.from([0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0]), /not an IDX file of bytes/],
    ["empty", Buffer.alloc(0), /not an IDX file of bytes/],
    ["claiming 2^60 bytes", idx([0x40000000, 0x40000000], data), /truncated or damaged/],
    ["a cut gzip file", gzipSync(idx([3, 2, 2], data)).subarray(0, 20), /damaged gzip file/],
  ])("that are %s are refused", (_title, bytes, message) => {
    expect(() => parseIdx(bytes, "f")).toThrowError(message);
  });
  it("with labels out of range are refused, naming the label", async () => {
    const folder = join(root, "mnist");
    mkdirSync(folder);
    writeFileSync(join(folder, "train-images-idx3-ubyte"), idx([2, 2, 2], new Uint8Array(8)));
    writeFileSync(join(folder, "train-labels-idx1-ubyte"), idx([2], Uint8Array.of(3, 77)));
    await expect(open(folder)).rejects.toThrowError(/a train label is 77; expected 0..9/);
  });
});

describe("CIFAR-10 files", () => {
  const record = (label: number, red: number) =>
    Buffer.concat([Buffer.of(label), Buffer.alloc(1024, red), Buffer.alloc(2048, 7)]);
  const files = (bytes: Buffer) => [{ name: "f", bytes }];
  it("become pictures [h, w, c] in order, plain or gzipped", () => {
    for (const bytes of [
      Buffer.concat([record(3, 200), record(9, 100)]),
      gzipSync(Buffer.concat([record(3, 200), record(9, 100)])),
    ]) {
      const set = parseCifar10(files(bytes));
      expect([...set.labels]).toEqual([3, 9]);
      expect([...set.pixels.subarray(3072, 3076)]).toEqual([100, 7, 7, 100]);
    }
  });
  it("that are truncated or have labels out of range are refused", () => {
    expect(() => parseCifar10(files(record(3, 1).subarray(0, 3000)))).toThrowError(
      /f: 3000 bytes; expected a multiple of 3073/,
    );
    expect(() => parseCifar10(files(record(10, 1)))).toThrowError(/f: record 0 has label 10; expected 0..9/);
  });
});

describe("the real MNIST", () => {
  it.runIf(DATA)("has 60000 and 10000 digits with the published class counts", async () => {
    const { train, test, classes } = await open(join(DATA!, "mnist"), { validation: 0 });
    expect([train.labels.length, test!.labels.length, train.height, train.width]).toEqual([60000, 10000, 28, 28]);
    const counts = new Array(10).fill(0);
    for (const label of test!.labels) counts[label]++;
    // LeCun, Cortes, Burges: class counts of the test part.
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect(classes).toHaveLength(10);
  });
});

describe("class folders", () => {
  beforeAll(async () => {
    for (const split of ["train", "test"])
      for (const [label, value] of [
        ["red", 250],
        ["blue", 5],
      ] as const)
        for (let i = 0; i < 30; i++) await picture(join(root, "good", split, label, `${i}.png`), value);
  });

  it("are read with classes in order of name, whatever the order of folders", async () => {
    const data = await open(join(root, "good"), { validation: 0.1 });
    expect(data.classes).toEqual(["blue", "red"]);
    expect([data.train.labels.length, data.validation!.labels.length, data.test!.labels.length]).toEqual([54, 6, 60]);
    expect([data.train.height, data.train.width, data.train.channels]).toEqual([16, 16, 3]);
    const red = data.train.labels.indexOf(1);
    expect([...data.train.pixels.subarray(red * 768, red * 768 + 3)]).toEqual([250, 0, 5]);
  });

  it("name and skip pictures that do not decode, and refuse more than 5 % of them", async () => {
    const folder = join(root, "some-bad");
    for (let i = 0; i < 40; i++) await picture(join(folder, i % 2 ? "a" : "b", `${i}.png`), i);
    writeFileSync(join(folder, "a", "broken.jpg"), "no picture");
    writeFileSync(join(folder, "b", "empty.png"), "");
    const data = await open(folder);
    expect(data.warnings.filter((line) => line.startsWith("skipped")).sort()).toEqual([
      "skipped, does not decode: a/broken.jpg",
      "skipped, does not decode: b/empty.png",
    ]);
    writeFileSync(join(folder, "b", "more.png"), "x");
    await expect(open(folder)).rejects.toThrowError(/3 of 43 pictures do not decode \(more than 5 %\)/);
  });

  it("with transparency, 16 bits, greyscale or EXIF rotation become plain pictures of one shape", async () => {
    const folder = join(root, "kinds");
    for (let i = 0; i < 4; i++) await picture(join(folder, "plain", `${i}.png`), 100);
    mkdirSync(join(folder, "odd"));
    const odd = (name: string) => join(folder, "odd", name);
    const half = Buffer.from([255, 0, 0, 0, 0, 0, 255, 255]);
    await sharp(half, { raw: { width: 2, height: 1, channels: 4 } })
      .png()
      .toFile(odd("alpha.png"));
    await sharp(Buffer.from([0, 255]), { raw: { width: 2, height: 1, channels: 1 } })
      .jpeg({ quality: 100 })
      .toFile(odd("grey.jpg"));
    await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
      .toColourspace("rgb16")
      .png()
      .toFile(odd("deep.png"));
    await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
      .toColourspace("cmyk")
      .jpeg()
      .toFile(odd("cmyk.jpg"));
    // Left half white, right half black; orientation 6 asks for a quarter turn clockwise: white comes to the top.
    await sharp(Buffer.from([255, 255, 255, 0, 0, 0]), { raw: { width: 2, height: 1, channels: 3 } })
      .resize(16, 16, { kernel: "nearest", fit: "fill" })
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toFile(odd("turned.jpg"));
    const data = await open(folder, { image: { height: 8, width: 8 }, validation: 0 });
    expect(data.warnings.filter((line) => line.startsWith("skipped"))).toEqual([]);
    expect(data.train.labels.length).toBe(9);
    const turned = data.train.pixels.subarray(4 * 192, 5 * 192);
    expect(turned[3]!).toBeGreaterThan(200);
    expect(turned[191 - 3]!).toBeLessThan(50);
  });

  it("give the first frame of an animation, and name a picture whose header claims more pixels than are allowed", async () => {
    const folder = join(root, "animated");
    for (let i = 0; i < 20; i++) for (const label of ["a", "b"]) await picture(join(folder, label, `${i}.png`), 100);
    const frame = (value: number) => ({
      create: { width: 16, height: 16, channels: 3 as const, background: { r: value, g: value, b: value } },
    });
    await sharp([await sharp(frame(255)).png().toBuffer(), await sharp(frame(0)).png().toBuffer()], {
      join: { animated: true },
    })
      .gif()
      .toFile(join(folder, "b", "z.gif"));
    const png = await sharp(frame(9)).png().toBuffer();
    png.writeUInt32BE(60_000, 16);
    png.writeUInt32BE(60_000, 20);
    writeFileSync(join(folder, "a", "z.png"), png);
    const data = await open(folder, { image: { height: 16, width: 16 }, validation: 0 });
    expect(data.warnings.filter((line) => line.startsWith("skipped"))).toEqual(["skipped, does not decode: a/z.png"]);
    expect([...data.train.pixels.subarray(-3)]).toEqual([255, 255, 255]);
  });

  it.each([
    ["one class only", { a: 2 }, /one class only \("a"\)/],
    ["an empty class", { a: 2, b: 0 }, /class "b" has no picture/],
  ])("with %s are refused", async (title, classes, message) => {
    const folder = join(root, title);
    for (const [label, count] of Object.entries(classes)) {
      mkdirSync(join(folder, label), { recursive: true });
      for (let i = 0; i < count; i++) await picture(join(folder, label, `${i}.png`), 9);
    }
    await expect(open(folder)).rejects.toThrowError(message);
  });

  it("one level too deep, without class folders, or with an unknown class in test are refused with the way out", async () => {
    await picture(join(root, "deep", "x", "a", "1.png"), 1);
    await picture(join(root, "deep", "x", "b", "1.png"), 1);
    await expect(open(join(root, "deep"))).rejects.toThrowError(/one level too deep/);
    await picture(join(root, "bare", "1.png"), 1);
    await expect(open(join(root, "bare"))).rejects.toThrowError(/pictures without class folders/);
    for (const file of ["train/a/1.png", "train/b/1.png", "test/c/1.png"]) await picture(join(root, "extra", file), 1);
    await expect(open(join(root, "extra"))).rejects.toThrowError(
      /class "c" of test is not in the training part, which has a, b/,
    );
  });

  it("that do not exist give the nearest built-in name", async () => {
    await expect(open("glyps")).rejects.toThrowError(/no data at "glyps"; did you mean glyphs\?/);
  });
});

describe("glyphs", () => {
  it("are the same for the same seed, differ between train and test, and come in colour", () => {
    expect(fingerprint(glyphs({ train: 20, test: 10 }))).toBe(fingerprint(glyphs({ train: 20, test: 10 })));
    const { train, test } = glyphs({ train: 10, test: 10 });
    expect(Buffer.from(train.pixels).equals(Buffer.from(test!.pixels))).toBe(false);
    expect(glyphs({ train: 1, test: 1, colour: true }).train.channels).toBe(3);
  });
});
