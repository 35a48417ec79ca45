// The library for browsers: the core with onnxruntime for WebAssembly as the backend.
export * from "./index.ts";
export { type WasmOptions, wasmBackend as webBackend } from "./runtime/wasm.ts";
