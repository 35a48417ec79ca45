// The pictures of evaluate --novel: folders need no classes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { novelPictures } from "../../src/cli/novel-pictures.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import type { DataSpec } from "../../src/models/model.ts";
import { picture } from "../data/files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-novel-"));
const model = { spec: { height: 6, width: 4, channels: 3 } as DataSpec, resize: "fit" as const };
const noSource = () => Promise.reject(new Error("no other source is opened"));
const values = async (source: string): Promise<number[]> => [...(await novelPictures(model, source, 3, noSource))];
/** What a picture of one colour is, as the model takes it. */
const plain = (red: number): number[] => Array.from({ length: 24 }, () => [red, 0, 255 - red]).flat();

beforeAll(async () => {
  await picture(join(root, "flat", "a.png"), 10);
  await picture(join(root, "flat", "b.png"), 20);
  await picture(join(root, "one", "only class", "c.png"), 30);
  await picture(join(root, "broken", "d.png"), 40);
  writeFileSync(join(root, "broken", "e.png"), "no picture");
});
afterAll(() => rmSync(root, { recursive: true }));

describe("novel pictures", () => {
  it("of a folder without class folders, or with one, are all of them, in the size of the model", async () => {
    expect(await values(join(root, "flat"))).toEqual([...plain(10), ...plain(20)]);
    expect(await values(join(root, "one"))).toEqual(plain(30));
  });

  it("that do not decode are left out with a line, and the exit code says so", async () => {
    const code = process.exitCode;
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    try {
      expect(await values(join(root, "broken"))).toEqual(plain(40));
      expect(said.mock.calls.join()).toMatch(/error E_IMAGE: .*e\.png does not decode/);
      expect(process.exitCode).toBe(1);
    } finally {
      process.exitCode = code;
      said.mockRestore();
    }
  });

  it("of another source are its test part; drawn ones are as many as are asked for", async () => {
    const drawings = glyphs({ train: 1, test: 2 });
    const own = { spec: { height: 28, width: 28, channels: 1 } as DataSpec, resize: "fit" as const };
    expect(await novelPictures(own, "glyphs", 3, async () => drawings)).toHaveLength(2 * 28 * 28);
    expect(await values("noise")).toHaveLength(3 * 24 * 3);
  });
});
