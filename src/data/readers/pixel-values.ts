// Numbers as bytes of pictures, as tables and NumPy arrays hold them.

/**
 * Bytes of `count` numbers: those in 0..255 rounded, and where none is above 1, as parts of 255.
 * @param read the number at a place
 * @param refuse is called for a number that is no part of a picture
 */
export function bytesOfNumbers(
  count: number,
  read: (index: number) => number,
  refuse: (value: number, index: number) => never,
): Uint8Array {
  let most = 0;
  for (let i = 0; i < count; i++) {
    const value = read(i);
    if (!(value >= 0 && value <= 255)) refuse(value, i);
    most = Math.max(most, value);
  }
  const scale = most <= 1 ? 255 : 1;
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = Math.round(scale * read(i));
  return bytes;
}
