// Protobuf messages read strictly: a length is compared with the bytes that are there before anything is made of it.
import { PbfReader } from "pbf";
import { fail } from "../../base/errors.ts";

/** How a field is written: a number of variable length, or so many bytes. */
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];

/** @throws `E_ONNX`, always */
export function malformed(what: string): never {
  fail("E_ONNX", `not a whole ONNX file: ${what}; download or export it again`);
}

/** Bytes of a message, and its fields one by one. */
export class Wire {
  private readonly reader: PbfReader;
  private type = VARINT;
  /** Where the value of the field at hand ends. */
  private stop = 0;

  constructor(bytes: Uint8Array) {
    this.reader = new PbfReader(bytes);
  }

  /**
   * Calls `visit` for each field of the message, which may read its value once.
   * @param end where the message ends; by default the bytes do
   * @throws `E_ONNX` for a field that does not end within the message
   */
  fields(visit: (field: number) => void, end = this.reader.length): void {
    const { reader } = this;
    while (reader.pos < end) {
      const tag = this.varint(end);
      const type = tag & 7;
      const start = reader.pos;
      const stop = this.valueEnd(type, end);
      reader.pos = start;
      this.type = type;
      this.stop = stop;
      visit(tag >>> 3);
      reader.pos = stop;
    }
  }

  private varint(end: number): number {
    const { reader } = this;
    let last = reader.pos;
    while (last < end && last - reader.pos < 10 && reader.buf[last]! > 0x7f) last++;
    if (last >= end || last - reader.pos >= 10) malformed(`a number breaks off at byte ${reader.pos}`);
    return reader.readVarint();
  }

  private valueEnd(type: number, end: number): number {
    const { reader } = this;
    if (type === VARINT) this.varint(end);
    else if (type === FIXED64) reader.pos += 8;
    else if (type === FIXED32) reader.pos += 4;
    else if (type === BYTES) {
      const length = this.varint(end);
      reader.pos += length;
    } else malformed(`a field of unknown kind ${type} at byte ${reader.pos}`);
    if (reader.pos > end) malformed(`the field at byte ${reader.pos} is longer than what holds it`);
    return reader.pos;
  }

  private require(type: number): void {
    if (this.type !== type) malformed(`a field of kind ${this.type} where kind ${type} belongs`);
  }

  /** The fields of the message that the field at hand is. */
  message(visit: (field: number) => void): void {
    this.require(BYTES);
    const stop = this.stop;
    this.varint(stop);
    this.fields(visit, stop);
  }

  /** The bytes of the field at hand, which are not copied. */
  bytes(): Uint8Array {
    this.require(BYTES);
    return this.reader.readBytes();
  }

  text(): string {
    this.require(BYTES);
    return this.reader.readString();
  }

  /** A whole number with sign; beyond 2⁵³ the nearest that a number holds. */
  integer(): number {
    this.require(VARINT);
    return this.reader.readVarint(true);
  }

  float(): number {
    this.require(FIXED32);
    return this.reader.readFloat();
  }

  /** Adds the whole numbers of a repeated field, packed or not. */
  integers(into: number[]): void {
    if (this.type === VARINT) into.push(this.integer());
    else this.packed(() => into.push(this.reader.readVarint(true)));
  }

  /** Adds the floats of a repeated field, packed or not. */
  floats(into: number[]): void {
    if (this.type === FIXED32) into.push(this.float());
    else this.packed(() => into.push(this.reader.readFloat()), 4);
  }

  /** Adds the doubles of a repeated field, packed or not. */
  doubles(into: number[]): void {
    if (this.type === FIXED64) into.push(this.reader.readDouble());
    else this.packed(() => into.push(this.reader.readDouble()), 8);
  }

  private packed(read: () => void, width = 1): void {
    this.require(BYTES);
    const stop = this.stop;
    this.varint(stop);
    if ((stop - this.reader.pos) % width !== 0) malformed(`a list that breaks off at byte ${stop}`);
    while (this.reader.pos < stop) {
      if (width === 1) {
        const at = this.reader.pos;
        this.varint(stop);
        this.reader.pos = at;
      }
      read();
    }
  }
}
