// onnxruntime on Node as a backend.
import { availableParallelism } from "node:os";
import type { TileSize } from "../graph/winograd.ts";
import type { Backend } from "./backend.ts";
import { nativeLibrary } from "./native-library.ts";
import { onnxBackend } from "./onnx.ts";

/** How the backend computes; all of it is optional. */
export interface NativeOptions {
  /** 0 takes all cores. */
  threads?: number;
  /**
   * Which convolutions of 3x3 taps with stride 1 and of 4x4 with stride 2 are trained as Winograd's: in tiles of so many results a
   * side all of them, with 0 none. Default: those where it is faster, by a rule on their sizes.
   */
  winograd?: TileSize | 0;
}

/**
 * The native onnxruntime backend.
 * @throws `E_BACKEND` when the library is missing or does not load
 */
export function nativeBackend({ threads = 0, winograd }: NativeOptions = {}): Backend {
  const library = nativeLibrary();
  return onnxBackend(
    { name: "onnxruntime", version: library.version, threads: threads || availableParallelism() },
    async (model) => library.load(model, threads),
    winograd,
  );
}
