// Brings values into the cache of the core that needs them next. A primitive that reads channels-last pictures in slices of
// channels waits for each line from memory; read in order, lines come ahead of the need.
import { FunctionBuilder } from "../../../wasm/assembler.ts";

const LINE = 64;

/** A function `(from, to)` over bytes of the value in `slot`. What is read is added up into `sink`, so that it is read. */
export function writeFetch(slot: number, table: number, sink: number): FunctionBuilder {
  const f = new FunctionBuilder(["i32", "i32"]);
  const [at, end] = [0, 1];
  const sum = f.local("f32");
  for (const local of [at, end])
    f.i32(table + 4 * slot)
      .memory("i32.load")
      .get(local)
      .op("i32.add")
      .set(local);
  f.whileBelow(
    at,
    () => f.get(end),
    () => {
      f.get(sum).get(at).memory("f32.load").op("f32.add").set(sum);
      f.increase(at, LINE);
    },
  );
  return f.i32(sink).get(sum).memory("f32.store");
}
