// onnxruntime on Node as a backend.
import { availableParallelism } from "node:os";
import type { Backend } from "./backend.ts";
import { nativeLibrary } from "./native-library.ts";
import { onnxBackend } from "./onnx.ts";

/**
 * The native onnxruntime backend. `threads`: 0 takes all cores.
 * @throws `E_BACKEND` when the library is missing or does not load
 */
export function nativeBackend({ threads = 0 }: { threads?: number } = {}): Backend {
  const library = nativeLibrary();
  return onnxBackend(
    { name: "onnxruntime", version: library.version, threads: threads || availableParallelism() },
    async (model) => library.load(model, threads),
  );
}
