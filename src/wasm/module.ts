// WebAssembly modules: functions over one memory (WebAssembly core specification 2.0, section 5.5).
import { FEW_ADDRESSES } from "../base/addresses.ts";
import { fail } from "../base/errors.ts";
import { type FunctionBuilder, TYPE_CODE } from "./assembler.ts";
import { joined, sized, unsigned } from "./encoding.ts";

function section(id: number, entries: readonly ArrayLike<number>[]): Uint8Array {
  return joined([[id], sized(joined([unsigned(entries.length), ...entries]))]);
}

/** Names are ASCII. */
const name = (text: string) => sized([...text].map((letter) => letter.charCodeAt(0)));
const MAX_PAGES = 65536;
const PAGE_BYTES = 65536;
const MOST_GB = Math.floor((MAX_PAGES * PAGE_BYTES) / 1e8) / 10;

/** A module over one imported memory (`env.memory`), which threads share or not. */
export class ModuleBuilder {
  private readonly functions: FunctionBuilder[] = [];
  private readonly exported: [string, number][] = [];

  constructor(private readonly shared: boolean) {}

  /** @returns the function's index */
  add(builder: FunctionBuilder, exportName?: string): number {
    const index = this.functions.push(builder) - 1;
    if (exportName !== undefined) this.exported.push([exportName, index]);
    return index;
  }

  /** The binary. */
  bytes(): Uint8Array<ArrayBuffer> {
    const types = this.functions.map((f) => [0x60, ...sized(f.params.map((type) => TYPE_CODE[type])), 0]);
    const limits = this.shared ? 0x03 : 0x01;
    const memory = [...name("env"), ...name("memory"), 0x02, limits, ...unsigned(1), ...unsigned(MAX_PAGES)];
    const parts = [
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, types),
      section(2, [memory]),
      section(
        3,
        this.functions.map((_, i) => unsigned(i)),
      ),
      section(
        7,
        this.exported.map(([text, index]) => [...name(text), 0x00, ...unsigned(index)]),
      ),
      section(
        10,
        this.functions.map((f) => f.body()),
      ),
    ];
    return joined(parts);
  }
}

/** What every platform has, typed without Node or DOM. */
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
    imports: { env: { memory: object } },
  ) => { readonly exports: Readonly<Record<string, (...args: number[]) => void>> };
};

/**
 * A module over a memory of its own, of at least so many bytes, all zeros.
 * @throws `E_BACKEND` where the process may not have it, or WebAssembly has no memories so large
 */
export function instantiate<Name extends string>(
  functions: Readonly<Record<Name, FunctionBuilder>>,
  bytes: number,
): { run: Readonly<Record<Name, (...args: number[]) => void>>; buffer: ArrayBuffer } {
  const memory = reserve(bytes);
  const builder = new ModuleBuilder(false);
  for (const [name, f] of Object.entries<FunctionBuilder>(functions)) builder.add(f, name);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(builder.bytes()), { env: { memory } });
  return { run: exports as Record<Name, (...args: number[]) => void>, buffer: memory.buffer };
}

function reserve(bytes: number) {
  // A module asks for one at least.
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES));
  if (pages > MAX_PAGES)
    fail(
      "E_BACKEND",
      `a kernel needs ${(bytes / 1e9).toFixed(1)} GB, and WebAssembly has ${MOST_GB} GB at most; take less data`,
    );
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    fail("E_BACKEND", `no memory for WebAssembly (${(cause as Error).message}); ${FEW_ADDRESSES}`, cause);
  }
}
