// Numbers and lists as WebAssembly binaries hold them (WebAssembly core specification 2.0, section 5.2).

/** An unsigned integer of 32 bits in LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** A signed integer of 32 bits in LEB128. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

/** A float32, lowest byte first. */
export function float(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/** Lists of bytes, one after another. */
export function joined(lists: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}

/** A list of bytes with its length before it. */
export function sized(bytes: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  return joined([unsigned(bytes.length), bytes]);
}
