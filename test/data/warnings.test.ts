import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { open } from "../../src/data/open.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { crc32 } from "../../src/data/readers/zip.ts";
import { sharedPictures } from "../../src/data/shared.ts";
import { isShortened, Notes, warningLine } from "../../src/data/warnings.ts";
import { picture } from "./files.ts";

describe("a warning", () => {
  it("is one line with the number of names and three of them, however many there are", () => {
    const notes = new Notes();
    for (let i = 0; i < 233; i++) notes.add("left out", `${i}.png`);
    notes.add("doubtful: the table is old");
    const [many, plain] = notes.warnings;
    expect(warningLine(many!)).toBe("left out (233): 0.png, 1.png, 2.png, …");
    expect(warningLine(many!, Number.POSITIVE_INFINITY).split(", ")).toHaveLength(233);
    expect([warningLine(plain!), isShortened(many!), isShortened(plain!)]).toEqual([
      "doubtful: the table is old",
      true,
      false,
    ]);
  });
});

describe("pictures that two sets share", () => {
  const set = (...pictures: number[][]) => ({
    height: 1,
    width: 5,
    channels: 1,
    // Five bytes: not a whole number of words.
    pixels: inMemory(5, Uint8Array.from(pictures.flat())),
    labels: new Int32Array(pictures.length),
  });
  const [a, b, c] = [
    [1, 2, 3, 4, 5],
    [1, 2, 3, 4, 6],
    [0, 0, 0, 0, 0],
  ];

  it("are those with the same bytes, each held-out one once", () => {
    expect(sharedPictures(set(a!, b!, c!), set(c!, b!, b!))).toEqual([
      [2, 0],
      [1, 1],
    ]);
    expect(sharedPictures(set(a!), set(b!, c!))).toEqual([]);
  });
});

describe("pictures that do not fit in memory", () => {
  it("are not compared with those held out, and a line says so, and how to do it", async () => {
    const root = mkdtempSync(join(tmpdir(), "genclass-warnings-"));
    vi.stubEnv("GENCLASS_CACHE", join(root, "cache"));
    for (const name of ["train/a/1", "train/b/1", "test/a/1", "test/b/1"])
      await picture(join(root, `set/${name}.png`), 7);
    const texts = async (memory?: number) =>
      (await open(join(root, "set"), { validation: 0, memory })).warnings.map(({ text }) => text);
    expect(await texts()).toEqual(["doubtful: pictures of test that are in the training part too"]);
    expect(await texts(100)).toEqual([
      `not looked for, as the source is large: held-out pictures that are in the training part too; "genclass data check ${join(root, "set")}" looks for them`,
    ]);
    vi.unstubAllEnvs();
    rmSync(root, { recursive: true });
  });
});

describe("CRC-32", () => {
  it("is that of ISO 3309: the published check value of the digits 1 to 9", () => {
    expect(crc32(Buffer.from("123456789"))).toBe(0xcbf43926);
  });
});
