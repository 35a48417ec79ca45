// onnxruntime for WebAssembly as a backend: in browsers, and on Node where no native library loads. Results are copied out of
// its memory.
import { ONNXRUNTIME_WEB } from "../../vendor/onnxruntime-web/version.js";
import type { NdArray } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { Backend, Executable, Values } from "./backend.ts";
import { onnxBackend } from "./onnx.ts";

type Onnxruntime = typeof import("../../vendor/onnxruntime-web/ort.wasm.min.mjs");
type OrtSession = Awaited<ReturnType<Onnxruntime["InferenceSession"]["create"]>>;
type OrtTensor = InstanceType<Onnxruntime["Tensor"]>;

/** How the WebAssembly backend is made. */
export interface WasmOptions {
  /** Default 1. More than 1 needs a page that is cross-origin isolated; on Node there is 1. */
  readonly threads?: number;
  /**
   * Addresses of onnxruntime's two files, where they are not those of this package that a bundler finds (Vite and webpack do):
   * `ort-wasm-simd-threaded.mjs`, which threads load as well, and `ort-wasm-simd-threaded.wasm`.
   */
  readonly files?: { readonly mjs: string; readonly wasm: string };
}

/** Where the files lie beside this one. Bundlers know an address by this form, and bring the file. */
const FILES = {
  mjs: new URL("../../vendor/onnxruntime-web/ort-wasm-simd-threaded.mjs", import.meta.url).href,
  wasm: new URL("../../vendor/onnxruntime-web/ort-wasm-simd-threaded.wasm", import.meta.url).href,
};
/**
 * Threads whose code does not load never answer. In milliseconds. One thread alone has no limit: its timer would keep a process from
 * ending.
 */
const LOADING_LIMIT = 60_000;

/** The WebAssembly backend; it runs in Node too. Its code is loaded with the first graph. */
export function wasmBackend({ threads = 1, files = FILES }: WasmOptions = {}): Backend {
  return onnxBackend({ name: "onnxruntime-web", version: ONNXRUNTIME_WEB, threads }, async (model) => {
    const ort = await import("../../vendor/onnxruntime-web/ort.wasm.min.mjs");
    Object.assign(ort.env.wasm, {
      numThreads: threads,
      wasmPaths: files,
      initTimeout: threads > 1 ? LOADING_LIMIT : 0,
    });
    const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: "all", logSeverityLevel: 3 });
    return new WasmExecutable(ort, session);
  });
}

class WasmExecutable implements Executable {
  /** Tensors over buffers seen before: the program's buffers are used again every step. */
  private readonly wrapped = new WeakMap<NdArray, OrtTensor>();

  constructor(
    private readonly ort: Onnxruntime,
    private readonly session: OrtSession,
  ) {}

  private wrap(value: NdArray): OrtTensor {
    let tensor = this.wrapped.get(value);
    if (!tensor) {
      tensor = new this.ort.Tensor(value.dtype, value.data as Float32Array, value.shape);
      this.wrapped.set(value, tensor);
    }
    return tensor;
  }

  async run(inputs: Values, outputs: Values): Promise<void> {
    const feeds: Record<string, OrtTensor> = {};
    // A graph may have simplified an input away.
    for (const name of this.session.inputNames) {
      const value = inputs[name];
      if (!value) fail("E_NAME", `internal: input "${name}" has no value; given: ${Object.keys(inputs).join(", ")}`);
      feeds[name] = this.wrap(value);
    }
    const results = await this.session.run(feeds, Object.keys(outputs));
    for (const [name, target] of Object.entries(outputs)) {
      target.data.set(results[name]!.data as Float32Array);
      results[name]!.dispose();
    }
  }

  dispose(): Promise<void> {
    return this.session.release();
  }
}
