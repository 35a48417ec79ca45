// Trainings under limits of the operating system, and without anybody who reads what they tell.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { chooseBackend, train } from "../../src/node.ts";
import { drawGlyphs } from "../drawings.ts";
import { BACKENDS } from "../helpers.ts";

const MAIN = resolve(import.meta.dirname, "../../dist/cli/main.js");
const root = mkdtempSync(join(tmpdir(), "genclass-limits-"));
afterAll(() => rmSync(root, { recursive: true }));
const data = await drawGlyphs(root, { train: 400, test: 40 });
const call = (name: string, ...more: string[]) => [
  ...[MAIN, ..."train vae --epochs 1 --set width=4 --set hidden=16 --set latent=4".split(" ")],
  ...["--data", data, "--out", join(root, name), ...more],
];

describe.skipIf(process.platform !== "linux")("a process that may have few addresses (ulimit -v, on Linux)", () => {
  const limited = (...words: string[]) =>
    spawnSync("bash", ["-c", 'ulimit -v 8000000; exec "$@"', "-", process.execPath, ...words], { encoding: "utf8" });

  it("trains from the command line, which starts itself once more without what needs the addresses", () => {
    const { status, stderr, stdout } = limited(...call("limited"));
    expect([status, stderr]).toEqual([0, expect.stringContaining("epoch 1")]);
    expect(stdout).toContain("limited  trained");
    // The exit code is that of the work.
    expect(limited(...call("limited", "--json")).status).toBe(1);
  });

  it("is told so by the library, with the way out", () => {
    const program = `
      const { open, train } = await import(${JSON.stringify(resolve(MAIN, "../../node.js"))});
      await train("cnn", { data: await open(${JSON.stringify(data)}), out: ${JSON.stringify(join(root, "refused"))} }).next();
    `;
    const { stderr } = limited("--input-type=module", "-e", program);
    // Newer versions of Node do without the addresses by themselves.
    const isMade = limited("-e", "new WebAssembly.Memory({ initial: 1, maximum: 1 })").status === 0;
    if (isMade) expect(stderr).not.toContain("no memory for WebAssembly");
    else expect(stderr).toMatch(/no memory for WebAssembly .*NODE_OPTIONS=--disable-wasm-trap-handler/);
  });
});

const cores = availableParallelism();

describe("more threads than there are cores", () => {
  it("are brought down to the cores by the library too, which says so as a warning of the process", async () => {
    const { backend, notes } = chooseBackend({ threads: cores + 7, backend: "onnx" });
    expect([backend.threads, notes]).toEqual([
      cores,
      [`--threads ${cores + 7}: this machine has ${cores} cores; ${cores} threads compute`],
    ]);
    const warned = new Promise<Error>((done) => process.once("warning", done));
    const data = glyphs({ train: 20, test: 2 });
    const out = join(root, "many-threads");
    await train("cnn", { data, out, threads: cores + 7 }).next();
    expect((await warned).message).toBe(notes[0]);
  });
});

describe.runIf(cores > 1 && BACKENDS.some(({ name }) => name === "onednn"))("where oneDNN has no memory", () => {
  it("onnxruntime computes, and says why; oneDNN by name is refused", () => {
    const whole = WebAssembly.Memory;
    WebAssembly.Memory = class {
      constructor() {
        throw new RangeError("WebAssembly.Memory(): could not allocate memory");
      }
    } as unknown as typeof whole;
    try {
      // There is an engine for each number of threads; that of the other tests has all cores.
      const { backend, notes } = chooseBackend({ threads: 1 });
      expect(backend.name).toBe("onnxruntime");
      expect(notes).toEqual([
        expect.stringMatching(/^onnxruntime computes: there is no memory for WebAssembly kernels/),
      ]);
      expect(() => chooseBackend({ backend: "onednn", threads: 1 })).toThrowError(/or take --backend onnx/);
    } finally {
      WebAssembly.Memory = whole;
    }
  });
});

describe("a training whose standard error nobody reads any longer", () => {
  it("goes on to its end", async () => {
    const child = spawn(process.execPath, call("unread"), { stdio: ["ignore", "ignore", "pipe"] });
    // Its first line is read, and then no more.
    await once(child.stderr, "data");
    child.stderr.destroy();
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(existsSync(join(root, "unread", "report.html"))).toBe(true);
  });
});
