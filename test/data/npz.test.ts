import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { labelNames, npy, sizes, warned } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-npz-"));
afterAll(() => rmSync(root, { recursive: true }));

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

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
    expect([sizes(one), one.classes, labelNames(one)]).toEqual([
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
    expect([labelNames(two), [...two.test!.labels]]).toEqual([["1", "0", "1"], [1]]);
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
    expect([named.classes, labelNames(named)]).toEqual([
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
    expect([oneHot.classes, labelNames(oneHot)]).toEqual([
      ["0", "2"],
      ["2", "0"],
    ]);
    expect([...(await gather(oneHot.train))]).toEqual([0, 255, 3, 7]);
  });

  it("with whole numbers or truth values are read, as parts of 255 where none is above 1; few levels are told of", async () => {
    const labels = npy("|u1", [2], Uint8Array.of(0, 1));
    const read = async (images: Buffer) => {
      const data = await open(save("whole.npz", { images, labels }), { validation: 0 });
      return [[...(await gather(data.train))], data.warnings.map(({ text }) => text.slice(0, 54))];
    };
    const words = (...values: bigint[]) => npy("<i8", [2, 1, 2], new Uint8Array(BigInt64Array.from(values).buffer));
    expect(await read(words(0n, 3n, 255n, 16n))).toEqual([[0, 3, 255, 16], []]);
    expect(await read(npy("|b1", [2, 1, 2], Uint8Array.of(0, 1, 1, 0)))).toEqual([[0, 255, 255, 0], []]);
    expect(await read(npy("|u1", [2, 1, 2], Uint8Array.of(0, 1, 1, 0)))).toEqual([[0, 255, 255, 0], []]);
    const told = "doubtful: all values of pictures lie in 2..16 of 0..255";
    expect(await read(words(2n, 3n, 9n, 16n))).toEqual([[2, 3, 9, 16], [told.slice(0, 54)]]);
  });

  it.each([
    [
      "floats below 0",
      { images: npy("<f4", [1, 2, 2], floats(0, 0, 0, -1)), labels: npy("|u1", [1], Uint8Array.of(0)) },
      /images is <f4 \[1,2,2\] and has the value -1; expected numbers in 0..255 or 0..1/,
    ],
    [
      "rows of numbers",
      { images: npy("|u1", [2, 9], new Uint8Array(18)), labels: npy("|u1", [2], Uint8Array.of(0, 1)) },
      /images is \|u1 \[2,9\]; .* with 1 or 3 channels, such as images.reshape\(-1, 3, 3\)/,
    ],
    [
      "channels before rows",
      { images: npy("|u1", [1, 3, 2, 2], new Uint8Array(12)), labels: npy("|u1", [1], Uint8Array.of(0)) },
      /with 1 or 3 channels: images.transpose\(0, 2, 3, 1\)/,
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
    Uint8Array.from({ length: 32 }, (_, i) => 8 * i),
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
