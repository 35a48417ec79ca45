// WebAssembly functions, written instruction by instruction. Only what the kernels use.
import { float, joined, signed, sized, unsigned } from "./encoding.ts";
import { codeOf, EXTRACT, type Instruction, LANES, MEMORY, simd } from "./instructions.ts";

/** The type of a parameter or variable. */
export type ValueType = "i32" | "f32" | "v128";

/** How binaries name each type. */
export const TYPE_CODE: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

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

  /** The numbers in the order of their places. */
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

  /** Pushes a variable. */
  get(local: number): this {
    return this.bytes(0x20, ...unsigned(local));
  }

  /** Pops into a variable. */
  set(local: number): this {
    return this.bytes(0x21, ...unsigned(local));
  }

  /** Copies the top of the stack into a variable. */
  tee(local: number): this {
    return this.bytes(0x22, ...unsigned(local));
  }

  /** Pushes an integer. */
  i32(value: number): this {
    return this.bytes(0x41, ...signed(value));
  }

  /** Pushes a float. */
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
    for (const name of names) this.bytes(...codeOf(name));
    return this;
  }

  /** Load or store at the address on the stack plus `offset` bytes. */
  memory(name: keyof typeof MEMORY, offset = 0): this {
    return this.bytes(...MEMORY[name], 0, ...unsigned(offset));
  }

  /** Load or store of one lane of the vector on the stack, at the address below it plus `offset` bytes. */
  lane(name: keyof typeof LANES, lane: number, offset = 0): this {
    return this.bytes(...LANES[name], 0, ...unsigned(offset), lane);
  }

  /** Replaces the vector on the stack by one of its lanes. */
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

  /** The bytes of the function in a module: its variables and its code. */
  body(): Uint8Array {
    const locals = this.locals.flatMap((type) => [1, TYPE_CODE[type]]);
    return sized(joined([unsigned(this.locals.length), locals, this.code, [0x0b]]));
  }
}
