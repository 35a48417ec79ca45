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
import { setTimeout as sleep } from "node:timers/promises";
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
  afterAll(async () => {
    try {
      await server.end();
    } finally {
      rmSync(root, { recursive: true });
    }
  });
  const callIn =
    (folder: string) =>
    (...words: string[]) =>
      server.call(join(root, folder), words);
  return { root, genclass: Object.assign(callIn("."), { in: callIn, alone }) };
}

/** How long the process may take to end after its last call, in milliseconds: commands leave nothing that goes on. */
const ENDS_WITHIN = 20_000;

/** A process that answers calls one after another (`server.ts`); it begins with the first, and anew after it ended too early. */
function serverOf(env: NodeJS.ProcessEnv): {
  call: (folder: string, words: string[]) => Result;
  end: () => Promise<void>;
} {
  let running: ReturnType<typeof begin> | undefined;
  return {
    call(folder, words) {
      running ??= begin(env);
      try {
        return running.answer({ folder, words });
      } catch (error) {
        running.close();
        const said = running.said();
        running = undefined;
        throw new Error(`genclass ${words.join(" ")}: the process ended${said && `, and wrote:\n${said}`}`, {
          cause: error,
        });
      }
    },
    async end() {
      if (!running) return;
      const { child, close, ended, said } = running;
      close();
      const code = await Promise.race([ended, sleep(ENDS_WITHIN, "goes on after its last call", { ref: false })]);
      child.kill("SIGKILL");
      expect({ code, said: said() }).toEqual({ code: 0, said: "" });
    },
  };
}

function begin(env: NodeJS.ProcessEnv) {
  const folder = mkdtempSync(join(tmpdir(), "genclass-calls-"));
  const [calls, answers] = ["calls", "answers"].map((name) => join(folder, name)) as [string, string];
  execFileSync("mkfifo", [calls, answers]);
  const program = join(folder, "server.mjs");
  const source = readFileSync(join(import.meta.dirname, "server.ts"), "utf8");
  writeFileSync(program, transformSync(source, { loader: "ts", format: "esm" }).code);
  // What does not go through the streams of Node: lines of native libraries, and of the process's own failure.
  const output = join(folder, "output");
  const descriptor = openSync(output, "a");
  const child = spawn(process.execPath, [program, MAIN, calls, answers], {
    ...{ env, stdio: ["ignore", descriptor, descriptor] },
  });
  closeSync(descriptor);
  const ended = new Promise<number | string | null>((resolve) =>
    child.once("exit", (code, signal) => resolve(code ?? signal)),
  );
  // Each waits for the other side.
  const [to, from] = [openSync(calls, "w"), openSync(answers, "r")];
  return {
    child,
    /** Its exit code, or the signal that ended it. */
    ended,
    /** @throws where the process ended */
    answer(call: { folder: string; words: string[] }): Result {
      writeSync(to, `${JSON.stringify(call)}\n`);
      const parts: Buffer[] = [];
      for (;;) {
        const bytes = Buffer.alloc(2 ** 16);
        const count = readSync(from, bytes);
        if (count === 0) throw new Error("no answer");
        parts.push(bytes.subarray(0, count));
        if (bytes[count - 1] === 10) return JSON.parse(Buffer.concat(parts).toString("utf8"));
      }
    },
    /** Without calls to come the process ends. */
    close() {
      for (const pipe of [to, from]) closeSync(pipe);
    },
    /** What it wrote to its descriptors, which is then forgotten. */
    said(): string {
      const text = readFileSync(output, "utf8");
      rmSync(folder, { recursive: true });
      return text;
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
