import { expect, it } from "vitest";
import { instantiate } from "../../src/wasm/module.ts";

it("tells of a memory that is larger than any of WebAssembly, and what there is", () => {
  expect(() => instantiate({}, 5e9)).toThrow(
    "a kernel needs 5.0 GB, and WebAssembly has 4.2 GB at most; take less data",
  );
});
