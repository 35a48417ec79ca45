// Functions of vectors on a thread that has subnormal numbers, as compute threads do except on Linux x64.
import { expect, it } from "vitest";
import { FunctionBuilder } from "../../src/wasm/assembler.ts";
import { instantiate } from "../../src/wasm/module.ts";
import { writeMath } from "../../src/wasm/vector-math.ts";

it("the logarithm of subnormal numbers is right to a few roundings", () => {
  const f = new FunctionBuilder([]);
  const x = f.local("v128");
  f.i32(0).memory("v128.load").set(x);
  f.i32(0);
  writeMath("log", f, x);
  f.memory("v128.store");
  const { run, buffer } = instantiate({ log: f }, 16);
  const values = new Float32Array(buffer, 0, 4);
  // The least of all, the largest below the least normal one, and that one.
  for (const xs of [
    [2 ** -149, 1e-44, 1e-40, 1e-38],
    [2 ** -126 - 2 ** -149, 2 ** -126, 2 ** -127, 3e-39],
  ]) {
    values.set(xs);
    const exact = Array.from(values, Math.log);
    run.log();
    // Half a unit in the last place is 6e-8; a handful of roundings.
    for (const [i, log] of exact.entries()) expect(Math.abs(values[i]! / log - 1), `at ${xs[i]}`).toBeLessThan(4e-7);
  }
});
