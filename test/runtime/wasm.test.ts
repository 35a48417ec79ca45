import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

/** Computes something in a process of its own. */
const PROGRAM = `
import { ndarray, zeros } from "./src/base/array.ts";
import * as g from "./src/graph/ops/index.ts";
import { input } from "./src/graph/tensor.ts";
import { wasmBackend } from "./src/runtime/wasm.ts";
const executable = await wasmBackend().compile("twice", { y: g.mul(input("x", [2]), 2) }, { mode: "infer" });
const y = zeros([2]);
await executable.run({ x: ndarray("float32", [2], new Float32Array([1, 2])) }, { y });
console.log(y.data.join());
`;

it("a process that computed with WebAssembly ends by itself", () => {
  // It takes a few seconds; a timer that is left behind holds it up for a minute.
  const { stdout, status } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", PROGRAM], {
    encoding: "utf8",
    cwd: new URL("../..", import.meta.url).pathname,
    timeout: 40_000,
  });
  expect(stdout.trim()).toBe("2,4");
  expect(status).toBe(0);
}, 60_000);
