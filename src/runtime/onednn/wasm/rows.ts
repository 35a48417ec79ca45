// Kernels whose addresses are data: rows gathered and added at indices, the place of the largest value, samples of pictures.
// Each is a function `(from, to)` over rows; an index outside its array stops the step with a trap.
import { FunctionBuilder } from "../../../wasm/assembler.ts";
import { LANES } from "./access.ts";
import { type GridSample, gridSampleUnits, gridSampleWork, writeGridSample } from "./grid-sample.ts";

interface Gather {
  readonly kind: "gather";
  /** Rows of the source, and bytes of each. */
  readonly rows: number;
  readonly rowBytes: number;
  /** Indices. */
  readonly count: number;
}

interface ScatterAdd {
  readonly kind: "scatterAdd";
  /** Rows of the result, and float32 values in each. */
  readonly rows: number;
  readonly width: number;
  /** Indices. */
  readonly count: number;
}

interface Argmax {
  readonly kind: "argmax";
  readonly rows: number;
  /** Values in each row. */
  readonly width: number;
}

/** A kernel that goes row by row. */
export type RowKernel = Gather | ScatterAdd | Argmax | GridSample;

/** Rows that threads may share; scattered rows may meet, so one thread adds them all. */
export function rowUnits(kernel: RowKernel): number {
  switch (kernel.kind) {
    case "gather":
      return kernel.count;
    case "scatterAdd":
      return 1;
    case "argmax":
      return kernel.rows;
    case "gridSample":
      return gridSampleUnits(kernel);
  }
}

/** A rough number of vector instructions, for deciding whether sharing the work pays. */
export function rowWork(kernel: RowKernel): number {
  switch (kernel.kind) {
    case "gather":
      return kernel.count * (1 + kernel.rowBytes / (4 * LANES));
    case "scatterAdd":
      return kernel.count * (1 + kernel.width / LANES);
    case "argmax":
      return kernel.rows * kernel.width;
    case "gridSample":
      return gridSampleWork(kernel);
  }
}

/**
 * The kernel as a function.
 * @param slots places in the address table: the operands in the order of the graph, then the result
 * @param table address of the address table
 */
export function writeRows(kernel: RowKernel, slots: readonly number[], table: number): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32"]);
  const addresses = slots.map((slot) => {
    const local = f.local("i32");
    f.i32(table + 4 * slot)
      .memory("i32.load")
      .set(local);
    return local;
  });
  switch (kernel.kind) {
    case "gather":
      writeGather(f, kernel, addresses);
      break;
    case "scatterAdd":
      writeScatterAdd(f, kernel, addresses);
      break;
    case "argmax":
      writeArgmax(f, kernel, addresses);
      break;
    case "gridSample":
      writeGridSample(f, kernel, addresses);
  }
  return f;
}

const [FROM, TO] = [0, 1];

/** Runs `body` for each of the rows that the function is called for. */
function eachRow(f: FunctionBuilder, body: (row: number) => void): void {
  const row = f.local("i32");
  f.get(FROM).set(row);
  f.whileBelow(
    row,
    () => f.get(TO),
    () => {
      body(row);
      f.increase(row, 1);
    },
  );
}

/** Pushes the address of row number `row` (a local) of rows of so many bytes. */
function rowAddress(f: FunctionBuilder, start: number, row: number, bytes: number): FunctionBuilder {
  return f.get(start).get(row).i32(bytes).op("i32.mul", "i32.add");
}

/** A local with the index at `place`; a trap when there is no such row. */
function checkedIndex(f: FunctionBuilder, indices: number, place: number, rows: number): number {
  const index = f.local("i32");
  rowAddress(f, indices, place, 4).memory("i32.load").tee(index);
  f.i32(rows)
    .op("i32.ge_u")
    .when(() => f.op("unreachable"));
  return index;
}

function writeGather(f: FunctionBuilder, { rows, rowBytes }: Gather, addresses: readonly number[]): void {
  const [source, indices, target] = addresses as [number, number, number];
  eachRow(f, (row) => {
    const index = checkedIndex(f, indices, row, rows);
    rowAddress(f, target, row, rowBytes);
    rowAddress(f, source, index, rowBytes);
    if (rowBytes === 4) f.memory("i32.load").memory("i32.store");
    else f.i32(rowBytes).op("memory.copy");
  });
}

function writeScatterAdd(f: FunctionBuilder, { rows, width, count }: ScatterAdd, addresses: readonly number[]): void {
  const [source, indices, target] = addresses as [number, number, number];
  const [place, from, to, column] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const addRow = () => {
    const index = checkedIndex(f, indices, place, rows);
    rowAddress(f, source, place, 4 * width).set(from);
    rowAddress(f, target, index, 4 * width).set(to);
    f.i32(0).set(column);
    const step = (lanes: number) =>
      f.whileBelow(
        column,
        () => f.i32(width - lanes + 1),
        () => {
          f.get(to).get(to);
          if (lanes === LANES) f.memory("v128.load").get(from).memory("v128.load").op("f32x4.add").memory("v128.store");
          else f.memory("f32.load").get(from).memory("f32.load").op("f32.add").memory("f32.store");
          for (const local of [from, to]) f.increase(local, 4 * lanes);
          f.increase(column, lanes);
        },
      );
    step(LANES);
    step(1);
    f.increase(place, 1);
  };
  f.whileBelow(place, () => f.i32(count), addRow);
}

function writeArgmax(f: FunctionBuilder, { width }: Argmax, addresses: readonly number[]): void {
  const [source, target] = addresses as [number, number];
  const [at, column, best] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const [most, value] = [f.local("f32"), f.local("f32")];
  eachRow(f, (row) => {
    rowAddress(f, source, row, 4 * width).set(at);
    f.i32(0).set(column).i32(0).set(best).f32(Number.NEGATIVE_INFINITY).set(most);
    f.whileBelow(
      column,
      () => f.i32(width),
      () => {
        f.get(at).memory("f32.load").set(value);
        f.get(value)
          .get(most)
          .op("f32.gt")
          .when(() => f.get(value).set(most).get(column).set(best));
        f.increase(at, 4);
        f.increase(column, 1);
      },
    );
    rowAddress(f, target, row, 4);
    f.get(best).memory("i32.store");
  });
}
