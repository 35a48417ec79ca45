import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Dataset, gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { labelNames, picture, png, sizes, tar } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-unlabelled-"));
afterAll(() => rmSync(root, { recursive: true }));

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
    expect(labelNames(await open(folder, { validation: 0 }))).toEqual(["a", "b", null, null]);
    const both = await open(folder, { validation: 0, unlabelled: join(root, "more") });
    expect([labelNames(both).length, sizes(both)[1]]).toEqual([7, 8]);
    expect([...(await gather(both.train, [6])).subarray(0, 3)]).toEqual([52, 0, 203]);
    await expect(open(folder, { unlabelled: join(root, "none") })).rejects.toThrowError(/no folder at/);
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
