import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { parquetWriteBuffer } from "hyparquet-writer";
import { type Header, pack } from "tar-stream";
import { afterAll, describe, expect, it } from "vitest";
import { type Dataset, gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { npy, picture, plain, warned } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-formats-"));
afterAll(() => rmSync(root, { recursive: true }));

const shape = ({ train }: Dataset) => [train.labels.length, train.height, train.width, train.channels];
const names = ({ classes, train }: Dataset) => [...train.labels].map((label) => (label < 0 ? null : classes[label]!));
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const png = (value: number) => plain(value, 8).png().toBuffer();

async function tar(
  members: readonly (readonly [(Partial<Header> & { name: string }) | string, Buffer | string])[],
): Promise<Buffer> {
  const archive = pack();
  for (const [header, content] of members)
    archive.entry(typeof header === "string" ? { name: header } : header, content);
  archive.finalize();
  return buffer(archive);
}

describe(".npz archives", () => {
  const save = (file: string, arrays: Record<string, Buffer>) => {
    writeFileSync(
      join(root, file),
      zipSync(Object.fromEntries(Object.entries(arrays).map(([k, v]) => [`${k}.npy`, v]))),
    );
    return join(root, file);
  };
  const pixels = Uint8Array.from({ length: 3 * 4 * 4 }, (_, i) => i);

  it("with images and labels, or with Keras's x_train and y_test, are read; class numbers are class names", async () => {
    const one = await open(
      save("one.npz", { images: npy("|u1", [3, 4, 4], pixels), labels: npy("|u1", [3], Uint8Array.of(7, 10, 7)) }),
      { validation: 0 },
    );
    expect([shape(one), one.classes, names(one)]).toEqual([
      [3, 4, 4, 1],
      ["7", "10"],
      ["7", "10", "7"],
    ]);
    expect(await gather(one.train)).toEqual(pixels);
    const labels = Buffer.alloc(24);
    for (const [i, value] of [1n, 0n, 1n].entries()) labels.writeBigInt64LE(value, 8 * i);
    const two = await open(
      save("two.npz", {
        x_train: npy("|u1", [3, 4, 4, 1], pixels),
        y_train: npy("<i8", [3, 1], labels),
        x_test: npy("|u1", [1, 4, 4, 1], pixels.subarray(0, 16)),
        y_test: npy(">i2", [1], Buffer.from([0, 1])),
      }),
      { validation: 0 },
    );
    expect([names(two), [...two.test!.labels]]).toEqual([["1", "0", "1"], [1]]);
  });

  it("with a class that no training picture is of, or with one class only, are told of or refused", async () => {
    const images = npy("|u1", [4, 1, 2], new Uint8Array(8));
    const word = (letters: string) =>
      npy("<U1", [letters.length], new Uint8Array(Uint32Array.from(letters, (l) => l.codePointAt(0)!).buffer));
    const labels = (...codes: number[]) => npy("|i1", [4], new Uint8Array(Int8Array.from(codes).buffer));
    const few = await open(save("few.npz", { images, labels: labels(0, 1, -1, -1), classes: word("abc") }), {
      validation: 0,
    });
    expect([few.classes, warned(few, /without a labelled training picture/)]).toEqual([["a", "b", "c"], ["c"]]);
    await expect(open(save("one.npz", { images, labels: labels(0, 0, -1, -1) }))).rejects.toMatchObject({
      code: "E_DATA_EMPTY",
      message: expect.stringMatching(/1 class; a classifier needs at least two/),
    });
  });

  it("with floats of 0..1 or 0..255, with names as labels or with one-hot rows, are read as bytes and classes", async () => {
    const images = npy("<f4", [2, 1, 2], floats(0, 0.5, 1, 0.2));
    const words = Uint32Array.from(["b", "a"].flatMap((letter) => [letter.codePointAt(0)!, 0]));
    const named = await open(save("named.npz", { images, labels: npy("<U2", [2], new Uint8Array(words.buffer)) }), {
      validation: 0,
    });
    expect([named.classes, names(named)]).toEqual([
      ["a", "b"],
      ["b", "a"],
    ]);
    // 255 / 2 rounds up.
    expect([...(await gather(named.train))]).toEqual([0, 128, 255, 51]);
    const oneHot = await open(
      save("one-hot.npz", {
        images: npy("<f4", [2, 1, 2], floats(0, 254.6, 3, 7)),
        labels: npy("<f4", [2, 3], floats(0, 0, 1, 1, 0, 0)),
      }),
      { validation: 0 },
    );
    expect([oneHot.classes, names(oneHot)]).toEqual([
      ["0", "2"],
      ["2", "0"],
    ]);
    expect([...(await gather(oneHot.train))]).toEqual([0, 255, 3, 7]);
  });

  it.each([
    [
      "floats below 0",
      { images: npy("<f4", [1, 2, 2], floats(0, 0, 0, -1)), labels: npy("|u1", [1], Uint8Array.of(0)) },
      /images is <f4 \[1,2,2\] and has the value -1; expected uint8, or floats in 0..1 or 0..255/,
    ],
    [
      "two ones in a row of labels",
      { images: npy("|u1", [1, 2, 2], new Uint8Array(4)), labels: npy("|u1", [1, 3], Uint8Array.of(0, 1, 1)) },
      /labels\[0\] is 0, 1, 1; expected a single 1/,
    ],
    [
      "too few labels",
      { images: npy("|u1", [2, 2, 2], new Uint8Array(8)), labels: npy("|u1", [1], Uint8Array.of(0)) },
      /2 pictures, labels 1 labels/,
    ],
    ["no labels", { images: npy("|u1", [1, 2, 2], new Uint8Array(4)) }, /holds images; expected pictures and labels/],
    [
      "a cut array",
      { images: npy("|u1", [9, 2, 2], new Uint8Array(4)), labels: npy("|u1", [9], new Uint8Array(9)) },
      /says 36 bytes of values, it holds 4/,
    ],
    [
      "a new class in test",
      {
        x_train: npy("|u1", [2, 1, 1], new Uint8Array(2)),
        y_train: npy("|u1", [2], Uint8Array.of(0, 1)),
        x_test: npy("|u1", [1, 1, 1], new Uint8Array(1)),
        y_test: npy("|u1", [1], Uint8Array.of(5)),
      },
      /label 5 of test is not in the training part/,
    ],
  ])("with %s are refused", async (title, arrays, message) => {
    await expect(open(save(`${title}.npz`, arrays as Record<string, Buffer>))).rejects.toThrowError(message);
  });
});

describe("a damaged or doubtful .npz archive", () => {
  const labels = npy("|u1", [2], Uint8Array.of(0, 1));
  const images = npy(
    "|u1",
    [2, 4, 4],
    Uint8Array.from({ length: 32 }, (_, i) => i),
  );

  it("with a member whose checksum is wrong is refused, naming it", async () => {
    const archive = zipSync({ "images.npy": images, "labels.npy": labels }, { level: 0 });
    // One pixel: the last byte of the stored pictures.
    const at = Buffer.from(archive).indexOf(images) + images.length - 1;
    archive[at]! ^= 255;
    writeFileSync(join(root, "changed.npz"), archive);
    await expect(open(join(root, "changed.npz"))).rejects.toThrowError(
      /changed\.npz: damaged \.npz archive \(the checksum \(CRC-32\) of "images\.npy" is wrong\)/,
    );
  });

  it("names the arrays that are not read", async () => {
    const arrays = { "images.npy": images, "labels.npy": labels, "weights.npy": labels, "x_test.npy": images };
    writeFileSync(join(root, "more.npz"), zipSync(arrays));
    const { warnings } = await open(join(root, "more.npz"), { validation: 0 });
    expect(warnings).toEqual([
      { text: "ignored, as they are not the arrays of pictures or labels", names: ["weights"] },
      { text: "ignored, as there are no labels of the same split", names: ["x_test"] },
    ]);
  });
});

describe("CSV tables", () => {
  it("of path,label[,split], with or without a header, are read; an empty label is none", async () => {
    const folder = join(root, "table");
    for (let i = 0; i < 6; i++) await picture(join(folder, "pics", `${i}.png`), 40 * i, 8);
    writeFileSync(
      join(folder, "a.csv"),
      '\ufefffile_name,split,label\npics/0.png,train,cat\n"pics/1.png",train,"dog, small"\npics/2.png,train,\npics/3.png,test,cat\n',
    );
    const a = await open(join(folder, "a.csv"), { validation: 0 });
    expect([a.classes, names(a), a.test!.labels.length]).toEqual([
      ["cat", "dog, small"],
      ["cat", "dog, small", null],
      1,
    ]);
    writeFileSync(join(folder, "b.csv"), "pics/0.png;10\npics/1.png;9\n");
    expect((await open(join(folder, "b.csv"), { validation: 0 })).classes).toEqual(["9", "10"]);
  });

  it("name paths that are listed twice, with other labels, or that do not exist; Latin-1 is read and told", async () => {
    const folder = join(root, "doubts");
    const count = 40;
    for (let i = 0; i < count; i++) await picture(join(folder, `${i}.png`), 5 * i, 8);
    const lines = Array.from({ length: count }, (_, i) => `${i}.png,${i % 2 ? "caf\u00e9" : "bar"}`);
    const text = ["path,label", ...lines, "3.png,caf\u00e9", "5.png,bar", "absent.png,bar"].join("\n");
    writeFileSync(join(folder, "t.csv"), text, "latin1");
    const data = await open(join(folder, "t.csv"), { validation: 0 });
    expect([data.classes, data.train.labels.length]).toEqual([["bar", "caf\u00e9"], count + 2]);
    expect(data.warnings.map(({ text: line, names: about }) => [line.slice(0, 40), ...about])).toEqual([
      ["doubtful: the table is not UTF-8 and is "],
      ["left out, as they are listed but do not ", "absent.png"],
      ["doubtful: listed more than once", "3.png"],
      ["doubtful: listed with different labels", "5.png"],
    ]);
    writeFileSync(join(folder, "bad.csv"), "path,label\n1.png,a\n2.png,b\nnone.png,a\n");
    await expect(open(join(folder, "bad.csv"))).rejects.toThrowError(
      /1 of the 3 pictures that it lists do not exist, as none\.png; expected paths relative to/,
    );
  });

  it("may be JSON lines, have absolute paths, or lie beside pictures as metadata.csv", async () => {
    const folder = join(root, "imagefolder");
    for (let i = 0; i < 4; i++) await picture(join(folder, `${i}.png`), 40 * i, 8);
    writeFileSync(
      join(folder, "t.jsonl"),
      `{"file_name": "0.png", "label": 3}\n\n{"file_name": "1.png", "label": 11, "split": "test"}\n{"file_name": "2.png", "label": 11}\n{"file_name": "3.png"}\n`,
    );
    const lines = await open(join(folder, "t.jsonl"), { validation: 0 });
    expect([lines.classes, names(lines), lines.test!.labels.length]).toEqual([["3", "11"], ["3", "11", null], 1]);
    writeFileSync(join(folder, "broken.jsonl"), '{"file_name": "0.png"}\n{"file\n');
    await expect(open(join(folder, "broken.jsonl"))).rejects.toThrowError(/line 2 is not JSON/);
    const table = `image_path,class_name\n${join(folder, "0.png")},a\n1.png,b\n`;
    writeFileSync(join(root, "imagefolder", "metadata.csv"), table);
    expect((await open(folder, { validation: 0 })).classes).toEqual(["a", "b"]);
  });

  it("find files whose names differ from the table in Unicode form alone", async () => {
    const folder = join(root, "forms");
    for (const name of ["caf\u00e9", "bar"]) await picture(join(folder, `${name}.png`.normalize("NFD")), 9, 8);
    writeFileSync(join(folder, "t.csv"), "caf\u00e9.png,a\nbar.png,b\n");
    expect((await open(join(folder, "t.csv"), { validation: 0 })).train.labels).toHaveLength(2);
  });

  it.each([
    [
      "leading out of its folder",
      "path,label\n../secret.png,a\n",
      /line 2 names "\.\.\/secret\.png", which is not below/,
    ],
    ["of an unknown split", "path,label,split\nx.png,a,tets\n", /line 2 has the split "tets"/],
    [
      "without a label column",
      "path,colour\nx.png,red\n",
      /header has path, colour; expected one of the columns label/,
    ],
    ["empty", "", /no line in it/],
    ["of no table", "hello\n", /line 1 is "hello"; expected a header/],
    ["with a quote left open", 'path,label\n"x.png,a\n', /not a table/],
  ])("that are %s are refused", async (title, text, message) => {
    const file = join(root, `${title}.csv`);
    writeFileSync(file, text);
    await expect(open(file)).rejects.toThrowError(message);
  });
});

describe("tar shards", () => {
  it("in WebDataset form, plain or compressed, one or many, are read", async () => {
    const folder = join(root, "shards");
    mkdirSync(folder);
    const shard = await tar([
      ["000.png", await png(10)],
      ["000.cls", "3"],
      ["001.png", await png(20)],
      ["001.json", '{"label": 11}'],
      ["002.png", await png(30)],
    ]);
    writeFileSync(join(folder, "train-0000.tar"), shard);
    writeFileSync(join(folder, "train-0001.tar.gz"), gzipSync(shard));
    writeFileSync(
      join(folder, "test-0000.tar"),
      await tar([
        ["9.png", await png(10)],
        ["9.cls", "3"],
      ]),
    );
    const data = await open(folder, { validation: 0 });
    expect([data.classes, names(data)]).toEqual([
      ["3", "11"],
      ["3", "11", null, "3", "11", null],
    ]);
    expect([shape(data), data.test!.labels.length]).toEqual([[6, 8, 8, 3], 1]);
    expect([...(await gather(data.train, [4])).subarray(0, 3)]).toEqual([20, 0, 235]);
  });

  it("with class folders inside, and names too long for a header, are read", async () => {
    const long = `train/cat/${"x".repeat(180)}.png`;
    writeFileSync(
      join(root, "folders.tar"),
      await tar([
        [long, await png(1)],
        ["train/dog/1.png", await png(2)],
        ["test/dog/2.png", await png(3)],
      ]),
    );
    const data = await open(join(root, "folders.tar"), { validation: 0 });
    expect([data.classes, names(data), data.test!.labels.length]).toEqual([["cat", "dog"], ["cat", "dog"], 1]);
  });

  it("with names that lead out, links or devices neither read nor write anything outside", async () => {
    const folder = join(root, "hostile");
    mkdirSync(folder);
    const before = readdirSync(root).sort();
    const file = join(folder, "evil.tar");
    writeFileSync(
      file,
      await tar([
        ["a/1.png", await png(1)],
        ["b/1.png", await png(2)],
        ["../escaped.png", await png(3)],
        ["/tmp/absolute.png", await png(4)],
        ["a/../../c/1.png", await png(4)],
        [{ name: "a/link.png", type: "symlink", linkname: "/etc/passwd" }, ""],
        [{ name: "b/hard.png", type: "link", linkname: "../../etc/passwd" }, ""],
        [{ name: "a/pipe.png", type: "fifo" }, ""],
      ]),
    );
    const data = await open(file, { validation: 0 });
    expect(names(data)).toEqual(["a", "b"]);
    expect(warned(data, /names lead out of the archive/)).toEqual(
      ["../escaped.png", "/tmp/absolute.png", "a/../../c/1.png"].map((name) => `evil.tar/${name}`),
    );
    expect(warned(data, /links or devices/)).toHaveLength(3);
    expect([readdirSync(folder), readdirSync(root).sort()]).toEqual([["evil.tar"], before]);
  });

  it("that are truncated or no archives are refused with the place", async () => {
    const whole = await tar([
      ["a/1.png", await png(1)],
      ["b/1.png", await png(2)],
    ]);
    for (const [name, bytes, message] of [
      ["cut.tar", whole.subarray(0, 560), /a member is cut short at byte 0/],
      ["cut-header.tar", whole.subarray(0, 1124), /cut short at byte 1024/],
      ["noise.tar", Buffer.alloc(2048, 65), /no tar header at byte 0/],
      ["noise.tgz", Buffer.alloc(2048, 65), /damaged gzip file/],
      ["empty.tar", Buffer.alloc(1024), /no picture in it/],
    ] as const) {
      writeFileSync(join(root, name), bytes);
      await expect(open(join(root, name))).rejects.toThrowError(message);
    }
  });
});

describe("what is lost of an archive", () => {
  it("is told of a tar archive that ends where a member ends, without its end mark, and of notes of macOS", async () => {
    const whole = await tar([
      ["a/1.png", await png(1)],
      ["b/1.png", await png(2)],
      ["b/._1.png", "a note"],
      ["b/read me.txt", "hello"],
      ["b/2.png", await png(3)],
    ]);
    writeFileSync(join(root, "whole.tar"), whole);
    const read = await open(join(root, "whole.tar"), { validation: 0 });
    expect(read.warnings).toEqual([
      { text: "ignored, as macOS left them as notes", names: ["whole.tar/b/._1.png"] },
      { text: "ignored, as .txt is not read as a picture", names: ["whole.tar/b/read me.txt"] },
    ]);
    // The last member is a header of 512 bytes and a picture of less than that; then two empty blocks end the archive.
    writeFileSync(join(root, "cut-at-member.tar"), whole.subarray(0, whole.length - 4 * 512));
    const cut = await open(join(root, "cut-at-member.tar"), { validation: 0 });
    expect([names(cut), warned(cut, /without an end mark/)]).toEqual([["a", "b"], [join(root, "cut-at-member.tar")]]);
  });
});

describe("a label of -1", () => {
  it("means none in a table and in an archive, as in .npz and Parquet, in every part", async () => {
    const folder = join(root, "minus");
    const parts = ["train", "train", "train", "val", "val", "test"];
    const labels = ["0", "1", "-1", "1", "-1", "-1"];
    const expected = [[0, 1, -1], [1, -1], [-1]];
    const found = ({ train, validation, test, classes }: Dataset) => {
      expect(classes).toEqual(["0", "1"]);
      return [train, validation!, test!].map((set) => [...set.labels]);
    };
    for (let i = 0; i < 6; i++) await picture(join(folder, `${i}.png`), 40 * i, 8);
    const lines = labels.map((label, i) => `${i}.png,${label},${parts[i]}`);
    writeFileSync(join(folder, "t.csv"), `path,label,split\n${lines.join("\n")}\n`);
    expect(found(await open(join(folder, "t.csv")))).toEqual(expected);
    for (const part of ["train", "val", "test"]) {
      const mine = labels.flatMap((label, i) => (parts[i] === part ? [[i, label] as const] : []));
      const members = await Promise.all(
        mine.map(
          async ([i, label]) =>
            [
              [`${i}.png`, await png(40 * i)],
              [`${i}.cls`, label],
            ] as const,
        ),
      );
      mkdirSync(join(folder, "tars"), { recursive: true });
      writeFileSync(join(folder, "tars", `${part}-0.tar`), await tar(members.flat()));
    }
    expect(found(await open(join(folder, "tars")))).toEqual(expected);
  });
});

describe("Parquet files", () => {
  const write = (file: string, images: Uint8Array[], labels: (number | null)[], classes?: string[]) =>
    writeFileSync(
      file,
      Buffer.from(
        parquetWriteBuffer({
          columnData: [
            { name: "image", data: images, type: "BYTE_ARRAY" },
            { name: "label", data: labels.map((v) => (v === null ? null : BigInt(v))), type: "INT64" },
          ],
          rowGroupSize: 2,
          kvMetadata: classes && [
            {
              key: "huggingface",
              value: JSON.stringify({ info: { features: { label: { _type: "ClassLabel", names: classes } } } }),
            },
          ],
        }),
      ),
    );

  it("with picture bytes and labels are read, with the class names that Hugging Face stores", async () => {
    const folder = join(root, "hub", "data");
    mkdirSync(folder, { recursive: true });
    const pictures = await Promise.all([10, 20, 30, 40, 50].map(png));
    write(join(folder, "train-00000-of-00001.parquet"), pictures, [1, 0, 1, null, 0], ["zebra", "ant"]);
    write(join(folder, "test-00000-of-00001.parquet"), pictures.slice(0, 2), [0, 1], ["zebra", "ant"]);
    const data = await open(join(root, "hub"), { validation: 0 });
    expect([data.classes, names(data)]).toEqual([
      ["zebra", "ant"],
      ["ant", "zebra", "ant", null, "zebra"],
    ]);
    expect([shape(data), data.test!.labels.length]).toEqual([[5, 8, 8, 3], 2]);
    expect([...(await gather(data.train, [2])).subarray(0, 3)]).toEqual([30, 0, 225]);
    mkdirSync(join(root, "configured", "plain_text"), { recursive: true });
    write(join(root, "configured", "plain_text", "train-0.parquet"), pictures, [1, 0, 1, 0, 0], ["zebra", "ant"]);
    expect((await open(join(root, "configured"), { validation: 0 })).classes).toEqual(["zebra", "ant"]);
    mkdirSync(join(root, "configured", "other"));
    write(join(root, "configured", "other", "train-0.parquet"), pictures, [1, 0, 1, 0, 0], ["zebra", "ant"]);
    await expect(open(join(root, "configured"))).rejects.toThrowError(/holds several data sets \(other, plain_text\)/);
    const bare = join(root, "bare.parquet");
    write(bare, pictures, [1, 0, 1, 5, 0]);
    expect((await open(bare, { validation: 0 })).classes).toEqual(["0", "1", "5"]);
  });

  it("that are broken or hold no pictures are refused", async () => {
    writeFileSync(join(root, "noise.parquet"), Buffer.alloc(100, 7));
    await expect(open(join(root, "noise.parquet"))).rejects.toThrowError(/not a readable Parquet file/);
    const table = parquetWriteBuffer({ columnData: [{ name: "x", data: [1, 2], type: "INT32" }] });
    writeFileSync(join(root, "table.parquet"), Buffer.from(table));
    await expect(open(join(root, "table.parquet"))).rejects.toThrowError(/its columns are x; expected one of image/);
  });
});

describe("pictures without labels", () => {
  it("come from an unlabelled folder inside, or from one named beside", async () => {
    const folder = join(root, "partly");
    for (const [file, value] of Object.entries({
      "train/a/1": 1,
      "train/b/1": 2,
      "unlabelled/x/1": 3,
      "unlabelled/2": 4,
    }))
      await picture(join(folder, `${file}.png`), value, 8);
    for (let i = 0; i < 3; i++) await picture(join(root, "more", `${i}.png`), 50 + i, 32);
    expect(names(await open(folder, { validation: 0 }))).toEqual(["a", "b", null, null]);
    const both = await open(folder, { validation: 0, unlabelled: join(root, "more") });
    expect([names(both).length, shape(both)[1]]).toEqual([7, 8]);
    expect([...(await gather(both.train, [6])).subarray(0, 3)]).toEqual([52, 0, 203]);
    await expect(open(folder, { unlabelled: join(root, "none") })).rejects.toThrowError(/no folder at/);
  });
});
