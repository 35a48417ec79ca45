// Normal noise. Its numbers come from one table, read from a random place on: to draw them anew took most of the change's time.
import { Random } from "../../random/random.ts";
import { toByte } from "../picture.ts";

/** Numbers in the table, a power of two: more than the values of a small picture, so that few pictures share their noise. */
const LENGTH = 1 << 16;

let table: Float32Array | undefined;

/** The table, the same in every process. */
function normals(): Float32Array {
  if (!table) {
    table = new Float32Array(LENGTH);
    new Random(0, "noise of pictures").fillNormal(table);
  }
  return table;
}

/**
 * Adds normal noise to the values of a picture, in place.
 * @param deviation its standard deviation, in levels of 0..255
 */
export function addNoise(picture: Uint8Array, deviation: number, random: Random): void {
  const numbers = normals();
  const start = random.integer(LENGTH);
  for (let i = 0; i < picture.length; i++)
    picture[i] = toByte(picture[i]! + deviation * numbers[(start + i) & (LENGTH - 1)]!);
}
