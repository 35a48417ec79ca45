// Python pickles of dictionaries, lists, numbers, texts and NumPy arrays of bytes, as the Python version of CIFAR has them
// (protocol 2; Python's module pickletools describes each instruction). Pickles can call any function of Python: here nothing is
// called, and whatever is none of these is refused.

/** A NumPy array of uint8. */
export class PickledArray {
  shape: readonly number[] = [];
  /** The values in C order. */
  data: Uint8Array = new Uint8Array();
}

/** A function or class, by its name. */
class Global {
  constructor(readonly name: string) {}
}
/** A type of elements of arrays. */
class ElementType {
  constructor(readonly name: string) {}
}
const MARK = Symbol("mark");

/**
 * What a pickle holds, and what is on the stack of its machine. A `str` of Python 2 is bytes; a tuple is a list. Lists may hold
 * themselves, or the same one many times.
 */
export type Pickled =
  | null
  | boolean
  | number
  | Uint8Array
  | Pickled[]
  | Map<string, Pickled>
  | PickledArray
  | Global
  | ElementType
  | typeof MARK;

const RECONSTRUCT = /^numpy\._?core\.multiarray _reconstruct$/;
const BYTE = "u1";
/** Values that a pickle makes, at most: an instruction is one byte, what it makes may be a hundred. A file of CIFAR has some 200,000. */
const MOST_VALUES = 2_000_000;

/** Bytes of a key, or of the name of a type, at most: any number of them may be of the same long text of a file. */
const MOST_NAME = 1000;

const textOf = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

/** The text of a key, or of the name of a type. */
function nameOf(bytes: Uint8Array): string {
  if (bytes.length > MOST_NAME) throw new Error(`a name has ${bytes.length} bytes; expected at most ${MOST_NAME}`);
  return textOf(bytes);
}

/** The value of a pickle. @throws an error that says what is damaged, or is none of plain data and arrays of bytes */
export function unpickle(bytes: Uint8Array): Pickled {
  return new Unpickler(bytes).run();
}

/** The machine of a pickle: a stack, and a memo of values that are used again. */
class Unpickler {
  private readonly view: DataView;
  private readonly stack: Pickled[] = [];
  private readonly memo = new Map<number, Pickled>();
  private at = 0;
  private pushed = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Pickled {
    for (;;) {
      const place = this.at;
      const code = this.number(1);
      const instruction = String.fromCharCode(code);
      if (instruction === ".") return this.pop();
      const step = INSTRUCTIONS[instruction];
      if (!step) throw new Error(`unknown instruction ${code} at byte ${place}`);
      step(this);
    }
  }

  /** The next unsigned number of 1, 2 or 4 bytes. */
  number(size: 1 | 2 | 4): number {
    const from = this.take(size);
    return size === 1
      ? this.view.getUint8(from)
      : size === 2
        ? this.view.getUint16(from, true)
        : this.view.getUint32(from, true);
  }

  /** The next signed number of 4 bytes. */
  signed(): number {
    return this.view.getInt32(this.take(4), true);
  }

  /** The next bytes, not copied. */
  content(size: number): Uint8Array {
    const from = this.take(size);
    return this.bytes.subarray(from, from + size);
  }

