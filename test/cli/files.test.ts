import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { pictureFiles } from "../../src/cli/files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-files-"));
const FILES = [
  "10.png",
  "9.PNG",
  "notes.txt",
  "cats/1.jpg",
  "cats/old/2.webp",
  "cats/.hidden/3.png",
  "dogs/1.png",
  "birds/1.png",
  "set [2020]/a.png",
  "set [2020]/b[1].png",
  "set [2020]/b1.png",
];
for (const file of FILES) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), "");
}
afterAll(() => rmSync(root, { recursive: true }));

/** What words name, as paths below the root. */
const named = async (...words: string[]) =>
  (await pictureFiles(words.map((word) => join(root, word)))).map((file) => relative(root, file).replaceAll("\\", "/"));

describe("picture arguments", () => {
  it.each([
    ["*", ["10.png", "9.PNG"]],
    ["?.PNG", ["9.PNG"]],
    ["[0-9].*", ["9.PNG"]],
    ["*.{png,txt}", ["10.png"]],
    ["{cats,dogs}/*", ["cats/1.jpg", "dogs/1.png"]],
    ["*/1.{jpg,png}", ["birds/1.png", "cats/1.jpg", "dogs/1.png"]],
    ["cats/**/*.{jpg,webp}", ["cats/1.jpg", "cats/old/2.webp"]],
    ["cats/**/[!1].*", ["cats/old/2.webp"]],
    ["set [2020]/*[0-9].png", ["set [2020]/b1.png"]],
  ])("may be a pattern: %s, whose pictures come in order of their paths", async (pattern, expected) => {
    expect(await named(pattern)).toEqual(expected);
  });

  it("name a file or a folder that exists by itself, also where its name would be a pattern", async () => {
    expect(await named("set [2020]/b[1].png", "cats", "10.png")).toEqual([
      "set [2020]/b[1].png",
      "cats/1.jpg",
      "cats/old/2.webp",
      "10.png",
    ]);
  });

  it("may begin with folders above the working directory", async () => {
    const here = relative(process.cwd(), root);
    expect(await pictureFiles([join(here, "**", "1.*")])).toEqual(
      ["birds/1.png", "cats/1.jpg", "dogs/1.png"].map((file) => join(here, file)),
    );
  });

  it("that name no picture are refused: files and folders that are not there, folders without one, patterns", async () => {
    mkdirSync(join(root, "nothing"));
    for (const [word, why] of [
      ["none.png", (path: string) => `there is no file or folder "${path}"`],
      ["nothing", (path: string) => `there is no picture in "${path}" or below`],
      ["*.bmp", (path: string) => `"${path}" matches no picture`],
      ["notes.*", (path: string) => `"${path}" matches no picture`],
      ["missing/*.png", (path: string) => `"${path}" matches no picture`],
    ] as const)
      await expect(named(word)).rejects.toThrowError(why(join(root, word)));
  });
});

describe("on Windows", () => {
  afterEach(() => {
    vi.doUnmock("node:path");
    vi.resetModules();
  });
  it("patterns may be written with backslashes", async () => {
    vi.resetModules();
    vi.doMock("node:path", async (original) => ({ ...(await original<typeof import("node:path")>()), sep: "\\" }));
    const windows = await import("../../src/cli/files.ts");
    expect(await windows.pictureFiles([`${root}/{cats,dogs}\\1.*`])).toEqual(
      ["cats/1.jpg", "dogs/1.png"].map((file) => join(root, file)),
    );
  });
});
