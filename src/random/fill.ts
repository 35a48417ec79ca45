// Many uniform or normal numbers at once, by Threefry in WebAssembly: a batch of dropout masks takes a hundred thousand blocks.
import { FunctionBuilder } from "../wasm/assembler.ts";
import { instantiate } from "../wasm/module.ts";
import { writeNormalRadius, writeOfTurn } from "../wasm/vector-math.ts";
import { PARITY } from "./threefry.ts";

/** Rotations of the rounds, in turn; after every fourth the keys are added. */
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];
const ROUNDS = 20;
const LANES = 4;
/** Vectors of blocks computed side by side, as each round waits for the one before. */
const SIDE_BY_SIDE = 4;
/** Blocks that the kernel computes in a turn. */
const TURN = LANES * SIDE_BY_SIDE;
/** Blocks whose numbers fit the kernel's memory. */
const MOST = 2 ** 14;

interface Kernels {
  readonly run: Readonly<Record<Distribution, (...args: number[]) => void>>;
  /** What they write. */
  readonly values: Float32Array;
}

/** Writes what turns the words of blocks, in locals `x` and `y`, into numbers in the same locals. */
type Turning = (f: FunctionBuilder, x: number, y: number) => void;

/** In (0, 1), from the upper 23 bits: the largest value stays below 1 in float32. */
const uniform: Turning = (f, x, y) => {
  for (const word of [x, y]) {
    f.get(word).i32(9).op("i32x4.shr_u", "f32x4.convert_i32x4_s");
    f.floats(0.5)
      .op("f32x4.add")
      .floats(2 ** -23);
    f.op("f32x4.mul").set(word);
  }
};

/** √(-2 ln u) times cosine and sine of 2πv (Box & Muller 1958), u from all bits of the first word, v of the second. */
const normal: Turning = (f, x, y) => {
  const radius = f.local("v128");
  f.get(x)
    .op("f32x4.convert_i32x4_u")
    .floats(0.5)
    .op("f32x4.add")
    .floats(2 ** -32);
  f.op("f32x4.mul").set(radius);
  writeNormalRadius(f, radius);
  f.set(radius);
  writeOfTurn(f, y);
  f.get(radius).op("f32x4.mul").set(y);
  f.get(radius).op("f32x4.mul").set(x);
};

/** How the numbers are spread: `uniform` in (0, 1), `normal` with mean 0 and variance 1. */
export type Distribution = "uniform" | "normal";

let kernels: Kernels | undefined;

/**
 * Fills `out` with the two numbers of each block, as many as fit.
 * @param k0, k1 the key of Threefry
 * @param counter number of the first block, a whole number below 2^53
 */
export function fill(distribution: Distribution, k0: number, k1: number, counter: number, out: Float32Array): void {
  kernels ??= compile();
  const run = kernels.run[distribution];
  for (let at = 0; at < out.length; ) {
    const block = counter + at / 2;
    const [low, high] = [block % 0x1_0000_0000, Math.floor(block / 0x1_0000_0000)];
    const count = Math.min(Math.ceil((out.length - at) / 2), MOST, 0x1_0000_0000 - low);
    run(count, k0 | 0, k1 | 0, low | 0, high | 0);
    const length = Math.min(2 * count, out.length - at);
    out.set(kernels.values.subarray(0, length), at);
    at += length;
  }
}

/** Both in one memory: each costs the process addresses. */
function compile(): Kernels {
  const { run, buffer } = instantiate({ uniform: writeFill(uniform), normal: writeFill(normal) }, 8 * MOST);
  return { run, values: new Float32Array(buffer) };
}

/** Blocks from counter (c0, c1) on, whole turns of them, as numbers from address 0 on. */
function writeFill(turning: Turning): FunctionBuilder {
  const [blocks, k0, k1, c0, c1] = [0, 1, 2, 3, 4];
  const f = new FunctionBuilder(["i32", "i32", "i32", "i32", "i32"]);
  const keys = [0, 1, 2].map(() => f.local("v128"));
  const high = f.local("v128");
  for (const [local, source] of [
    [keys[0]!, k0],
    [keys[1]!, k1],
    [high, c1],
  ] as const)
    f.get(source).op("i32x4.splat").set(local);
  f.ints(PARITY).get(keys[0]!).op("v128.xor").get(keys[1]!).op("v128.xor").set(keys[2]!);
  const chains = Array.from({ length: SIDE_BY_SIDE }, (_, i) => ({
    counter: f.local("v128"),
    x: f.local("v128"),
    y: f.local("v128"),
    first: i * LANES,
  }));
  for (const { counter, first } of chains) {
    f.get(c0).op("i32x4.splat");
    f.lanes(Array.from({ length: LANES }, (_, lane) => first + lane));
    f.op("i32x4.add").set(counter);
  }
  const [done, address] = [f.local("i32"), f.local("i32")];
  f.whileBelow(
    done,
    () => f.get(blocks),
    () => {
      for (const { counter, x, y } of chains) {
        f.get(counter).get(keys[0]!).op("i32x4.add").set(x);
        f.get(high).get(keys[1]!).op("i32x4.add").set(y);
      }
      for (let round = 0; round < ROUNDS; round++) {
        const bits = ROTATIONS[round % ROTATIONS.length]!;
        for (const { x, y } of chains) f.get(x).get(y).op("i32x4.add").set(x);
        for (const { x, y } of chains) {
          f.get(y).i32(bits).op("i32x4.shl").get(y);
          f.i32(32 - bits).op("i32x4.shr_u", "v128.or");
          f.get(x).op("v128.xor").set(y);
        }
        if (round % 4 !== 3) continue;
        const injection = (round + 1) / 4;
        for (const { x, y } of chains) {
          f.get(x)
            .get(keys[injection % 3]!)
            .op("i32x4.add")
            .set(x);
          f.get(y)
            .get(keys[(injection + 1) % 3]!)
            .op("i32x4.add")
            .ints(injection)
            .op("i32x4.add")
            .set(y);
        }
      }
      chains.forEach(({ counter, x, y }, i) => {
        turning(f, x, y);
        // A block's two words are neighbours.
        f.get(address)
          .get(x)
          .get(y)
          .shuffle([0, 4, 1, 5])
          .memory("v128.store", 32 * i);
        f.get(address)
          .get(x)
          .get(y)
          .shuffle([2, 6, 3, 7])
          .memory("v128.store", 32 * i + 16);
        f.get(counter).ints(TURN).op("i32x4.add").set(counter);
      });
      f.increase(address, 8 * TURN);
      f.increase(done, TURN);
    },
  );
  return f;
}
