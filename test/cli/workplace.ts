// A folder in which the real command line is called, as npm installs it: dist/cli/main.js in processes of its own.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { afterAll, expect } from "vitest";
import { gather } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";

export const MAIN = resolve(import.meta.dirname, "../../dist/cli/main.js");
/** Options of a small net. */
export const SMALL = ["--set", "width=8", "--set", "hidden=32", "--set", "latent=8"];

export interface Result {
  code: number | null;
  out: string;
  err: string;
}

/** Calls genclass. */
type Call = (...args: string[]) => Result;

/** A new folder, removed after the tests of the file, and a way to call genclass in it or in a folder below it. */
export function workplace(name: string): { root: string; genclass: Call & { in: (folder: string) => Call } } {
  const root = mkdtempSync(join(tmpdir(), `genclass-${name}-`));
  afterAll(() => rmSync(root, { recursive: true }));
  const callIn =
    (folder: string) =>
    (...args: string[]): Result => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
        cwd: join(root, folder),
        encoding: "utf8",
        // No network: the mirror is a port where nothing listens.
        env: {
          ...process.env,
          GENCLASS_DATA: "",
          GENCLASS_MIRROR: "http://127.0.0.1:9/",
          GENCLASS_CACHE: join(root, "cache"),
        },
      });
      return { code: status, out: stdout, err: stderr };
    };
  return { root, genclass: Object.assign(callIn("."), { in: callIn }) };
}

/** A failed call: exit code, message, no stack trace, nothing on standard output. */
export function expectRefused(result: Result, code: number, message: RegExp): void {
  expect(result.err).toMatch(message);
  expect(result.err).not.toMatch(/\n\s+at /);
  expect([result.code, result.out]).toEqual([code, ""]);
}

/** Thirty drawn digits as `pictures/NUMBER-is-DIGIT.png`. */
export async function drawPictures(root: string): Promise<void> {
  const { test } = glyphs({ train: 1, test: 30 });
  mkdirSync(join(root, "pictures"));
  for (let i = 0; i < 30; i++)
    await sharp(await gather(test!, [i]), { raw: { width: 28, height: 28, channels: 1 } })
      .png()
      .toFile(join(root, "pictures", `${i}-is-${i % 10}.png`));
}
