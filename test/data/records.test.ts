import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { fingerprint, gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { parseCifar } from "../../src/data/readers/cifar.ts";
import { parseIdx } from "../../src/data/readers/idx.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { DATA } from "../helpers.ts";
import { idx, warned } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-records-"));
afterAll(() => rmSync(root, { recursive: true }));

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
  it("are found where torchvision puts them, with the classes of the set", async () => {
    const raw = join(root, "tv", "FashionMNIST", "raw");
    mkdirSync(raw, { recursive: true });
    writeFileSync(join(raw, "train-images-idx3-ubyte"), idx([2, 2, 2], new Uint8Array(8)));
    writeFileSync(join(raw, "train-labels-idx1-ubyte"), idx([2], Uint8Array.of(0, 9)));
    for (const place of [join(root, "tv"), join(root, "tv", "FashionMNIST"), raw])
      expect((await open(place, { validation: 0 })).classes[9]).toBe("ankle boot");
  });
  it("of EMNIST are turned upright and count letters from 1", async () => {
    const folder = join(root, "emnist-letters");
    mkdirSync(folder);
    for (const part of ["train", "test"]) {
      writeFileSync(
        join(folder, `emnist-letters-${part}-images-idx3-ubyte`),
        idx([2, 2, 2], Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
      );
      writeFileSync(join(folder, `emnist-letters-${part}-labels-idx1-ubyte`), idx([2], Uint8Array.of(1, 26)));
    }
    const { train, classes } = await open(folder, { validation: 0 });
    expect([...train.labels].map((label) => classes[label])).toEqual(["a", "z"]);
    expect([...(await gather(train, [0]))]).toEqual([1, 3, 2, 4]);
  });
});

describe("CIFAR files", () => {
  const record = (label: number, red: number) =>
    Buffer.concat([Buffer.of(label), Buffer.alloc(1024, red), Buffer.alloc(2048, 7)]);
  const files = (bytes: Buffer) => [{ name: "f", bytes }];
  it("become pictures [h, w, c] in order, plain or gzipped", async () => {
    for (const bytes of [
      Buffer.concat([record(3, 200), record(9, 100)]),
      gzipSync(Buffer.concat([record(3, 200), record(9, 100)])),
    ]) {
      const set = parseCifar(files(bytes), 10);
      expect([...set.labels]).toEqual([3, 9]);
      expect([...(await gather(set)).subarray(3072, 3076)]).toEqual([100, 7, 7, 100]);
    }
  });
  it("of which some are missing are read, and the missing ones named", async () => {
    const folder = join(root, "cifar-part");
    mkdirSync(folder);
    writeFileSync(join(folder, "data_batch_1.bin"), Buffer.concat([record(3, 200), record(9, 100)]));
    writeFileSync(join(folder, "data_batch_4.bin.gz"), gzipSync(record(1, 7)));
    const data = await open(folder, { validation: 0 });
    expect(data.train.labels).toHaveLength(3);
    expect(warned(data, /not all files of CIFAR-10 are there/)).toEqual([
      "data_batch_2.bin",
      "data_batch_3.bin",
      "data_batch_5.bin",
      "test_batch.bin",
    ]);
  });
  it("that are truncated or have labels out of range are refused", () => {
    expect(() => parseCifar(files(record(3, 1).subarray(0, 3000)), 10)).toThrowError(
      /f: 3000 bytes; expected a multiple of 3073/,
    );
    expect(() => parseCifar(files(record(10, 1)), 10)).toThrowError(/f: record 0 has label 10; expected 0..9/);
  });
  it("of CIFAR-100 have two labels a record, of which the second, fine one counts", () => {
    const fine = Buffer.concat([Buffer.of(4, 77), Buffer.alloc(3072, 5)]);
    expect([...parseCifar(files(fine), 100).labels]).toEqual([77]);
  });
});

