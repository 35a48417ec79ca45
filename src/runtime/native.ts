// onnxruntime on Node as a backend.
import { availableParallelism } from "node:os";
import { type DType, type Shape, zeros } from "../base/array.ts";
import { GenclassError } from "../base/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { TileSize } from "../graph/winograd.ts";
import type { Backend, CompileOptions, Executable } from "./backend.ts";
import { DividedExecutable, sharedHeap } from "./divided.ts";
import { nativeLibrary } from "./native-library.ts";
import { onnxBackend } from "./onnx.ts";
import { divide } from "./tail.ts";

/** With more threads than this, onnxruntime's ten passes over memory are as fast as one of a single thread. */
const MOST_THREADS = 3;

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
export function nativeBackend({ threads: wanted = 0, winograd }: NativeOptions = {}): Backend {
  const library = nativeLibrary();
  const threads = wanted || availableParallelism();
  const backend = onnxBackend(
    { name: "onnxruntime", version: library.version, threads },
    async (model) => library.load(model, wanted),
    winograd,
  );
  if (threads > MOST_THREADS) return backend;
  return {
    ...backend,
    allocate: placed,
    release: (array) => sharedHeap()?.releaseArray(array),
    async compile(name, outputs, options) {
      const whole = () => backend.compile(name, outputs, options);
      return (await divided(name, outputs, options, backend, whole)) ?? whole();
    },
  };
}

/** Zeros where kernels reach them, if there is room. */
function placed(shape: Shape, dtype: DType) {
  const heap = dtype === "bool" ? undefined : sharedHeap();
  return (heap && ifRoom(() => heap.array(shape, dtype))) ?? zeros(shape, dtype);
}

/** A step whose end kernels compute; undefined where it has none, or there is no room. */
async function divided(
  name: string,
  outputs: Readonly<Record<string, Tensor>>,
  options: CompileOptions,
  backend: Backend,
  whole: () => Promise<Executable>,
): Promise<Executable | undefined> {
  const ends = options.mode === "train" ? Object.keys(options.aliases ?? {}) : [];
  // Graphs that only look have no end.
  const step = ends.length > 0 ? divide(outputs, new Set(ends)) : undefined;
  const heap = step && sharedHeap();
  if (!heap) return undefined;
  const rest = await backend.compile(name, step.rest, options);
  const executable = ifRoom(() => new DividedExecutable(heap, step, rest, whole));
  if (!executable) await rest.dispose();
  return executable;
}

/** Undefined where the heap has no room. */
function ifRoom<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof GenclassError && cause.code === "E_BACKEND") return undefined;
    throw cause;
  }
}
