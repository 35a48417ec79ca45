// What may be asked of the backend that trains; apart from the backends, which take a while to load.

/** In which type the operands of products are multiplied. State, sums and all else are float32 always. */
export type Precision = "float32" | "bf16";

/** Names of backends; `auto` takes oneDNN where it is installed and fast. */
export const BACKEND_CHOICES = ["auto", "onednn", "onnx"] as const;
/** In which type products may be computed. */
export const PRECISIONS: readonly Precision[] = ["float32", "bf16"];

/** What a user may ask for; all of it is optional. */
export interface BackendWish {
  /** Default `auto`. */
  backend?: (typeof BACKEND_CHOICES)[number];
  /** 0 takes all cores; more than there are cores are brought down to them. */
  threads?: number;
  /** Default `float32`; `bf16` needs oneDNN. */
  precision?: Precision;
}
