// onnxruntime however it can be had on Node: its native library, or where that does not load its WebAssembly.
import { GenclassError } from "../base/errors.ts";
import type { ChosenBackend } from "./backend.ts";
import { nativeBackend } from "./native.ts";
import { wasmBackend } from "./wasm.ts";

/** onnxruntime, with a note where it is not the native one, which is many times as fast. `threads`: 0 takes all cores. */
export function onnxruntimeBackend({ threads = 0 }: { threads?: number } = {}): ChosenBackend {
  try {
    return { backend: nativeBackend({ threads }), notes: [] };
  } catch (cause) {
    if (!(cause instanceof GenclassError)) throw cause;
    return { backend: wasmBackend(), notes: [`WebAssembly computes, on one thread: ${cause.message}`] };
  }
}
