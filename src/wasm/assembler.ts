// WebAssembly binaries: functions are written instruction by instruction, a module is their bytes. Only what the kernels
// use (WebAssembly core specification 2.0, chapter 5: binary format).

export type ValueType = "i32" | "f32" | "v128";

const TYPE_CODE: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** Instructions without immediates, by their text names. */
const PLAIN = {
  unreachable: [0x00],
  "i32.eqz": [0x45],
  "i32.ge_s": [0x4e],
  "i32.ge_u": [0x4f],
  "f32.gt": [0x5e],
  "i32.add": [0x6a],
  "i32.sub": [0x6b],
  "i32.mul": [0x6c],
  "i32.div_u": [0x6e],
  "f32.add": [0x92],
  "f32.max": [0x97],
  "memory.copy": [0xfc, 0x0a, 0x00, 0x00],
} as const;

/** The same of vectors: their number after the prefix. */
const VECTOR = {
  "i8x16.narrow_i16x8_u": 0x66,
  "f32x4.floor": 0x68,
  "f32x4.nearest": 0x6a,
  "i16x8.narrow_i32x4_u": 0x86,
  "i16x8.extend_low_i8x16_u": 0x89,
  "i32x4.extend_low_i16x8_u": 0xa9,
  "i32x4.splat": 0x11,
  "i32x4.eq": 0x37,
  "i32x4.ne": 0x38,
  "i32x4.gt_s": 0x3b,
  "i32x4.ge_s": 0x3f,
  "f32x4.eq": 0x41,
  "f32x4.ne": 0x42,
  "f32x4.lt": 0x43,
  "f32x4.gt": 0x44,
  "f32x4.ge": 0x46,
  "v128.not": 0x4d,
  "v128.and": 0x4e,
  "v128.or": 0x50,
  "v128.xor": 0x51,
  "v128.bitselect": 0x52,
  "i32x4.neg": 0xa1,
  "i32x4.shl": 0xab,
  "i32x4.shr_s": 0xac,
  "i32x4.shr_u": 0xad,
  "i32x4.add": 0xae,
  "i32x4.sub": 0xb1,
  "i32x4.mul": 0xb5,
  "i32x4.min_s": 0xb6,
  "i32x4.max_s": 0xb8,
  "f32x4.abs": 0xe0,
  "f32x4.neg": 0xe1,
  "f32x4.sqrt": 0xe3,
  "f32x4.add": 0xe4,
  "f32x4.sub": 0xe5,
  "f32x4.mul": 0xe6,
  "f32x4.div": 0xe7,
  "f32x4.min": 0xe8,
  "f32x4.max": 0xe9,
  "f32x4.pmin": 0xea,
  "f32x4.pmax": 0xeb,
  "f64x2.div": 0xf3,
  "i32x4.trunc_sat_f32x4_s": 0xf8,
  "f32x4.convert_i32x4_s": 0xfa,
  "f32x4.convert_i32x4_u": 0xfb,
  "i32x4.trunc_sat_f64x2_s_zero": 0xfc,
  "f64x2.convert_low_i32x4_s": 0xfe,
} as const;

/** The text name of an instruction without immediates. */
export type Instruction = keyof typeof PLAIN | keyof typeof VECTOR;

const isPlain = (name: Instruction): name is keyof typeof PLAIN => name in PLAIN;

/** Loads and stores: bytes of the opcode, and the power of two the address is aligned to at least. */
const MEMORY = {
  "i32.load": [0x28],
  "i32.load8_u": [0x2d],
  "f32.load": [0x2a],
  "i32.store": [0x36],
  "f32.store": [0x38],
  "v128.load": simd(0x00),
  "v128.load32_splat": simd(0x09),
  "v128.store": simd(0x0b),
  "v128.load32_zero": simd(0x5c),
  "v128.load64_zero": simd(0x5d),
} as const;

/** The same for one lane of a vector on the stack. */
const LANES = {
  "v128.load8_lane": simd(0x54),
  "v128.load32_lane": simd(0x56),
  "v128.store8_lane": simd(0x58),
  "v128.store32_lane": simd(0x5a),
} as const;

const EXTRACT = { "i32x4.extract_lane": simd(0x1b), "f32x4.extract_lane": simd(0x1f) } as const;

function simd(code: number): number[] {
  return [0xfd, ...unsigned(code)];
}

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

