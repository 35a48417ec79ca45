// Whether pictures use the range of bytes: numbers that were 0..16, or files of 16 bits of which few are used, come out nearly black.
import { scattered } from "../base/scattered.ts";
import { gather, type ImageSet } from "./dataset.ts";

/** Pictures that are looked at, at most. */
const LOOKED_AT = 200;
/** Where the lightest and the darkest value of all differ by less than this, a quarter of the range, something went wrong before. */
const USUAL = 64;

/** The least and the largest value of some pictures of a set, where they differ by little; else undefined. */
export async function fewLevels(set: ImageSet): Promise<readonly [least: number, largest: number] | undefined> {
  const n = set.labels.length;
  const pixels = await gather(set, scattered(n, Math.min(n, LOOKED_AT)));
  let [least, largest] = [255, 0];
  for (const value of pixels) [least, largest] = [Math.min(least, value), Math.max(largest, value)];
  return largest - least < USUAL ? [least, largest] : undefined;
}
