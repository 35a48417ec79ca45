// Which backend trains: oneDNN where its library is installed and the processor gains from it, onnxruntime anywhere else.
import { fail, GenclassError } from "../base/errors.ts";
import type { Backend } from "./backend.ts";
import { nativeBackend } from "./native.ts";
import { onednnBackend, type Precision } from "./onednn/backend.ts";
import { TO_GET } from "./onednn/library.ts";

/** Names of backends; `auto` takes oneDNN where it is installed and fast. */
export const BACKEND_CHOICES = ["auto", "onednn", "onnx"] as const;
/** In which type products may be computed. */
export const PRECISIONS: readonly Precision[] = ["float32", "bf16"];

/** What a user may ask for; all of it is optional. */
export interface BackendWish {
  /** Default `auto`. */
  backend?: (typeof BACKEND_CHOICES)[number];
  /** 0 takes all cores. */
  threads?: number;
  /** Default `float32`; `bf16` needs oneDNN. */
  precision?: Precision;
}

/** @returns the backend, and with `auto` why it is not oneDNN, if it is not */
export function chooseBackend({ backend = "auto", threads, precision = "float32" }: BackendWish = {}): {
  backend: Backend;
  note?: string;
} {
  if (backend === "onednn") return { backend: onednnBackend({ threads, precision }) };
  if (precision !== "float32" && backend === "onnx")
    fail(
      "E_OPTION",
      `--precision ${precision}: onnxruntime trains in float32 alone; leave it out, or take --backend onednn`,
    );
  if (backend === "onnx") return { backend: nativeBackend({ threads }) };
  try {
    return { backend: onednnBackend({ threads, precision, onlyIfFast: true }) };
  } catch (cause) {
    if (!(cause instanceof GenclassError) || precision !== "float32") throw cause;
    const [reason] = cause.message.split(TO_GET);
    return { backend: nativeBackend({ threads }), note: `onnxruntime computes: ${reason}; see "genclass doctor"` };
  }
}
