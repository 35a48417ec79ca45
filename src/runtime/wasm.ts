// onnxruntime-web (WebAssembly) as a backend. The entry point hands in the package; results are copied out of its memory.
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import type { NdArray } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { Backend, Executable, Values } from "./backend.ts";
import { onnxBackend } from "./onnx.ts";

/** The part of onnxruntime-web that is used. */
export interface OnnxruntimeWeb {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: TensorConstructor;
}

/** The backend over the package onnxruntime-web, which the caller loads; `version` and `threads` are what it says of itself. */
export function wasmBackend(ort: OnnxruntimeWeb, version: string, threads: number): Backend {
  return onnxBackend({ name: "onnxruntime-web", version, threads }, async (model) => {
    const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: "all", logSeverityLevel: 3 });
    return new WasmExecutable(ort, session);
  });
}

class WasmExecutable implements Executable {
  /** Tensors over buffers seen before: the program's buffers are used again every step. */
  private readonly wrapped = new WeakMap<NdArray, OrtTensor>();

  constructor(
    private readonly ort: OnnxruntimeWeb,
    private readonly session: InferenceSession,
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
