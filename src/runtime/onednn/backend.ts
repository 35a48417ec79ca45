// oneDNN as a backend for training: graphs become its primitives and WebAssembly kernels between them. Finished `.onnx`
// files, and graphs whose batch size is chosen at each run, go to onnxruntime.

import { availableParallelism } from "node:os";
import { counted } from "../../base/counted.ts";
import { fail, GenclassError } from "../../base/errors.ts";
import { reshapeOp } from "../../graph/ops/shape.ts";
import { simplify } from "../../graph/simplify.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { TileSize } from "../../graph/winograd.ts";
import type { Backend, CompileOptions, Executable } from "../backend.ts";
import { onnxruntimeBackend } from "../onnxruntime.ts";
import type { Precision } from "../wish.ts";
import { Holder } from "./api.ts";
import { compile } from "./compile.ts";
import { engineFor } from "./engine.ts";
import { OnednnExecutable } from "./executable.ts";
import { expand } from "./expand.ts";
import { copy } from "./internal-ops.ts";
import { hasBf16, implementationOf, isFast } from "./probe.ts";
import type { Resources } from "./steps.ts";
import { isLeaf } from "./terms.ts";
import { viewOf } from "./view.ts";

/** How the backend computes; all of it is optional. */
export interface OnednnOptions {
  /** 0 takes all cores. */
  threads?: number;
  /** Default `float32`. */
  precision?: Precision;
  /** Whether to refuse a processor that the library has only plain code for. */
  onlyIfFast?: boolean;
  /**
   * Which convolutions of 3x3 taps with stride 1 and of 4x4 with stride 2 are computed as Winograd's: in tiles of so many results a side
   * all that can be, with 0 none.
   * Default: those where it is faster, by a rule on their sizes (docs/onednn.md). In float32 only.
   */
  winograd?: TileSize | 0;
}

/**
 * The oneDNN backend.
 * @throws `E_BACKEND` when the library is missing, does not load, or is of another generation; `E_OPTION` for `bf16` on a
 *   processor without it
 */
export function onednnBackend({
  threads = 0,
  precision = "float32",
  onlyIfFast = false,
  winograd,
}: OnednnOptions = {}): Backend {
  const engine = engineFor(threads > 0 ? threads : availableParallelism());
  const { library } = engine.onednn;
  const implementation = implementationOf(engine.onednn, "f32");
  if (onlyIfFast && !isFast(implementation))
    fail("E_BACKEND", `oneDNN ${library.version} has no fast convolutions for this processor (${implementation})`);
  if (precision === "bf16" && !hasBf16(engine.onednn))
    fail(
      "E_OPTION",
      "--precision bf16: this processor has neither avx512_bf16 nor AMX, so that it would only be slower; leave it out",
    );
  const { backend: inference } = onnxruntimeBackend({ threads });
  return {
    name: "onednn",
    version: library.version,
    details: `${library.path}, ${implementation}, ${counted(engine.threads, "thread")}${hasBf16(engine.onednn) ? ", bf16" : ""}`,
    threads: engine.threads,
    inPlace: true,
    allocate: (shape, dtype) => engine.heap.array(shape, dtype),
    release: (array) => engine.heap.releaseArray(array),
    load: (model) => inference.load(model),
    async compile(
      name: string,
      outputs: Readonly<Record<string, Tensor>>,
      options: CompileOptions,
    ): Promise<Executable> {
      if (options.freeBatch !== undefined) return inference.compile(name, outputs, options);
      // They load the library while the plan is made.
      engine.start();
      const resources: Resources = {
        onednn: engine.onednn,
        heap: engine.heap,
        threads: engine.threads,
        precision: options.mode === "train" ? precision : "float32",
        winograd,
        holder: new Holder(),
        regions: [],
      };
      try {
        const compiled = await compile(prepare(outputs), new Map(Object.entries(options.aliases ?? {})), resources);
        return await OnednnExecutable.create(engine, compiled, resources);
      } catch (cause) {
        resources.holder.release();
        for (const offset of resources.regions) engine.heap.release(offset);
        if (cause instanceof GenclassError) throw cause;
        fail("E_BACKEND", `internal: oneDNN could not take the graph "${name}": ${(cause as Error).message}`, cause);
      }
    },
  };
}

/** The graph in the ops that have kernels; every output a value of its own that some kernel stores. */
export function prepare(outputs: Readonly<Record<string, Tensor>>): Map<string, Tensor> {
  const names = Object.keys(outputs);
  const nodes = simplify(expand(simplify(Object.values(outputs))));
  const taken = new Set<Tensor>();
  return new Map(
    names.map((name, i) => {
      let node = nodes[i]!;
      while (node.op === reshapeOp) node = node.inputs[0]!;
      if (isLeaf(node) || viewOf(node) || taken.has(node)) node = copy(node);
      taken.add(node);
      return [name, node];
    }),
  );
}
