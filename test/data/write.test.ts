import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Dataset, gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { writeFolders, writeNpz, writeShards } from "../../src/data/write.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-write-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Every picture of a part with its class name, in any order. */
async function content(data: Dataset, part: "train" | "test"): Promise<string[]> {
  const set = data[part]!;
  const bytes = Buffer.from(await gather(set));
  const { size } = set.pixels;
  return Array.from(
    set.labels,
    (label, i) => `${data.classes[label] ?? "none"} ${bytes.toString("base64", i * size, (i + 1) * size)}`,
  ).sort();
}

describe("a data set written and read again", () => {
  const names = ["zero", "ünö", "zwei/2", "3", "4", "5", "6", "7", "8", "9"];
  it.each([
    ["npz", false, (data: Dataset, out: string) => writeNpz(data, `${out}.npz`), ".npz"],
    ["shards", true, (data: Dataset, out: string) => writeShards(data, out, 17), ""],
    ["folders", false, (data: Dataset, out: string) => writeFolders(data, out), ""],
  ] as const)("as %s is the same, with class names and missing labels", async (form, colour, write, ending) => {
    const drawn = glyphs({ train: 40, test: 20, colour });
    const classes = form === "folders" ? names.map((name) => name.replace("/", "_")) : names;
    const labels = drawn.train.labels.map((label, i) => (i % 7 === 6 ? -1 : label));
    const data = { ...drawn, classes, train: { ...drawn.train, labels } };
    const out = join(root, form);
    await write(data, out);
    const again = await open(out + ending, { validation: 0 });
    expect([...again.classes].sort()).toEqual([...classes].sort());
    expect(again.train.channels).toBe(colour ? 3 : 1);
    for (const part of ["train", "test"] as const)
      expect(await content(again, part)).toEqual(await content(data, part));
    await expect(write(data, out)).rejects.toThrowError(/nothing is overwritten/);
  });
});

describe("what a format has no place for is refused, and nothing is written", () => {
  const drawn = glyphs({ train: 20, test: 20 });
  const writers = {
    folders: (data: Dataset, out: string) => writeFolders(data, out),
    npz: (data: Dataset, out: string) => writeNpz(data, out),
    shards: (data: Dataset, out: string) => writeShards(data, out, 10),
  };

  it.each([
    ["a/b", "a:b"],
    ["Cat", "cat"],
  ])("folders: classes %s and %s, whose folders would be one", async (one, other) => {
    const data = { ...drawn, classes: [one, other, ...drawn.classes.slice(2)] };
    const out = join(root, "one-name");
    await expect(writers.folders(data, out)).rejects.toMatchObject({
      code: "E_DATA_LABEL",
      message: expect.stringContaining(`the classes "${one}" and "${other}" would share the folder`),
    });
    expect(existsSync(out)).toBe(false);
  });

  it("folders: held-out pictures without a label, which would be trained on", async () => {
    const test = { ...drawn.test!, labels: drawn.test!.labels.map((label, i) => (i < 3 ? -1 : label)) };
    const out = join(root, "held-out");
    await expect(writers.folders({ ...drawn, test }, out)).rejects.toThrowError(
      /^3 pictures of the test part have no label/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it.each(Object.entries(writers))("%s: pairs", async (form, write) => {
    const train = { ...drawn.train, partner: drawn.train.pixels };
    const out = join(root, `pairs-${form}`);
    await expect(write({ ...drawn, train }, out)).rejects.toThrowError(/glyphs has pairs of pictures \(train\)/);
    expect(existsSync(out)).toBe(false);
  });
});
