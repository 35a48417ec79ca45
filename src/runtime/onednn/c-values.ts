// Values of oneDNN's C interface: its enumerations as far as they are used, and the structure that a primitive is run with.
import type { Address } from "./library.ts";

/** `dnnl_data_type_t` */
export const TYPE = { bf16: 2, f32: 3 } as const;
/** The element types of what primitives read and write. */
export type ElementType = keyof typeof TYPE;
/** `dnnl_query_t`: which memory of a primitive. */
export const QUERY = { weights: 131, diffWeights: 132, scratchpad: 136 } as const;
/** `DNNL_ARG_*` */
export const ARG = {
  src: 1,
  dst: 17,
  weights: 33,
  bias: 41,
  scratchpad: 80,
  diffSrc: 129,
  diffDst: 145,
  diffWeights: 161,
} as const;

const STATUS = [
  "success",
  "out of memory",
  "invalid arguments",
  "unimplemented",
  "last implementation reached",
  "runtime error",
  "not required",
];
/** `dnnl_status_t` in words. */
export const statusText = (status: number): string => STATUS[status] ?? `status ${status}`;

/** `dnnl_exec_arg_t[]`: the memories that a primitive is run with. */
export function executionArguments(args: readonly (readonly [arg: number, memory: Address])[]): Uint8Array {
  const bytes = new Uint8Array(16 * args.length);
  const view = new DataView(bytes.buffer);
  args.forEach(([arg, memory], i) => {
    view.setInt32(16 * i, arg, true);
    view.setBigUint64(16 * i + 8, memory, true);
  });
  return bytes;
}
