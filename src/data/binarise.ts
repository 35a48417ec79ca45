// Pictures of pixels 0 or 1, on which likelihoods are compared (Salakhutdinov & Murray 2008).
import type { Random } from "../random/random.ts";

/**
 * Makes each byte 0 or 255 in its place, drawn with its grey level as the probability of 255; 0 and 255 stay.
 * @returns whether any was neither
 */
export function binarise(bytes: Uint8Array, random: Random): boolean {
  let isDrawn = false;
  for (let i = 0; i < bytes.length; i++) {
    const level = bytes[i]!;
    if (level === 0 || level === 255) continue;
    isDrawn = true;
    bytes[i] = random.uniform() * 255 < level ? 255 : 0;
  }
  return isDrawn;
}
