// Soft labels in a table beside class folders: written, read again, and added to other data; and tables that do not fit.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { withAdded } from "../../src/data/added.ts";
import { type Dataset, fingerprint, subset } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { formatSoftLabels, SOFT_LABELS, withSoftLabels } from "../../src/data/soft-labels.ts";
import { writeFolders } from "../../src/data/write.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-soft-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Pictures of 2x2 pixels; classes with a comma and a quotation mark in their names. */
const setOf = (labels: readonly number[], soft?: readonly number[]): Dataset["train"] => ({
  ...{ height: 2, width: 2, channels: 1 },
  pixels: inMemory(
    4,
    Uint8Array.from({ length: 4 * labels.length }, (_, i) => 10 * i),
  ),
  labels: Int32Array.from(labels),
  ...(soft ? { soft: Float32Array.from(soft) } : {}),
});
const classes = ["a, b", "c'd", "e"];
const SOFT = [0.75, 0.25, 0, 0, 1, 0, 0.125, 0.125, 0.75];
const judged: Dataset = { name: "judged", classes, train: setOf([0, 1, 2], SOFT), mirror: false, warnings: [] };
const plain: Dataset = { ...judged, name: "plain", train: setOf([0, 1, 2, 0]) };

async function folder(name: string, text?: (table: string) => string): Promise<string> {
  const path = join(root, name);
  await writeFolders(judged, path);
  const table = join(path, SOFT_LABELS);
  if (text) writeFileSync(table, text(readFileSync(table, "utf8")));
  return path;
}

describe("soft labels beside class folders", () => {
  it("come back as they were written, without a warning, and are what added pictures have", async () => {
    const path = await folder("written");
    expect(readFileSync(join(path, SOFT_LABELS), "utf8").split("\n").slice(0, 2)).toEqual([
      `file,"a, b",c'd,e`,
      `"train/a, b/000000.png",0.75,0.25,0`,
    ]);
    const { train, warnings } = await open(path, { validation: 0 });
    expect([...train.soft!]).toEqual(SOFT);
    expect(warnings).toEqual([]);
    const own = join(root, "own");
    await writeFolders(plain, own);
    const both = await open(own, { validation: 0, add: { path, share: 0.5 } });
    expect(both.train.soft).toBeUndefined();
    expect([...both.train.added!.soft!]).toEqual(SOFT);
  });

  it("go with their pictures into a part of a set, and to the classes of the data by name", () => {
    expect([...subset(judged.train, [2, 0]).soft!]).toEqual([...SOFT.slice(6), ...SOFT.slice(0, 3)]);
    const others = { ...plain, classes: ["e", "x", "a, b", "c'd"] };
    const { added, labels } = withAdded(others, judged, 0.5).train;
    expect([...labels.subarray(4)]).toEqual([2, 3, 0]);
    expect([...added!.soft!]).toEqual([0, 0, 0.75, 0.25, 0, 0, 0, 1, 0.75, 0, 0.125, 0.125]);
  });

  it("are part of what data is recognised by", async () => {
    const other = { ...judged, train: setOf([0, 1, 2], [0.5, 0.5, ...SOFT.slice(2)]) };
    const all = await Promise.all([judged, other].map((more) => fingerprint(withAdded(plain, more, 0.5))));
    expect(all[0]).not.toBe(all[1]);
    // Those of the data itself are not learnt.
    expect(await fingerprint(judged)).toBe(await fingerprint(other));
  });

  it("come back where a class has no picture, and one is called file", async () => {
    const names = ["none", "file", "x"];
    const path = join(root, "lacking");
    await writeFolders({ ...judged, classes: names, train: setOf([1, 2], [0, 1, 0, 0.25, 0, 0.75]) }, path);
    const own = join(root, "with-none");
    await writeFolders({ ...plain, classes: names }, own);
    const { classes, train } = await open(own, { validation: 0, add: { path, share: 0.5 } });
    expect(classes).toEqual(["file", "none", "x"]);
    expect([...train.added!.soft!]).toEqual([1, 0, 0, 0, 0.25, 0.75]);
  });

  it("of very many classes may miss the sum 1 by what rounding takes of each", async () => {
    const k = 400;
    const names = Array.from({ length: k }, (_, c) => String(c).padStart(3, "0"));
    // All but the first are written as 0, as they are below half of the last decimal: 0.0196 in all.
    const row = Float32Array.from({ length: k }, (_, c) => (c === 0 ? 1 - (k - 1) * 4.9e-5 : 4.9e-5));
    const folder = mkdtempSync(join(root, "many-"));
    writeFileSync(join(folder, SOFT_LABELS), formatSoftLabels(names, ["a.png"], row));
    const train = { ...setOf([0]), name: () => "a.png" };
    expect(withSoftLabels({ classes: names, train }, folder).train.soft![0]).toBe(1);
  });

  it("in another place than the root of the folder are told of as ignored", async () => {
    const path = await folder("misplaced");
    renameSync(join(path, SOFT_LABELS), join(path, "train", SOFT_LABELS));
    const { train, warnings } = await open(path, { validation: 0 });
    expect(train.soft).toBeUndefined();
    expect(warnings).toEqual([
      { text: "ignored, as .csv is not read as a picture", names: [join("train", SOFT_LABELS)] },
    ]);
  });

  it.each<[string, (table: string) => string, RegExp]>([
    [
      "other classes",
      (text) => text.replace(",e", ",f"),
      /its header is "file,a, b,c'd,f"; expected file and the classes/,
    ],
    ["a picture that is missing", (text) => text.replace("000001", "7"), /no line for train\/c'd\/000001\.png/],
    [
      "a sum that is not 1",
      (text) => text.replace("0.75,0.25,0", "0.75,0.5,0"),
      /line 2 has 0\.75,0\.5,0; expected a probab/,
    ],
    [
      "two lines of one picture",
      (text) => text.replace(/(train.*000001.*\n)/, "$1$1").replace("000002", "000001"),
      /line 4 is of train\/c'd\/000001\.png, as line 3 is/,
    ],
    ["a negative number", (text) => text.replace("0.75,0.25,0", "1.25,-0.25,0"), /line 2 has 1\.25,-0\.25,0/],
    ["no number", (text) => text.replace("0.75,0.25,0", "0.75,,0.25"), /line 2 has 0\.75,,0\.25/],
    ["a line that is too short", (text) => text.replace("0.75,0.25,0", "1"), /is no table of comma-separated values: /],
    ["nothing in it", () => "", /its header is ""/],
  ])("are refused with %s", async (name, text, message) => {
    const path = await folder(name.replaceAll(" ", "-"), text);
    await expect(open(path)).rejects.toMatchObject({ code: "E_DATA_FORMAT", message: expect.stringMatching(message) });
  });
});