describe("the Python version of CIFAR", () => {
  const bytes = (...parts: (string | number | Uint8Array)[]) =>
    Buffer.concat(
      parts.map((part) =>
        typeof part === "string" ? Buffer.from(part, "latin1") : typeof part === "number" ? Buffer.of(part) : part,
      ),
    );
  const text = (value: string) => bytes("U", value.length, value);
  const list = (labels: readonly number[]) => bytes("](", ...labels.flatMap((label) => ["K", label]), "e");
  const uint32 = (value: number) => {
    const out = Buffer.alloc(4);
    out.writeUInt32LE(value);
    return out;
  };
  /** An array of bytes [n, 3072], as cPickle of Python 2 writes one of NumPy (protocol 2, the published files). */
  const array = (pixels: Uint8Array) =>
    bytes(
      ...["cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\0\x85", text("b"), "\x87R"],
      ...["(K\x01", "M", pixels.length / 3072, 0, "M\0\x0c\x86"],
      ...[
        "cnumpy\ndtype\nq\x03",
        text("u1"),
        "K\0K\x01\x87R(K\x03",
        text("|"),
        "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb",
      ],
      ...["\x89T", uint32(pixels.length), pixels, "tb"],
    );
  const batch = (entries: Record<string, Uint8Array>) =>
    bytes("\x80\x02}q\x04(", ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]), "u.");
  const pixels = Uint8Array.from({ length: 2 * 3072 }, (_, i) => (i * 7 + (i >> 8)) % 256);
  const folderOf = (name: string, files: Record<string, Uint8Array>) => {
    mkdirSync(join(root, name), { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(join(root, name, file), content);
    return join(root, name);
  };

  it("is read as the binary version is", async () => {
    const python = folderOf("cifar-root/cifar-10-batches-py", {
      data_batch_1: batch({
        batch_label: text("training batch 1 of 5"),
        labels: list([3, 9]),
        data: array(pixels),
        filenames: bytes("](", text("a.png"), "r", uint32(7), "j", uint32(7), "e"),
      }),
      test_batch: batch({ data: array(pixels), labels: list([1, 2]) }),
      "batches.meta": batch({}),
    });
    const [first, second] = [pixels.subarray(0, 3072), pixels.subarray(3072)];
    const binary = folderOf("cifar-binary", {
      "data_batch_1.bin": bytes(3, first, 9, second),
      "test_batch.bin": bytes(1, first, 2, second),
    });
    for (const place of [python, join(root, "cifar-root")]) {
      const [found, expected] = [await open(place, { validation: 0 }), await open(binary, { validation: 0 })];
      expect([await fingerprint(found), found.classes]).toEqual([await fingerprint(expected), expected.classes]);
      expect(await gather(found.train)).toEqual(await gather(expected.train));
      expect([...found.test!.labels]).toEqual([1, 2]);
    }
  });

  it("of CIFAR-100 is read with its fine classes; class folders beside a folder meta are none", async () => {
    const files = {
      train: batch({ coarse_labels: list([4, 5]), data: array(pixels), fine_labels: list([77, 99]) }),
      meta: batch({}),
    };
    expect([...(await open(folderOf("cifar-100-python", files), { validation: 0 })).train.labels]).toEqual([77, 99]);
    mkdirSync(join(root, "vehicles", "train", "car"), { recursive: true });
    mkdirSync(join(root, "vehicles", "meta"));
    await expect(open(join(root, "vehicles"))).rejects.toThrowError(/class "car" has no picture/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      "calls a function",
      bytes("\x80\x02cposix\nsystem\n", text("touch hacked"), "\x85R."),
      /it calls posix system, which is not done/,
    ],
    ["is cut short", batch({ labels: list([1, 2]), data: array(pixels) }).subarray(0, 3000), /it is cut short/],
    ["has another instruction", bytes("\x80\x02\x93."), /unknown instruction 147 at byte 2/],
    ["is no dictionary", bytes("\x80\x02N."), /holds no dictionary; expected data/],
    [
      "lacks labels",
      batch({ data: array(pixels) }),
      /holds data; expected data, of 3072 bytes a picture, and as many labels/,
    ],
    ["has too few labels", batch({ data: array(pixels), labels: list([1]) }), /expected data, .* and as many labels/],
    [
      "has a mark among labels",
      batch({ labels: bytes("](a"), data: array(pixels.subarray(0, 3072)) }),
      /its instructions do not fit together/,
    ],
    [
      "has lists for labels",
      batch({ labels: bytes("](](K\x03e]e"), data: array(pixels) }),
      /labels\[0\] is no number; expected the number of a class/,
    ],
    ["makes millions of values", bytes("\x80\x02", "}".repeat(2_000_001), "."), /it makes more than 2000000 values/],
    [
      "has a key as long as a file",
      bytes("\x80\x02}T", uint32(5000), "k".repeat(5000), "Ns."),
      /a name has 5000 bytes/,
    ],
    ["is a loop of lists", bytes("\x80\x02]q\0h\0a."), /holds no dictionary/],
  ])("that %s is refused, and nothing is run", async (name, content, message) => {
    const folder = folderOf(name, { data_batch_1: content, "batches.meta": batch({}) });
    await expect(open(folder)).rejects.toThrowError(message);
  });
});

