// Where the system refuses to write: which path, why, and the way out.
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { refusalOf } from "../../src/base/system-errors.ts";
import { makeFolder, requireWritable } from "../../src/base/writing.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-writing-"));
afterAll(() => rmSync(root, { recursive: true }));
writeFileSync(join(root, "file"), "");

describe("a place to write to", () => {
  it("is made with the folders above it, once", () => {
    for (let i = 0; i < 2; i++) makeFolder(join(root, "a/b/c"));
    expect(statSync(join(root, "a/b/c")).isDirectory()).toBe(true);
    expect(() => requireWritable(join(root, "a/b/new/file.png"))).not.toThrow();
  });

  it("is not below a file, nor a file where a folder is asked for", () => {
    const below = join(root, "file/x/y");
    for (const refuse of [requireWritable, makeFolder])
      expect(() => refuse(below)).toThrowError(
        expect.objectContaining({
          code: "E_WRITE",
          message: expect.stringMatching(
            /y cannot be written \(ENOTDIR: .*is a file, not a folder\); choose another path$/,
          ),
        }),
      );
    expect(() => makeFolder(join(root, "file"))).toThrowError(/file cannot be written \(EEXIST: a file of this name/);
  });

  // There the system says ENOENT of what is to be made, not of what is missing.
  it.runIf(process.platform === "linux")("is not in /proc", () => {
    expect(() => makeFolder("/proc/genclass/run")).toThrowError(
      expect.objectContaining({
        code: "E_WRITE",
        message: expect.stringMatching(
          /^\/proc\/genclass cannot be written \(the system lets nothing be made in \/proc\)/,
        ),
      }),
    );
  });

  it.each([
    ["EROFS", "EROFS: the file system is read-only", "choose another path"],
    ["EACCES", "EACCES: permission is denied", "choose another path, or change its permissions"],
    ["ENOSPC", "ENOSPC: the disk is full", "free some space"],
  ])("that the system refuses with %s is told in words", (code, why, wayOut) => {
    expect(refusalOf(Object.assign(new Error("as the system says it"), { code }))).toEqual({ why, wayOut });
  });

  it.each([new Error("plain"), Object.assign(new Error("x"), { code: "toString" }), "EROFS", undefined])(
    "is not blamed for another failure: %s",
    (error) => {
      expect(refusalOf(error)).toBeUndefined();
    },
  );
});
