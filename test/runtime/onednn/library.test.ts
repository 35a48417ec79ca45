import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { candidates, checkVersion, loadLibrary } from "../../../src/runtime/onednn/library.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-onednn-"));
afterAll(() => rmSync(root, { recursive: true }));
const text = join(root, "libdnnl.so");
writeFileSync(text, "this is a text, not a library\n".repeat(200));

describe("looking for oneDNN", () => {
  it("tries the one file that GENCLASS_ONEDNN names, or the names of both generations where they are kept", () => {
    expect(candidates({ GENCLASS_ONEDNN: "/opt/own.so" }, "linux")).toEqual(["/opt/own.so"]);
    expect(candidates({}, "linux", "arm64")).toEqual(["libdnnl.so.3", "libdnnl.so.2"]);
    // What genclass setup installed, where it has something to install, comes before what the system has.
    const names = ["/cache/onednn/linux-x64/libdnnl.so.3", "libdnnl.so.3", "libdnnl.so.2"];
    expect(candidates({ GENCLASS_CACHE: "/cache" }, "linux", "x64")).toEqual(names);
    expect(candidates({ CONDA_PREFIX: "/conda" }, "linux", "arm64")[0]).toBe("/conda/lib/libdnnl.so.3");
    expect(candidates({}, "darwin")).toContain("/opt/homebrew/lib/libdnnl.dylib");
    expect(candidates({}, "win32")).toContain("dnnl.dll");
  });

  it("says for a missing file, a text file and another library what was tried and how to get the library", () => {
    const nowhere = join(root, "nowhere.so");
    expect(() => loadLibrary([nowhere])).toThrowError(
      /oneDNN is not found \(tried .*nowhere\.so\); to get it: genclass setup .*apt install libdnnl2/,
    );
    expect(() => loadLibrary([text])).toThrowError(/libdnnl\.so: (invalid ELF header|file too short).*apt install/s);
    expect(() => loadLibrary(["libm.so.6"])).toThrowError(/libm\.so\.6 is not oneDNN 2\.6 or later/);
  });

  it.skipIf(process.platform !== "linux" || process.arch !== "x64")("says which library a library needs", () => {
    // A library that needs another which lies beside it, alone.
    const needy = join(root, "libneedy.so");
    copyFileSync(createRequire(import.meta.url).resolve("sherpa-onnx-linux-x64/libsherpa-onnx-cxx-api.so"), needy);
    expect(() => loadLibrary([join(root, "nowhere.so"), needy])).toThrowError(
      /oneDNN does not load \([^;]*libneedy\.so needs lib\S+\.so, which is not installed\); to get it/,
    );
  });

  it("takes generation 2 from 2.6 and generation 3, and no other", () => {
    for (const version of [
      [2, 6, 0],
      [2, 7, 5],
      [3, 0, 0],
      [3, 13, 1],
    ] as const)
      expect(checkVersion("x", version)).toBe(version.join("."));
    for (const version of [
      [1, 8, 0],
      [2, 5, 4],
      [4, 0, 0],
    ] as const)
      expect(() => checkVersion("libdnnl.so", version)).toThrowError(
        `libdnnl.so is oneDNN ${version.join(".")}; expected 2.6 or later of generation 2, or generation 3`,
      );
  });
});
