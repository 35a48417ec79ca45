// A folder in which the real command line is called, as npm installs it: dist/cli/main.js.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { transformSync } from "esbuild";
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
export function workplace(name: string): {
  root: string;
  genclass: Call & {
    in: (folder: string) => Call;
    /** In a process of its own, as a terminal calls it. */
    alone: Call;
  };
} {
  const root = mkdtempSync(join(tmpdir(), `genclass-${name}-`));
  // No network: the mirror is a port where nothing listens.
  const env = {
    ...process.env,
    GENCLASS_DATA: "",
    GENCLASS_MIRROR: "http://127.0.0.1:9/",
    GENCLASS_CACHE: join(root, "cache"),
  };
  const alone = (...words: string[]): Result => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
      ...{ cwd: root, encoding: "utf8", env },
    });
    return { code: status, out: stdout, err: stderr };
  };
  const server = serverOf(env);
  afterAll(() => {
    server.end();
    rmSync(root, { recursive: true });
  });
  const callIn =
    (folder: string) =>
    (...words: string[]) =>
      server.call(join(root, folder), words);
  return { root, genclass: Object.assign(callIn("."), { in: callIn, alone }) };
}

/** A process that answers calls one after another (`server.ts`); it begins with the first. */
function serverOf(env: NodeJS.ProcessEnv): { call: (folder: string, words: string[]) => Result; end: () => void } {
  let pipes: { calls: number; answers: number } | undefined;
  const begin = () => {
    const folder = mkdtempSync(join(tmpdir(), "genclass-calls-"));
    const [calls, answers] = ["calls", "answers"].map((name) => join(folder, name)) as [string, string];
    execFileSync("mkfifo", [calls, answers]);
    const program = join(folder, "server.mjs");
    const source = readFileSync(join(import.meta.dirname, "server.ts"), "utf8");
    writeFileSync(program, transformSync(source, { loader: "ts", format: "esm" }).code);
    spawn(process.execPath, [program, MAIN, calls, answers], { env, stdio: ["ignore", "inherit", "inherit"] });
    // Each waits for the other side.
    const opened = { calls: openSync(calls, "w"), answers: openSync(answers, "r") };
    rmSync(folder, { recursive: true });
    return opened;
  };
  return {
    call(folder, words) {
      pipes ??= begin();
      writeSync(pipes.calls, `${JSON.stringify({ folder, words })}\n`);
      const parts: Buffer[] = [];
      for (;;) {
        const bytes = Buffer.alloc(2 ** 16);
        const count = readSync(pipes.answers, bytes);
        if (count === 0) throw new Error(`genclass ${words.join(" ")}: the process ended`);
        parts.push(bytes.subarray(0, count));
        if (bytes[count - 1] === 10) return JSON.parse(Buffer.concat(parts).toString("utf8"));
      }
    },
    end() {
      // Without calls to come the process ends.
      if (pipes) for (const pipe of Object.values(pipes)) closeSync(pipe);
    },
  };
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
