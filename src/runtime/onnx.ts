// What the onnxruntime backends share: a graph becomes model bytes, and one way or another onnxruntime loads them.
import { zeros } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { simplify } from "../graph/simplify.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { TileSize } from "../graph/winograd.ts";
import { lower } from "../onnx/lower.ts";
import { encodeModel } from "../onnx/schema.ts";
import type { Backend, BackendInfo, CompileOptions, Executable } from "./backend.ts";

/**
 * A backend over a way to load `.onnx` bytes.
 * @param winograd see `Emitter.winograd`
 */
export function onnxBackend(
  info: BackendInfo,
  load: (model: Uint8Array) => Promise<Executable>,
  winograd?: TileSize | 0,
): Backend {
  return {
    ...info,
    inPlace: false,
    allocate: zeros,
    release: () => {},
    load,
    async compile(name: string, outputs: Readonly<Record<string, Tensor>>, options: CompileOptions) {
      const names = Object.keys(outputs);
      const nodes = simplify(Object.values(outputs));
      const model = lower(name, Object.fromEntries(names.map((key, i) => [key, nodes[i]!])), { ...options, winograd });
      try {
        return await load(encodeModel(model));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        fail("E_BACKEND", `internal: ${info.name} refused the graph "${name}": ${reason}`, cause);
      }
    },
  };
}