function signed(value: number): number[] {
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

function float(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/** Numbers in memory: a load that repeats one is a single instruction, where V8 makes a vector constant of several. */
export class ConstantPool {
  private readonly places = new Map<number, number>();
  constructor(
    /** Where the numbers begin. */
    private readonly base: number,
    /** How many there is room for. */
    private readonly room: number,
  ) {}

  /** @returns undefined when the room is full */
  addressOf(value: number): number | undefined {
    let place = this.places.get(value);
    if (place === undefined) {
      if (this.places.size >= this.room) return undefined;
      place = this.places.size;
      this.places.set(value, place);
    }
    return this.base + 4 * place;
  }

  get values(): readonly number[] {
    return [...this.places.keys()];
  }
}

/** One function under construction. Instructions append themselves in order; the stack is the writer's concern. */
export class FunctionBuilder {
  private readonly code: number[] = [];
  private readonly locals: ValueType[] = [];

  constructor(
    readonly params: readonly ValueType[],
    private readonly constants?: ConstantPool,
  ) {}

  /** A new local variable, zero at first. */
  local(type: ValueType): number {
    return this.params.length + this.locals.push(type) - 1;
  }

  get(local: number): this {
    return this.bytes(0x20, ...unsigned(local));
  }

  set(local: number): this {
    return this.bytes(0x21, ...unsigned(local));
  }

  tee(local: number): this {
    return this.bytes(0x22, ...unsigned(local));
  }

  i32(value: number): this {
    return this.bytes(0x41, ...signed(value));
  }

  f32(value: number): this {
    return this.bytes(0x43, ...float(value));
  }

  /** Four equal floats. */
  floats(value: number): this {
    const address = Object.is(value, 0) ? undefined : this.constants?.addressOf(value);
    if (address !== undefined) return this.i32(address).memory("v128.load32_splat");
    const bytes = float(value);
    return this.bytes(...simd(0x0c), ...bytes, ...bytes, ...bytes, ...bytes);
  }

  /** Four equal integers. */
  ints(value: number): this {
    return this.lanes([value, value, value, value]);
  }

  /** Four integers. */
  lanes(values: readonly number[]): this {
    return this.bytes(...simd(0x0c), ...new Uint8Array(Int32Array.from(values).buffer));
  }

  /** Four floats. */
  floatLanes(values: readonly number[]): this {
    return this.bytes(...simd(0x0c), ...new Uint8Array(Float32Array.from(values).buffer));
  }

  /** Adds to an integer variable. */
  increase(local: number, by: number): this {
    return this.get(local).i32(by).op("i32.add").set(local);
  }

  /** Instructions in turn. */
  op(...names: Instruction[]): this {
    for (const name of names) this.bytes(...(isPlain(name) ? PLAIN[name] : simd(VECTOR[name])));
    return this;
  }

  /** Load or store at the address on the stack plus `offset` bytes. */
  memory(name: keyof typeof MEMORY, offset = 0): this {
    return this.bytes(...MEMORY[name], 0, ...unsigned(offset));
  }

  lane(name: keyof typeof LANES, lane: number, offset = 0): this {
    return this.bytes(...LANES[name], 0, ...unsigned(offset), lane);
  }

  extract(name: keyof typeof EXTRACT, lane: number): this {
    return this.bytes(...EXTRACT[name], lane);
  }

  /** Of two vectors on the stack, the four lanes so numbered: 0..3 of the first, 4..7 of the second. */
  shuffle(lanes: readonly number[]): this {
    return this.bytes(...simd(0x0d), ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));
  }

  /** The two halves of the vector on the stack change places. */
  swapHalves(): this {
    const copy = this.local("v128");
    return this.tee(copy).get(copy).shuffle([2, 3, 0, 1]);
  }

  /** `while (local < limit) body`, both signed; the body advances the local. */
  whileBelow(local: number, limit: () => void, body: () => void): this {
    this.bytes(0x02, 0x40, 0x03, 0x40); // block, loop
    this.get(local);
    limit();
    this.op("i32.ge_s").bytes(0x0d, 0x01); // br_if out
    body();
    return this.bytes(0x0c, 0x00, 0x0b, 0x0b); // br back, end, end
  }

  /** Runs the body when the integer on the stack is not zero. */
  when(body: () => void): this {
    this.bytes(0x04, 0x40);
    body();
    return this.bytes(0x0b);
  }

  private bytes(...values: number[]): this {
    for (const value of values) this.code.push(value);
    return this;
  }

  body(): number[] {
    const locals = this.locals.flatMap((type) => [1, TYPE_CODE[type]]);
    return sized([...unsigned(this.locals.length), ...locals, ...this.code, 0x0b]);
  }
}

/** A list of bytes with its length before it. */
function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  return [id, ...sized([...unsigned(entries.length), ...entries.flat()])];
}

/** Names are ASCII. */
const name = (text: string) => sized([...text].map((letter) => letter.charCodeAt(0)));
const MAX_PAGES = 65536;
const PAGE_BYTES = 65536;

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
    return Uint8Array.from(parts.flat());
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

/** A module over a memory of its own, of at least so many bytes, all zeros. */
export function instantiate<Name extends string>(
  functions: Readonly<Record<Name, FunctionBuilder>>,
  bytes: number,
): { run: Readonly<Record<Name, (...args: number[]) => void>>; buffer: ArrayBuffer } {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const builder = new ModuleBuilder(false);
  for (const [name, f] of Object.entries<FunctionBuilder>(functions)) builder.add(f, name);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(builder.bytes()), { env: { memory } });
  return { run: exports as Record<Name, (...args: number[]) => void>, buffer: memory.buffer };
}
