import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findDuplicates } from "../../src/data/check/duplicates.ts";
import { gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { picture } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-folders-"));
afterAll(() => rmSync(root, { recursive: true }));

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
    expect([...(await gather(data.train, [red])).subarray(0, 3)]).toEqual([250, 0, 5]);
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
    const turned = await gather(data.train, [4]);
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
    expect([...(await gather(data.train)).subarray(-3)]).toEqual([255, 255, 255]);
  });

  it("with one of each hostile kind are read: what does not decode is named and counted, the rest is whole", async () => {
    const folder = join(root, "hostile");
    for (const label of ["a", "b"])
      for (let i = 0; i < 45; i++) await picture(join(folder, "train", label, `${i}.png`), 100 + i);
    await picture(join(folder, "test", "a", "same.png"), 100);
    const at = (name: string) => join(folder, "train", "a", name);
    const square = (background: string, side = 24) =>
      sharp({ create: { width: side, height: side, channels: 3, background } });
    writeFileSync(at("z-text.jpg"), "no picture at all");
    writeFileSync(at("z-empty.png"), "");
    const png = await square("red").png().toBuffer();
    writeFileSync(at("z-cut.png"), png.subarray(0, png.length - 30));
    const enormous = Buffer.from(png);
    enormous.writeUInt32BE(70_000, 16);
    enormous.writeUInt32BE(70_000, 20);
    writeFileSync(at("z-enormous.png"), enormous);
    await square("red").toColourspace("cmyk").jpeg().toFile(at("cmyk.jpg"));
    await square("red").toColourspace("rgb16").png().toFile(at("deep.png"));
    await square("red").withMetadata({ orientation: 6 }).jpeg().toFile(at("turned.jpg"));
    await square("grey").greyscale().jpeg().toFile(at("grey.jpg"));
    await square("red").webp().toFile(at("modern.webp"));
    await square("red").avif().toFile(at("newer.avif"));
    await square("red").tiff().toFile(at("old.tiff"));
    await sharp([await square("red").png().toBuffer(), await square("blue").png().toBuffer()], {
      join: { animated: true },
    })
      .gif()
      .toFile(at("animated.gif"));
    writeFileSync(at("notes.txt"), "not for training");
    writeFileSync(at("old.bmp"), "BM");
    const data = await open(folder, { image: { height: 16, width: 16 }, validation: 0 });
    // 90 plain ones and eight of odd kinds.
    expect(data.train.labels.length).toBe(98);
    expect(data.warnings).toContain("4 of 103 pictures do not decode:");
    expect(data.warnings.filter((line) => line.startsWith("skipped")).sort()).toEqual(
      ["cut", "empty", "enormous", "text"].map(
        (kind) => `skipped, does not decode: train/a/z-${kind}.${kind === "text" ? "jpg" : "png"}`,
      ),
    );
    expect(data.warnings.filter((line) => line.startsWith("ignored")).sort()).toEqual([
      "ignored: 1 files of a kind that is not read as a picture (.bmp)",
      "ignored: 1 files of a kind that is not read as a picture (.txt)",
    ]);
    const { exact } = await findDuplicates(data);
    expect(exact.some(({ a, b }) => a.part === "train" && b.part === "test")).toBe(true);
    for (const name of [
      "cmyk.jpg",
      "deep.png",
      "turned.jpg",
      "modern.webp",
      "newer.avif",
      "old.tiff",
      "animated.gif",
    ]) {
      const index = data.train.labels.findIndex((_, i) => data.train.name!(i) === join("train", "a", name));
      const [r, g, b] = await gather(data.train, [index]);
      // Lossy formats and the CMYK profile move pure red by some levels.
      expect([r! > 200, g! < 60, b! < 60], name).toEqual([true, true, true]);
    }
  });

  it("in colour are mirrored by auto augmentation, but not where classes are characters", async () => {
    for (const label of ["3", "7"]) await picture(join(root, "characters", label, "1.png"), 9);
    expect((await open(join(root, "characters"), { validation: 0 })).mirror).toBe(false);
    expect((await open(join(root, "good"), { validation: 0 })).mirror).toBe(true);
  });

  it("may have a class called train", async () => {
    for (const label of ["bus", "train", "car"]) await picture(join(root, "vehicles", label, "1.png"), 9);
    expect((await open(join(root, "vehicles"), { validation: 0 })).classes).toEqual(["bus", "car", "train"]);
  });

  it("are resized by stretching, cutting or padding", async () => {
    const folder = join(root, "wide");
    for (const label of ["a", "b"]) {
      mkdirSync(join(folder, label), { recursive: true });
      // Left quarter red, the rest blue; twice as wide as high.
      const pixels = Buffer.from(
        Array.from({ length: 16 * 32 }, (_, i) => (i % 32 < 8 ? [255, 0, 0] : [0, 0, 255])).flat(),
      );
      await sharp(pixels, { raw: { width: 32, height: 16, channels: 3 } })
        .png()
        .toFile(join(folder, label, "1.png"));
    }
    const corner = async (resize: "fit" | "fill" | "pad") => {
      const { train } = await open(folder, { image: { height: 16, width: 16 }, resize, validation: 0 });
      return [...(await gather(train, [0])).subarray(0, 3)];
    };
    expect([await corner("fit"), await corner("fill"), await corner("pad")]).toEqual([
      [255, 0, 0],
      [0, 0, 255],
      [0, 0, 0],
    ]);
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
