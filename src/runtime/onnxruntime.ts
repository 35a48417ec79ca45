// The onnxruntime backend. The entry points hand in the platform's package; nothing else imports one.
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import type { NdArray } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { simplify } from "../graph/simplify.ts";
import type { Tensor } from "../graph/tensor.ts";
import { lower } from "../onnx/lower.ts";
import { encodeModel } from "../onnx/schema.ts";
import type { Backend, CompileOptions, Executable, Values } from "./backend.ts";

/** The part of onnxruntime-node and onnxruntime-web that is used. */
export interface Onnxruntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: TensorConstructor;
}

export interface OnnxruntimeOptions {
  name: string;
  version: string;
  session?: InferenceSession.SessionOptions;
  /** Whether results can be written into given buffers (native); otherwise they are copied there (WASM). */
  writesInPlace: boolean;
}

export function onnxruntimeBackend(ort: Onnxruntime, options: OnnxruntimeOptions): Backend {
  const load = async (model: Uint8Array): Promise<Executable> => {
    const settings: InferenceSession.SessionOptions = {
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      ...options.session,
    };
    const session = await ort.InferenceSession.create(model, settings);
    return new OnnxExecutable(ort, session, options.writesInPlace);
  };
  return {
    name: options.name,
    version: options.version,
    load,
    async compile(name: string, outputs: Readonly<Record<string, Tensor>>, compile: CompileOptions) {
      const names = Object.keys(outputs);
      const nodes = simplify(Object.values(outputs));
      const model = lower(name, Object.fromEntries(names.map((key, i) => [key, nodes[i]!])), compile);
      try {
        return await load(encodeModel(model));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        fail("E_BACKEND", `internal: ${options.name} refused the graph "${name}": ${reason}`, cause);
      }
    },
  };
}

class OnnxExecutable implements Executable {
  private readonly ort: Onnxruntime;
  private readonly session: InferenceSession;
  private readonly writesInPlace: boolean;
  /** Tensors over buffers seen before: the program's buffers are used again every step. */
  private readonly wrapped = new WeakMap<NdArray, OrtTensor>();

  constructor(ort: Onnxruntime, session: InferenceSession, writesInPlace: boolean) {
    this.ort = ort;
    this.session = session;
    this.writesInPlace = writesInPlace;
  }

  private wrap(value: NdArray): OrtTensor {
    let tensor = this.wrapped.get(value);
    if (!tensor) {
      const data = value.data instanceof Float64Array ? Float32Array.from(value.data) : value.data;
      tensor = new this.ort.Tensor(value.dtype, data as Float32Array, value.shape);
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
    if (this.writesInPlace) {
      const fetches: Record<string, OrtTensor> = {};
      for (const name of Object.keys(outputs)) fetches[name] = this.wrap(outputs[name]!);
      await this.session.run(feeds, fetches);
      return;
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
