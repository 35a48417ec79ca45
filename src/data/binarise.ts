// Pictures of pixels 0 or 1, on which likelihoods are compared (Salakhutdinov & Murray 2008).
import { Random } from "../random/random.ts";

/**
 * The draws of the one "static" binarisation that this program makes of a part of a data set: the set `binarised-mnist` has them. They are
 * another draw of the same distribution than the file of Larochelle & Murray 2011, on which published static figures are.
 */
export const staticDraws = (part: "train" | "test"): Random => new Random(0, `binarised ${part}`);

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
