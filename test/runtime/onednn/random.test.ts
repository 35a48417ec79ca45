// Random graphs: whatever is fused, viewed, kept in place or shared in memory, the values are those of the interpreter.
import { describe, it } from "vitest";
import { type NdArray, sizeOf, zeros } from "../../../src/base/array.ts";
import { interpret } from "../../../src/graph/interpret.ts";
import * as g from "../../../src/graph/ops/index.ts";
import { constant, input, type Tensor } from "../../../src/graph/tensor.ts";
import { Random } from "../../../src/random/random.ts";
import { onednnBackend } from "../../../src/runtime/onednn/backend.ts";
import { BACKENDS, expectClose, randomArray } from "../../helpers.ts";

/** Values stay within a few units, so that float32 is near float64: a few hundred roundings of 6e-8. */
const TOLERANCE = 5e-5;
const SIZES = [1, 2, 3, 4, 6, 8];

function build(random: Random): { outputs: Tensor[]; feeds: Record<string, NdArray> } {
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  const feeds: Record<string, NdArray> = {};
  const pool: Tensor[] = [];
  for (let i = 0; i < 3; i++) {
    const shape = Array.from({ length: 1 + random.integer(3) }, () => pick(SIZES));
    feeds[`x${i}`] = randomArray(shape, random.integer(1e6));
    pool.push(input(`x${i}`, shape));
  }
  feeds.taps = randomArray([3, 3, 4, 4], random.integer(1e6));
  const taps = input("taps", [3, 3, 4, 4]);
  feeds.halving = randomArray([4, 4, 4, 4], random.integer(1e6));
  const halving = input("halving", [4, 4, 4, 4]);
  /** A convolution with stride 1 or 2, or the adjoint of the latter, over some picture of four channels and a few rows. */
  const convolved = (x: Tensor): Tensor => {
    const rows = pick([1, 2, 3, 5, 6].filter((size) => sizeOf(x.shape) % (4 * size) === 0));
    const columns = sizeOf(x.shape) / rows / 4;
    const picture = g.reshape(x, [1, rows, columns, 4]);
    const way = random.integer(3);
    if (way === 0) return g.conv2d(picture, taps, { padding: "same" });
    if (way === 1) return g.conv2d(picture, halving, { stride: 2, padding: "same" });
    const size = [2 * rows - random.integer(2), 2 * columns - random.integer(2)] as const;
    return g.conv2dTranspose(picture, halving, size, { stride: 2, padding: "same" });
  };
  const moves: ((x: Tensor) => Tensor)[] = [
    (x) => g.reshape(x, [sizeOf(x.shape)]),
    (x) => (sizeOf(x.shape) % 2 === 0 ? g.reshape(x, [2, sizeOf(x.shape) / 2]) : x),
    (x) => g.transpose(x),
    (x) => g.reverse(x, random.integer(x.shape.length)),
    (x) => {
      const axis = random.integer(x.shape.length);
      const begin = random.integer(x.shape[axis]!);
      const stride = 1 + random.integer(2);
      return g.sliceAxis(x, axis, begin, x.shape[axis]!, stride);
    },
    (x) => g.broadcast(g.reshape(x, [1, ...x.shape]), [pick([2, 3]), ...x.shape]),
    (x) =>
      g.pad(
        x,
        x.shape.map(() => random.integer(2)),
        x.shape.map(() => random.integer(2)),
        0.5,
      ),
    (x) => g.concat([x, g.neg(x)], random.integer(x.shape.length)),
    (x) => g.gather(x, constant({ shape: [3], dtype: "int32", data: Int32Array.from([0, x.shape[0]! - 1, 0]) })),
  ];
  const ones: ((x: Tensor) => Tensor)[] = [
    g.relu,
    g.tanh,
    g.sigmoid,
    g.neg,
    g.abs,
    g.softplus,
    g.cos,
    (x) => g.step(x, 0.25),
    (x) => g.mul(x, 0.5),
    (x) => g.cast(g.greater(x, 0.1), "float32"),
    (x) => g.exp(g.clip(x, -2, 1)),
  ];
  const twos = [
    g.add,
    g.sub,
    g.mul,
    g.maximum,
    g.minimum,
    (a: Tensor, b: Tensor) => g.where(g.greater(a, b), a, g.mul(b, 0.5)),
  ];
  for (let i = 0; i < 14; i++) {
    const x = pick(pool);
    const kind = random.integer(11);
    let y: Tensor;
    if (kind < 3) y = pick(moves)(x);
    else if (kind < 5) y = pick(ones)(x);
    else if (kind < 8) {
      // An operand of the same size, the same last axis, or one value.
      const others = pool.filter((other) => sizeOf(other.shape) === sizeOf(x.shape));
      const partner = pick(others);
      const row = x.shape[x.shape.length - 1]!;
      const short = pool.filter((other) => sizeOf(other.shape) === row);
      const use =
        random.uniform() < 0.3 && short.length > 0 ? g.reshape(pick(short), [row]) : g.reshape(partner, x.shape);
      y = pick(twos)(x, use);
    } else if (kind === 8) {
      const axes = x.shape.map((_, axis) => axis).filter(() => random.uniform() < 0.5);
      y = axes.length > 0 ? (random.uniform() < 0.7 ? g.mean(x, axes) : g.max(x, axes)) : g.softmax(x);
    } else if (kind === 9 && sizeOf(x.shape) % 4 === 0) {
      y = g.tanh(convolved(x));
      if (sizeOf(y.shape) === sizeOf(x.shape)) y = g.reshape(y, x.shape);
    } else {
      const matrix = g.reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape[x.shape.length - 1]!]);
      y = g.tanh(
        random.uniform() < 0.5 ? g.matmul(matrix, matrix, true, false) : g.matmul(matrix, matrix, false, true),
      );
    }
    if (sizeOf(y.shape) > 0 && sizeOf(y.shape) < 3000 && y.shape.length > 0) pool.push(y);
  }
  const outputs = pool.slice(3).filter((_, i, all) => i >= all.length - 2 || random.uniform() < 0.2);
  return { outputs: outputs.length > 0 ? outputs : [g.neg(pool[0]!)], feeds };
}

describe.runIf(BACKENDS.some(({ name }) => name === "onednn"))("three hundred random graphs", () => {
  describe.each([
    [1, 4, ["long"]],
    [2, 4, []],
    [2, 0, ["long"]],
  ] as const)("on %i threads, convolutions in tiles of %i,", (threads, winograd, tags) => {
    it("have the interpreter's values", { tags: [...tags] }, async () => {
      for (let seed = 0; seed < 300; seed++) {
        const { outputs, feeds } = build(new Random(seed, "graph"));
        const named = Object.fromEntries(outputs.map((output, i) => [`y${i}`, output]));
        const executable = await onednnBackend({ threads, winograd }).compile(`${seed}`, named, { mode: "train" });
        const results = Object.fromEntries(outputs.map((output, i) => [`y${i}`, zeros(output.shape, output.dtype)]));
        const single = Object.fromEntries(
          Object.entries(feeds).map(([name, value]) => [name, { ...value, data: Float32Array.from(value.data) }]),
        );
        // Twice: the second time nothing is fresh.
        for (let time = 0; time < 2; time++) await executable.run(single, results);
        await executable.dispose();
        interpret(outputs, feeds).forEach(({ data }, i) => {
          expectClose(results[`y${i}`]!.data, data, TOLERANCE, `graph ${seed}, output ${i}`);
        });
      }
    });
  });
});
