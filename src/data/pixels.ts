// Where the bytes of pictures lie: in memory, as a view of others, or (on Node) in a store that decodes files when asked.

/** Pictures of one size, read by number from 0 on. */
export interface Pixels {
  /** Number of pictures. */
  readonly count: number;
  /** Bytes of one picture. */
  readonly size: number;
  /**
   * Makes the pictures of the numbers `index` readable. The promise resolves when they are; undefined says that they are
   * already. Absent where all pictures are readable at any time.
   */
  ready?(index: ArrayLike<number>): Promise<void> | undefined;
  /** False for a picture that turned out not to decode: batches treat its place as padding. */
  usable(index: number): boolean;
  /** Writes the `size` bytes of a readable picture into `out`, from place `at` on; zeros for one that is not usable. */
  read(index: number, out: Uint8Array, at: number): void;
  /**
   * Where reading at random is slow: how many neighbouring pictures the order of an epoch may mix. Absent where pictures may
   * be read in any order.
   */
  readonly window?: number;
}

/**
 * Pictures that lie one after another in an array, which is not copied.
 * @param size bytes of one picture
 * @param bytes `[n, size]`
 */
export function inMemory(size: number, bytes: Uint8Array): Pixels {
  return {
    size,
    count: bytes.length / size,
    usable: () => true,
    read: (index, out, at) => out.set(bytes.subarray(index * size, (index + 1) * size), at),
  };
}

/** The pictures of `of` at the numbers `index`, in that order, read from `of` when they are asked for. */
export function view(of: Pixels, index: ArrayLike<number>): Pixels {
  return {
    size: of.size,
    count: index.length,
    window: of.window,
    ready: of.ready && ((chosen) => of.ready!(Int32Array.from(chosen, (i) => index[i]!))),
    usable: (i) => of.usable(index[i]!),
    read: (i, out, at) => of.read(index[i]!, out, at),
  };
}

/** The pictures of several sources as one, those of each source after those of the one before. All have the same size. */
export function concatenated(parts: readonly Pixels[]): Pixels {
  const starts: number[] = [];
  let count = 0;
  for (const part of parts) {
    starts.push(count);
    count += part.count;
  }
  const find = (index: number): [Pixels, number] => {
    let k = parts.length - 1;
    while (starts[k]! > index) k--;
    return [parts[k]!, index - starts[k]!];
  };
  return {
    size: parts[0]!.size,
    count,
    window: parts.reduce<number | undefined>(
      (least, { window }) => (window === undefined ? least : Math.min(window, least ?? window)),
      undefined,
    ),
    ready(index) {
      const chosen = parts.map((): number[] => []);
      for (let i = 0; i < index.length; i++) {
        const [part, own] = find(index[i]!);
        chosen[parts.indexOf(part)]!.push(own);
      }
      const waiting = parts.flatMap((part, k) => part.ready?.(chosen[k]!) ?? []);
      return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => {});
    },
    usable(index) {
      const [part, at] = find(index);
      return part.usable(at);
    },
    read(index, out, at) {
      const [part, own] = find(index);
      part.read(own, out, at);
    },
  };
}
