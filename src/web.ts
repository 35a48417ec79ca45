// The library for browsers: the core with onnxruntime-web (WebAssembly) as the backend.
import * as ort from "onnxruntime-web";
import type { Backend } from "./runtime/backend.ts";
import { type OnnxruntimeWeb, wasmBackend } from "./runtime/wasm.ts";

export * from "./index.ts";

/** The WebAssembly backend; it runs in Node too. `threads` above 1 needs a page that is cross-origin isolated. */
export function webBackend({ threads = 1 }: { threads?: number } = {}): Backend {
  ort.env.wasm.numThreads = threads;
  return wasmBackend(ort as unknown as OnnxruntimeWeb, ort.env.versions.web ?? ort.env.versions.common, threads);
}
