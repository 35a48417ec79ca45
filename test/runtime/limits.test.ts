// Trainings under limits of the operating system, and without anybody who reads what they tell.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../src/node.ts";
import { BACKENDS } from "../helpers.ts";

const MAIN = resolve(import.meta.dirname, "../../dist/cli/main.js");
const root = mkdtempSync(join(tmpdir(), "genclass-limits-"));
afterAll(() => rmSync(root, { recursive: true }));
const call = (name: string, ...more: string[]) => [
  ...[MAIN, ..."train vae --data glyphs --epochs 1 --set width=4 --set hidden=16 --set latent=4".split(" ")],
  ...["--out", join(root, name), ...more],
];

describe.skipIf(process.platform !== "linux")("a process that may have few addresses (ulimit -v, on Linux)", () => {
  const limited = (name: string, options: string, ...more: string[]) =>
    spawnSync("bash", ["-c", 'ulimit -v 8000000; exec "$@"', "-", process.execPath, ...call(name, ...more)], {
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: options },
    });

  it("is told so, with the way out", () => {
    const { status, stderr } = limited("refused", "", "--backend", "onnx");
    expect(stderr).toMatch(/error E_BACKEND: no memory for WebAssembly .*NODE_OPTIONS=--disable-wasm-trap-handler/);
    expect(status).toBe(1);
  });

  it("trains when the way is taken", () => {
    const { status, stderr } = limited("taken", "--disable-wasm-trap-handler", "--backend", "onnx");
    expect([status, stderr]).toEqual([0, expect.stringContaining("epoch 1")]);
  });
});

describe.runIf(BACKENDS.some(({ name }) => name === "onednn"))("where oneDNN has no memory", () => {
  it("onnxruntime computes, and says why; oneDNN by name is refused", () => {
    const whole = WebAssembly.Memory;
    WebAssembly.Memory = class {
      constructor() {
        throw new RangeError("WebAssembly.Memory(): could not allocate memory");
      }
    } as unknown as typeof whole;
    try {
      // There is an engine for each number of threads; none has five yet.
      const { backend, note } = chooseBackend({ threads: 5 });
      expect(backend.name).toBe("onnxruntime-node");
      expect(note).toMatch(/^onnxruntime computes: the oneDNN backend has no memory for WebAssembly/);
      expect(() => chooseBackend({ backend: "onednn", threads: 5 })).toThrowError(/or take --backend onnx/);
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