it("a data set that Hugging Face's save_to_disk wrote is refused with the lines that write it as Parquet", async () => {
  const folder = join(root, "saved");
  mkdirSync(join(folder, "train"), { recursive: true });
  writeFileSync(join(folder, "dataset_dict.json"), '{"splits": ["train"]}');
  writeFileSync(join(folder, "train", "data-00000-of-00001.arrow"), "");
  for (const place of [folder, join(folder, "train"), join(folder, "train", "data-00000-of-00001.arrow")])
    await expect(open(place)).rejects.toThrowError(/holds Arrow files, as save_to_disk writes them, .*to_parquet/);
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

describe.runIf(DATA)("the sets at hand", () => {
  describe.each([
    ["mnist", 60000, 10000, [28, 28, 1], []],
    ["fashion-mnist", 60000, 10000, [28, 28, 1], ["long"]],
    ["cifar10", 20000, 10000, [32, 32, 3], ["long"]],
  ] as const)("%s", (name, train, test, shape, tags) => {
    it("opens by name and by path, the same", { tags: [...tags] }, async () => {
      const saved = process.env.GENCLASS_DATA;
      process.env.GENCLASS_DATA = DATA;
      try {
        const [named, placed] = [await open(name, { validation: 0 }), await open(join(DATA!, name), { validation: 0 })];
        expect([named.train.labels.length, named.test!.labels.length]).toEqual([train, test]);
        expect([named.train.height, named.train.width, named.train.channels]).toEqual(shape);
        expect(await fingerprint(placed)).toBe(await fingerprint(named));
        expect([named.classes.length, placed.classes]).toEqual([10, named.classes]);
      } finally {
        process.env.GENCLASS_DATA = saved;
      }
    });
  });
});

describe("glyphs", () => {
  const size = 28 * 28;

  it("depend on the seed and their number alone, each class as often, and the test pictures on another seed", async () => {
    const { train, test } = glyphs({ train: 30, test: 10, seed: 4 });
    expect([...train.labels.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    const bytes = Buffer.from(await gather(train));
    const fewer = glyphs({ train: 12, test: 3, seed: 4 });
    expect(bytes.subarray(0, 12 * size).equals(Buffer.from(await gather(fewer.train)))).toBe(true);
    expect(Buffer.from(await gather(test!)).subarray(0, 3 * size)).toEqual(Buffer.from(await gather(fewer.test!)));
    // No picture comes twice: not within the training part, in the test part, nor with another seed.
    const others = glyphs({ train: 30, test: 1, seed: 5 });
    const all = Buffer.concat([bytes, await gather(test!), await gather(others.train)]);
    const pictures = Array.from({ length: 70 }, (_, i) => all.toString("base64", i * size, (i + 1) * size));
    expect(new Set(pictures).size).toBe(70);
  });

  it("come in colour with channels that differ", async () => {
    const { train } = glyphs({ train: 1, test: 1, colour: true });
    const bytes = await gather(train);
    expect([train.channels, bytes.length]).toEqual([3, 3 * size]);
    expect(bytes.some((value, i) => i % 3 === 0 && value !== bytes[i + 1])).toBe(true);
  });
});
