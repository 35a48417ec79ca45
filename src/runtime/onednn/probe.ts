// What the library makes of this processor: which implementation it takes for a plain convolution.
import { Holder, type Onednn } from "./api.ts";
import type { ElementType } from "./c-values.ts";

/** As in `brgconv:avx512_core`, for a 3x3 convolution of 16x16 pictures from 32 to 64 channels; "none": it has no such. */
export function implementationOf(onednn: Onednn, type: ElementType): string {
  const holder = new Holder();
  const image = (c: number) => onednn.desc(holder, [8, c, 16, 16], type, [256 * c, 1, 16 * c, c]);
  const geometry = { strides: [1, 1], dilates: [0, 0], before: [1, 1], after: [1, 1] };
  try {
    const weights = onednn.desc(holder, [64, 32, 3, 3], type, "any");
    const descs = { src: image(32), weights, dst: image(64) };
    return onednn.implementation(onednn.convolution(holder, descs, undefined, geometry));
  } catch {
    return "none";
  } finally {
    holder.release();
  }
}

/** Whether convolutions are written for the vectors of this processor; the others are slower than onnxruntime's. */
export const isFast = (implementation: string): boolean => !/^(none|ref|gemm|simple)|sse/.test(implementation);

/** Whether the processor multiplies bfloat16 itself (avx512_bf16, AMX, SVE); otherwise it would be imitated, slowly. */
export const hasBf16 = (onednn: Onednn): boolean => /core_bf16|amx|sve|acl/.test(implementationOf(onednn, "bf16"));
