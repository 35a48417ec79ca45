import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findDuplicates } from "../../src/data/check/duplicates.ts";
import { gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { picture, warned } from "./files.ts";

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
    expect(warned(data, /left out of 42 pictures, as they do not decode$/)).toEqual(["a/broken.jpg", "b/empty.png"]);
    writeFileSync(join(folder, "b", "more.png"), "x");
    await expect(open(folder)).rejects.toThrowError(/3 of 43 pictures do not decode \(more than 5 %\)/);
    const looked = await open(folder, { maxUndecodable: 1 });
    const refused = /left out of 43 pictures, as they do not decode: more than 5 %, which genclass train refuses;/;
    expect(warned(looked, refused)).toHaveLength(3);
  });

  it("of pictures of several sizes, or larger than 96 pixels, are photographs, which are read as 64x64 or as is asked for", async () => {
    const [mixed, large] = [join(root, "mixed"), join(root, "large")];
    for (let i = 0; i < 8; i++) {
      await picture(join(mixed, i % 2 ? "a" : "b", `${i}.png`), i, 16 + 4 * i);
      await picture(join(large, i % 2 ? "a" : "b", `${i}.png`), i, 97);
    }
    const shape = async (folder: string, options: Parameters<typeof open>[1] = {}) => {
      const { train } = await open(folder, options);
      return [train.height, train.width];
    };
    for (const folder of [mixed, large]) {
      expect(await shape(folder)).toEqual([64, 64]);
      expect(await shape(folder, { photographs: 24 })).toEqual([24, 24]);
      expect(await shape(folder, { photographs: 24, image: { height: 20, width: 12 } })).toEqual([20, 12]);
    }
    expect(await shape(join(root, "good"), { photographs: 24 })).toEqual([16, 16]);
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
    expect(warned(data, /do not decode/)).toEqual([]);
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
    expect(warned(data, /do not decode/)).toEqual(["a/z.png"]);
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
    expect(warned(data, /left out of 103 pictures, as they do not decode/)).toEqual(
      ["cut", "empty", "enormous", "text"].map((kind) => `train/a/z-${kind}.${kind === "text" ? "jpg" : "png"}`),
    );
    expect(warned(data, /ignored, as \.bmp is not read as a picture/)).toEqual(["train/a/old.bmp"]);
    expect(warned(data, /ignored, as \.txt is not read as a picture/)).toEqual(["train/a/notes.txt"]);
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

  it("without pictures, or whose pictures do not decode, are classes all the same where that is asked", async () => {
    const folder = join(root, "some-empty");
    for (const file of ["train/a/1.png", "train/a/2.png", "train/deep/x/1.png", "test/a/1.png", "test/broken/1.png"])
      await picture(join(folder, file), 9);
    for (const empty of ["train/b", "train/broken", "test/b"]) mkdirSync(join(folder, empty), { recursive: true });
    writeFileSync(join(folder, "train/broken/1.png"), "no picture");
    const data = await open(folder, { validation: 0, emptyClasses: true, maxUndecodable: 1 });
    expect([data.classes, [...data.train.labels], [...data.test!.labels]]).toEqual([
      ["a", "b", "broken", "deep"],
      [0, 0],
      [0, 2],
    ]);
    const told = (text: RegExp) => warned(data, text);
    expect(told(/^class folders without a picture, which training refuses; add/)).toEqual(["test/b", "train/b"]);
    expect(told(/^class folders without a picture but with folders below them/)).toEqual(["train/deep"]);
    expect(told(/classes without a labelled training picture/)).toEqual(["b", "broken", "deep"]);
    // Where no class folder has pictures, it is the folder that is wrong.
    await picture(join(root, "all-deep", "x", "a", "1.png"), 1);
    await expect(open(join(root, "all-deep"), { emptyClasses: true })).rejects.toThrowError(/one level too deep/);
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

  it("name what lies beside them and is not read; links to folders are followed", async () => {
    const folder = join(root, "beside");
    const files = ["train/a/1.png", "train/b/1.png", "train/a/old/2.png", "train/loose.png", "cats/1.png", "above.png"];
    for (const [i, file] of [...files, "elsewhere/1.png", "training/a/9.png"].entries())
      await picture(join(folder, file), 20 * i);
    await picture(join(folder, "train", "__MACOSX", "1.png"), 3);
    writeFileSync(join(folder, "train", "a", "._1.png"), "a note of macOS");
    symlinkSync(join(root, "beside", "elsewhere"), join(folder, "train", "linked"));
    symlinkSync(join(root, "nowhere"), join(folder, "train", "b", "lost.png"));
    const data = await open(folder, { validation: 0 });
    expect(data.classes).toEqual(["a", "b", "linked"]);
    expect(data.warnings.map(({ text, names }) => [text, [...names]])).toEqual([
      ["ignored, as they lie outside the class folders", ["above.png", "train/loose.png"]],
      ["ignored, as they lie beside train and are not split names", ["cats", "elsewhere"]],
      ["ignored, as another folder is of the same split", ["training"]],
      ["ignored, as macOS left them as notes", ["train/__MACOSX", "train/a/._1.png"]],
      ["ignored, as they are folders inside class folders", ["train/a/old"]],
      ["ignored, as they are links that lead nowhere", ["train/b/lost.png"]],
    ]);
  });

  it("of unlabelled pictures may be linked in a circle", async () => {
    const folder = join(root, "circle");
    for (const file of ["train/a/1.png", "train/b/1.png", "unlabelled/x/1.png"])
      await picture(join(folder, file), file.length);
    symlinkSync(join(folder, "unlabelled"), join(folder, "unlabelled", "x", "again"));
    expect((await open(folder, { validation: 0 })).train.labels).toHaveLength(3);
  });

  it("with a test picture that is in the training part too, or among unlabelled ones, name both", async () => {
    const folder = join(root, "leak");
    for (const [file, value] of Object.entries({
      "train/a/1": 1,
      "train/a/2": 2,
      "train/b/3": 3,
      "test/a/x": 2,
      "test/b/y": 4,
    }))
      await picture(join(folder, `${file}.png`), value);
    const leaks = /pictures of test that are in the training part too/;
    expect(warned(await open(folder, { validation: 0 }), leaks)).toEqual(["test/a/x.png = train/a/2.png"]);
    await picture(join(root, "leaked", "4.png"), 4);
    const more = await open(folder, { validation: 0, unlabelled: join(root, "leaked") });
    expect(warned(more, leaks)).toEqual(["test/a/x.png = train/a/2.png", "test/b/y.png = 4.png"]);
  });

  it("called -1 hold pictures without a label", async () => {
    for (const [i, label] of ["a", "b", "-1"].entries()) await picture(join(root, "minus", label, "1.png"), i);
    const { classes, train } = await open(join(root, "minus"), { validation: 0 });
    expect([classes, [...train.labels]]).toEqual([
      ["a", "b"],
      [-1, 0, 1],
    ]);
  });

  it("are of one class where their names differ in Unicode form alone", async () => {
    const cafe = "caf\u00e9";
    for (const file of [`train/${cafe}/1.png`, "train/bar/1.png", `test/${cafe.normalize("NFD")}/1.png`])
      await picture(join(root, "unicode", file), file.length);
    const { classes, test } = await open(join(root, "unicode"), { validation: 0 });
    expect([classes, [...test!.labels]]).toEqual([["bar", cafe], [1]]);
  });

  it("that do not exist give the nearest built-in name", async () => {
    await expect(open("glyps")).rejects.toThrowError(/no data at "glyps"; did you mean glyphs\?/);
  });
});
