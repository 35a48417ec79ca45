// Handles of files that a data set was read from: closed when nothing refers to it any longer.
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/data/open.ts";
import { pictureTar } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-handles-"));
process.env.GENCLASS_CACHE = join(root, "cache");
afterAll(() => {
  delete process.env.GENCLASS_CACHE;
  rmSync(root, { recursive: true });
});

beforeAll(async () => {
  const tar = await pictureTar(6, 40);
  writeFileSync(join(root, "x.tar"), tar);
  writeFileSync(join(root, "x.tar.gz"), gzipSync(tar));
});

/** Open files of this process below the folder of the test. */
const handles = (): string[] =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${fd}`);
      return file.startsWith(root) ? [file] : [];
    } catch {
      return [];
    }
  });

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

describe.skipIf(process.platform !== "linux")("file handles (told by /proc, on Linux)", () => {
  it("of a tar archive: none stays open after it was opened twice", async () => {
    const twice = [await open(join(root, "x.tar")), await open(join(root, "x.tar"))];
    expect(twice.map(({ train }) => train.pixels.count > 0)).toEqual([true, true]);
    expect(handles()).toEqual([]);
  });

  it("of expanded archives and cache files are closed with the data sets that read them", async () => {
    for (let i = 0; i < 5; i++) await open(join(root, "x.tar.gz"), { memory: 100 });
    // Handles are closed some time after a collection.
    for (let i = 0; i < 50 && handles().length > 0; i++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(handles()).toEqual([]);
  });
});
