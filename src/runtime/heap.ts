// The memory that WebAssembly kernels share with a library: one shared WebAssembly memory, whose place in the process never
// changes while it grows, and which regions of it are in use.
import { FEW_ADDRESSES } from "../base/addresses.ts";
import { BYTES_OF, type DType, type NdArray, type Shape, sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { koffi } from "./foreign.ts";

const PAGE = 65536;
/** WebAssembly addresses have 32 bits. */
const MAX_PAGES = 65536;
/** Cache lines, and the widest vectors. */
const ALIGNMENT = 64;

/** The shared memory, and which regions of it are in use. Offsets and sizes are in bytes. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Address of byte 0 in the process. */
  readonly base: bigint;
  /** Free regions `[from, to)` in order; none touches the next. Byte 0 stays unused. */
  private readonly free: [number, number][] = [[ALIGNMENT, PAGE]];
  private readonly regions = new Map<number, number>();
  /** Where the values of arrays made here lie. */
  private readonly places = new WeakMap<NdArray, number>();

  /**
   * @param wayOut what can be done without this memory, as the end of messages about it, if anything
   * @throws `E_BACKEND` where the process may not reserve so many addresses
   */
  constructor(private readonly wayOut = "") {
    try {
      this.memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true });
    } catch (cause) {
      fail(
        "E_BACKEND",
        `there is no memory for WebAssembly kernels (${(cause as Error).message}): it reserves 4 GB of addresses; ${FEW_ADDRESSES}${wayOut}`,
        cause,
      );
    }
    this.base = BigInt(koffi.address(new Uint8Array(this.memory.buffer)));
  }

  /** What is not in use, as `[from, to)`. */
  get gaps(): readonly (readonly [from: number, to: number])[] {
    return this.free;
  }

  /** Bytes in use. */
  get used(): number {
    let sum = 0;
    for (const bytes of this.regions.values()) sum += bytes;
    return sum;
  }

  /** @returns the offset of a region of at least `bytes`, whose content is undefined */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    let place = this.free.findIndex(([from, to]) => to - from >= size);
    if (place < 0) {
      this.grow(size);
      place = this.free.length - 1;
    }
    const region = this.free[place]!;
    const offset = region[0];
    region[0] += size;
    if (region[0] === region[1]) this.free.splice(place, 1);
    this.regions.set(offset, size);
    return offset;
  }

  /** Ends the use of the region that begins at `offset`; nothing happens when none does. */
  release(offset: number): void {
    const size = this.regions.get(offset);
    if (size === undefined) return;
    this.regions.delete(offset);
    this.insert(offset, offset + size);
  }

  private insert(from: number, to: number): void {
    const next = this.free.findIndex((region) => region[0] > from);
    const at = next < 0 ? this.free.length : next;
    const before = this.free[at - 1];
    const after = this.free[at];
    if (before && before[1] === from) {
      before[1] = to;
      if (after && after[0] === to) {
        before[1] = after[1];
        this.free.splice(at, 1);
      }
    } else if (after && after[0] === to) after[0] = from;
    else this.free.splice(at, 0, [from, to]);
  }

  private grow(bytes: number): void {
    const end = this.memory.buffer.byteLength;
    const last = this.free[this.free.length - 1];
    const missing = last && last[1] === end ? bytes - (last[1] - last[0]) : bytes;
    try {
      this.memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      fail(
        "E_BACKEND",
        `a step needs more than the 4 GB that WebAssembly kernels can address (${Math.round((this.used + bytes) / 2 ** 20)} MB); take a smaller --batch${this.wayOut}`,
        cause,
      );
    }
    this.insert(end, this.memory.buffer.byteLength);
  }

  /** An array whose values lie here, zero. */
  array(shape: Shape, dtype: DType): NdArray {
    const size = sizeOf(shape);
    const offset = this.allocate(size * BYTES_OF[dtype]);
    const data = this.values(dtype, offset, size);
    data.fill(0);
    const array: NdArray = { shape, dtype, data };
    this.places.set(array, offset);
    return array;
  }

  /** Ends the use of an array made here; nothing happens for any other. */
  releaseArray(array: NdArray): void {
    const offset = this.places.get(array);
    if (offset === undefined) return;
    this.places.delete(array);
    this.release(offset);
  }

  /** Offset of an array made here; undefined for any other. */
  placeOf(array: NdArray): number | undefined {
    return this.places.get(array);
  }

  /** `size` elements from `offset` on, as an array over the memory. */
  values(dtype: DType, offset: number, size: number): Float32Array | Int32Array | Uint8Array {
    const { buffer } = this.memory;
    if (dtype === "float32") return new Float32Array(buffer, offset, size);
    return dtype === "int32" ? new Int32Array(buffer, offset, size) : new Uint8Array(buffer, offset, size);
  }

  /** The address in the process of an offset. */
  address(offset: number): bigint {
    return this.base + BigInt(offset);
  }
}