  /** The next line, without its end. */
  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw new Error("it is cut short");
    const text = textOf(this.content(end - this.at));
    this.at++;
    return text;
  }

  private take(size: number): number {
    const from = this.at;
    if (from + size > this.bytes.length) throw new Error("it is cut short");
    this.at += size;
    return from;
  }

  push(entry: Pickled): void {
    if (++this.pushed > MOST_VALUES) throw new Error(`it makes more than ${MOST_VALUES} values`);
    this.stack.push(entry);
  }

  pop(): Pickled {
    const entry = this.stack.pop();
    if (entry === undefined || entry === MARK) throw new Error("its instructions do not fit together");
    return entry;
  }

  /** The last `count` entries, in order. */
  last(count: number): Pickled[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  /** The entries after the last mark, in order. */
  marked(): Pickled[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw new Error("its instructions do not fit together");
    const entries = this.stack.splice(mark);
    return entries.slice(1);
  }

  put(key: number): void {
    const entry = this.pop();
    this.memo.set(key, entry);
    this.push(entry);
  }

  get(key: number): void {
    const entry = this.memo.get(key);
    if (entry === undefined) throw new Error("its instructions do not fit together");
    this.push(entry);
  }

  /** Adds to the list on top. */
  append(entries: readonly Pickled[]): void {
    const list = this.pop();
    if (!Array.isArray(list)) throw new Error("it adds to what is no list");
    for (const entry of entries) list.push(entry);
    this.push(list);
  }

  /** Adds keys and values in turn to the dictionary on top. */
  setItems(entries: readonly Pickled[]): void {
    const map = this.pop();
    if (!(map instanceof Map)) throw new Error("it adds to what is no dictionary");
    for (let i = 0; i + 1 < entries.length; i += 2) {
      const key = entries[i];
      if (!(key instanceof Uint8Array)) throw new Error("a key is no text");
      map.set(nameOf(key), entries[i + 1]!);
    }
    this.push(map);
  }

  /** A call of a function: of the two that arrays are made with, what they stand for. */
  call(): void {
    const [made, given] = this.last(2);
    const name = made instanceof Global ? made.name : "what is no function";
    const [first] = Array.isArray(given) ? given : [];
    if (RECONSTRUCT.test(name)) this.push(new PickledArray());
    else if (name === "numpy dtype" && first instanceof Uint8Array) this.push(new ElementType(nameOf(first)));
    else throw new Error(`it calls ${name}, which is not done`);
  }

  /** Gives an object its state: an array has (version, shape, type, order, bytes). */
  build(): void {
    const [object, state] = this.last(2);
    if (object instanceof PickledArray) {
      const [, shape, type, inFortranOrder, data] = Array.isArray(state) ? state : [];
      if (!(type instanceof ElementType) || type.name !== BYTE || inFortranOrder !== false)
        throw new Error("it has an array that is not of bytes in C order");
      const isShape = Array.isArray(shape) && shape.every((size): size is number => typeof size === "number");
      if (!isShape || !(data instanceof Uint8Array)) throw new Error("it has a damaged array");
      object.shape = shape;
      // Not copied: a file may give the same bytes to any number of arrays.
      object.data = data;
      // Of a type of elements, the order of bytes: of single ones there is none.
    } else if (!(object instanceof ElementType)) throw new Error("it gives a state to what has none");
    this.push(object!);
  }
}

/** What each instruction of protocol 2 does, of those that plain data and arrays need. */
const INSTRUCTIONS: Readonly<Record<string, (machine: Unpickler) => void>> = {
  "\x80": (m) => m.number(1),
  "(": (m) => m.push(MARK),
  N: (m) => m.push(null),
  "\x88": (m) => m.push(true),
  "\x89": (m) => m.push(false),
  K: (m) => m.push(m.number(1)),
  M: (m) => m.push(m.number(2)),
  J: (m) => m.push(m.signed()),
  U: (m) => m.push(m.content(m.number(1))),
  T: (m) => m.push(m.content(m.number(4))),
  X: (m) => m.push(m.content(m.number(4))),
  "]": (m) => m.push([]),
  "}": (m) => m.push(new Map()),
  ")": (m) => m.push([]),
  t: (m) => m.push(m.marked()),
  "\x85": (m) => m.push(m.last(1)),
  "\x86": (m) => m.push(m.last(2)),
  "\x87": (m) => m.push(m.last(3)),
  a: (m) => m.append(m.last(1)),
  e: (m) => m.append(m.marked()),
  s: (m) => m.setItems(m.last(2)),
  u: (m) => m.setItems(m.marked()),
  q: (m) => m.put(m.number(1)),
  r: (m) => m.put(m.number(4)),
  h: (m) => m.get(m.number(1)),
  j: (m) => m.get(m.number(4)),
  c: (m) => m.push(new Global(`${m.line()} ${m.line()}`)),
  R: (m) => m.call(),
  b: (m) => m.build(),
};
