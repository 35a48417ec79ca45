// Which backend trains: oneDNN where its library is installed and the processor gains from it, onnxruntime anywhere else. Which
// answers: onnxruntime.

import { availableParallelism } from "node:os";
import { counted } from "../base/counted.ts";
import { fail, GenclassError } from "../base/errors.ts";
import type { Backend, ChosenBackend } from "./backend.ts";
import { nativeBackend } from "./native.ts";
import { onednnBackend } from "./onednn/backend.ts";
import { TO_GET } from "./onednn/library.ts";
import { onnxruntimeBackend } from "./onnxruntime.ts";
import type { BackendWish } from "./wish.ts";

/**
 * The backend that trains.
 * @throws `E_BACKEND` when the one asked for cannot be had; `E_OPTION` for a precision that it does not have
 */
export function chooseBackend({
  backend = "auto",
  threads: wanted = 0,
  precision = "float32",
}: BackendWish = {}): ChosenBackend {
  const cores = availableParallelism();
  // Threads that wait for a core in turn make steps many times slower.
  const threads = Math.min(wanted, cores);
  const notes =
    threads < wanted
      ? [
          `--threads ${wanted}: this machine has ${counted(cores, "core")}; ${counted(threads, "thread")} ${threads === 1 ? "computes" : "compute"}`,
        ]
      : [];
  if (backend === "onednn") return { backend: onednnBackend({ threads, precision }), notes };
  if (precision !== "float32" && backend === "onnx")
    fail(
      "E_OPTION",
      `--precision ${precision}: onnxruntime trains in float32 alone; leave it out, or take --backend onednn`,
    );
  if (backend === "onnx") return withNotes(notes, onnxruntimeBackend({ threads }));
  try {
    return { backend: onednnBackend({ threads, precision, onlyIfFast: true }), notes };
  } catch (cause) {
    if (!(cause instanceof GenclassError) || precision !== "float32") throw cause;
    const [reason] = cause.message.split(TO_GET);
    return withNotes(
      [...notes, `onnxruntime computes: ${reason}; see "genclass doctor"`],
      onnxruntimeBackend({ threads }),
    );
  }
}

const withNotes = (before: readonly string[], { backend, notes }: ChosenBackend): ChosenBackend => ({
  backend,
  notes: [...before, ...notes],
});

/**
 * The backend that computes a network of many small convolutions which is not trained: onnxruntime, where it is not what trains and
 * its library is there. EfficientNet-Lite0 took 0.7 of oneDNN's time on it.
 * @param training the one that trains
 */
export function answeringBackend(training: Backend): Backend {
  if (training.name !== "onednn") return training;
  try {
    return nativeBackend({ threads: training.threads });
  } catch (cause) {
    if (!(cause instanceof GenclassError)) throw cause;
    return training;
  }
}
