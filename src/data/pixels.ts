// Where the bytes of pictures lie: in memory, as a view of others, or (on Node) in a store that decodes files when asked.

/** Equal-sized pictures by number. */
export interface Pixels {
  readonly count: number;
  /** Bytes of one picture. */
  readonly size: number;
  /** Resolves when these can be read; nothing where they can at once. */
  ready?(index: ArrayLike<number>): Promise<void> | undefined;
  /** False for a picture that turned out not to decode; it counts as padding. */
  usable(index: number): boolean;
  /** Writes a picture to `out` at `at`. */
  read(index: number, out: Uint8Array, at: number): void;
  /** How many neighbours an epoch's order may mix where reading at random is slow; absent: all. */
  readonly window?: number;
}

/** Pictures one after another in one array. */
export function inMemory(size: number, bytes: Uint8Array): Pixels {
  return {
    size,
    count: bytes.length / size,
    usable: () => true,
    read: (index, out, at) => out.set(bytes.subarray(index * size, (index + 1) * size), at),
  };
}

/** The pictures at `index` of others, by reference. */
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

/** Pictures of the same size, one source after another. */
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
