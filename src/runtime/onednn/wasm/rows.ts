// Kernels whose addresses are data: rows gathered and added at indices, the place of the largest value. Each is a function
// `(from, to)` over rows; an index outside its array stops the step with a trap.
import { FunctionBuilder } from "../../../base/assembler.ts";

export type RowKernel =
  | { readonly kind: "gather"; readonly rows: number; readonly rowBytes: number; readonly count: number }
  | { readonly kind: "scatterAdd"; readonly rows: number; readonly width: number; readonly count: number }
  | { readonly kind: "argmax"; readonly rows: number; readonly width: number };

/** Rows that threads may share; scattered rows may meet, so one thread adds them all. */
export function rowUnits(kernel: RowKernel): number {
  if (kernel.kind === "scatterAdd") return 1;
  return kernel.kind === "gather" ? kernel.count : kernel.rows;
}

/** `slots`: the source, the indices where there are any, the result. */
export function writeRows(kernel: RowKernel, slots: readonly number[], table: number): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32"]);
  const base = (place: number) => {
    const local = f.local("i32");
    f.i32(table + 4 * slots[place]!)
      .memory("i32.load")
      .set(local);
    return local;
  };
  const row = f.local("i32");
  const count = (limit: () => void, body: () => void) =>
    f.whileBelow(row, limit, () => {
      body();
      f.increase(row, 1);
    });
  /** Address of row `index()` of rows of `bytes`. */
  const rowAddress = (start: number, index: () => void, bytes: number) => {
    f.get(start);
    index();
    return f.i32(bytes).op("i32.mul", "i32.add");
  };
  const checkedIndex = (indices: number, rows: number) => {
    const index = f.local("i32");
    rowAddress(indices, () => f.get(row), 4)
      .memory("i32.load")
      .tee(index);
    f.i32(rows)
      .op("i32.ge_u")
      .when(() => f.op("unreachable"));
    return index;
  };
  if (kernel.kind === "gather") {
    const [source, indices, target] = [base(0), base(1), base(2)];
    f.get(0).set(row);
    count(
      () => f.get(1),
      () => {
        const index = checkedIndex(indices, kernel.rows);
        rowAddress(target, () => f.get(row), kernel.rowBytes);
        rowAddress(source, () => f.get(index), kernel.rowBytes);
        if (kernel.rowBytes === 4) f.memory("i32.load").memory("i32.store");
        else f.i32(kernel.rowBytes).op("memory.copy");
      },
    );
  } else if (kernel.kind === "scatterAdd") {
    const [source, indices, target] = [base(0), base(1), base(2)];
    const [from, to, column] = [f.local("i32"), f.local("i32"), f.local("i32")];
    count(
      () => f.i32(kernel.count),
      () => {
        const index = checkedIndex(indices, kernel.rows);
        rowAddress(source, () => f.get(row), 4 * kernel.width).set(from);
        rowAddress(target, () => f.get(index), 4 * kernel.width).set(to);
        f.i32(0).set(column);
        const step = (lanes: number) =>
          f.whileBelow(
            column,
            () => f.i32(kernel.width - lanes + 1),
            () => {
              f.get(to).get(to);
              if (lanes === 4) f.memory("v128.load").get(from).memory("v128.load").op("f32x4.add").memory("v128.store");
              else f.memory("f32.load").get(from).memory("f32.load").op("f32.add").memory("f32.store");
              for (const local of [from, to])
                f.get(local)
                  .i32(4 * lanes)
                  .op("i32.add")
                  .set(local);
              f.increase(column, lanes);
            },
          );
        step(4);
        step(1);
      },
    );
  } else {
    const [source, target] = [base(0), base(1)];
    const [at, column, best] = [f.local("i32"), f.local("i32"), f.local("i32")];
    const most = f.local("f32");
    const value = f.local("f32");
    f.get(0).set(row);
    count(
      () => f.get(1),
      () => {
        rowAddress(source, () => f.get(row), 4 * kernel.width).set(at);
        f.i32(0).set(column).i32(0).set(best).f32(Number.NEGATIVE_INFINITY).set(most);
        f.whileBelow(
          column,
          () => f.i32(kernel.width),
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
        rowAddress(target, () => f.get(row), 4);
        f.get(best).memory("i32.store");
      },
    );
  }
  return f;
}
