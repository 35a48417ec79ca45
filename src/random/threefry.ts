// Threefry-2x32-20 (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3", section 4): one block of two words.

/** The constant of the key schedule: the third key is this, exclusive-or the other two. */
export const PARITY = 0x1bd11bda;
const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/**
 * One block: writes two 32-bit words at `out[at]`, `out[at + 1]`. The rounds are written out: a loop over a table of rotations
 * takes four times as long.
 * @param k0, k1 the key, of which the lower 32 bits count
 * @param c0, c1 the counter, likewise
 */
export function threefry2x32(k0: number, k1: number, c0: number, c1: number, out: Uint32Array, at: number): void {
  const k2 = PARITY ^ k0 ^ k1;
  let x = (c0 + k0) | 0;
  let y = (c1 + k1) | 0;
  x = (x + y) | 0;
  y = rotate(y, 13) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 15) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 26) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 6) ^ x;
  x = (x + k1) | 0;
  y = (y + k2 + 1) | 0;
  x = (x + y) | 0;
  y = rotate(y, 17) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 29) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 16) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 24) ^ x;
  x = (x + k2) | 0;
  y = (y + k0 + 2) | 0;
  x = (x + y) | 0;
  y = rotate(y, 13) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 15) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 26) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 6) ^ x;
  x = (x + k0) | 0;
  y = (y + k1 + 3) | 0;
  x = (x + y) | 0;
  y = rotate(y, 17) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 29) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 16) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 24) ^ x;
  x = (x + k1) | 0;
  y = (y + k2 + 4) | 0;
  x = (x + y) | 0;
  y = rotate(y, 13) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 15) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 26) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 6) ^ x;
  x = (x + k2) | 0;
  y = (y + k0 + 5) | 0;
  out[at] = x;
  out[at + 1] = y;
}
