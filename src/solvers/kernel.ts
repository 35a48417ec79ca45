// The radial kernel of one row of numbers with many, in WebAssembly: sixteen rows at a time.
import { FunctionBuilder } from "../wasm/assembler.ts";
import { instantiate } from "../wasm/module.ts";
import { writeMath } from "../wasm/vector-math.ts";

/** Rows of a block, which lie number by number beside each other, and of a vector. */
const [BLOCK, LANES] = [16, 4];
/** Where -γ, the square of the asked row, and the row itself are. */
const [SCALE, OWN, POINT] = [0, 4, 16];

/** exp(-γ |x - y|²) of rows x that are loaded and a row y that is asked. */
export class RadialKernel {
  private readonly run: (blocks: number, bytes: number, squares: number, out: number, rows: number) => void;
  private readonly memory: Float32Array;
  /** Places in the memory. */
  private readonly squares: number;
  private readonly out: number;
  private readonly rows: number;
  private blocks = 0;

  /**
   * @param most rows that there is room for
   * @param d numbers of a row
   * @throws `E_BACKEND` where the process may not have the memory
   */
  constructor(
    most: number,
    private readonly d: number,
  ) {
    const room = BLOCK * Math.ceil(most / BLOCK);
    this.squares = POINT / 4 + LANES * Math.ceil(d / LANES);
    this.out = this.squares + room;
    this.rows = this.out + room;
    const { run, buffer } = instantiate({ row: writeRow() }, 4 * (this.rows + room * d));
    this.run = run.row;
    this.memory = new Float32Array(buffer);
  }

  /** Loads rows `[n, d]`, in place of those before. */
  load(rows: Float32Array, gamma: number): void {
    const { d, memory } = this;
    const n = rows.length / d;
    this.blocks = Math.ceil(n / BLOCK);
    memory[SCALE / 4] = -gamma;
    for (let i = 0; i < n; i++) {
      const from = this.rows + Math.floor(i / BLOCK) * BLOCK * d + (i % BLOCK);
      let square = 0;
      for (let k = 0; k < d; k++) {
        const value = rows[i * d + k]!;
        memory[from + k * BLOCK] = value;
        square += value * value;
      }
      memory[this.squares + i] = square;
    }
  }

  /** The kernel of row `i` of `points` `[…, d]` with the first `out.length` of the rows. */
  of(points: Float32Array, i: number, out: Float32Array): void {
    const { d, memory } = this;
    let square = 0;
    for (let k = 0; k < d; k++) {
      const value = points[i * d + k]!;
      memory[POINT / 4 + k] = value;
      square += value * value;
    }
    memory[OWN / 4] = square;
    this.run(this.blocks, 4 * d, 4 * this.squares, 4 * this.out, 4 * this.rows);
    out.set(memory.subarray(this.out, this.out + out.length));
  }
}

/** Whole blocks of kernels: |x|² + |y|² - 2 x y, which is not below 0, times -γ, and e to that power. */
function writeRow(): FunctionBuilder {
  const [blocks, bytes, squares, out, rows] = [0, 1, 2, 3, 4];
  const f = new FunctionBuilder(["i32", "i32", "i32", "i32", "i32"]);
  const [block, at] = [f.local("i32"), f.local("i32")];
  const [scale, own, x] = [f.local("v128"), f.local("v128"), f.local("v128")];
  const sums = Array.from({ length: BLOCK / LANES }, () => f.local("v128"));
  f.i32(SCALE).memory("v128.load32_splat").set(scale);
  f.i32(OWN).memory("v128.load32_splat").set(own);
  f.whileBelow(
    block,
    () => f.get(blocks),
    () => {
      for (const sum of sums) f.floats(0).set(sum);
      f.i32(0).set(at);
      f.whileBelow(
        at,
        () => f.get(bytes),
        () => {
          f.get(at).memory("v128.load32_splat", POINT).set(x);
          for (const [i, sum] of sums.entries())
            f.get(rows)
              .memory("v128.load", 16 * i)
              .get(x)
              .op("f32x4.mul")
              .get(sum)
              .op("f32x4.add")
              .set(sum);
          f.increase(rows, 4 * BLOCK);
          f.increase(at, 4);
        },
      );
      for (const [i, sum] of sums.entries()) {
        f.get(squares)
          .memory("v128.load", 16 * i)
          .get(own)
          .op("f32x4.add");
        f.get(sum).floats(2).op("f32x4.mul", "f32x4.sub").floats(0).op("f32x4.pmax");
        f.get(scale).op("f32x4.mul").set(x);
        f.get(out);
        writeMath("exp", f, x);
        f.memory("v128.store", 16 * i);
      }
      f.increase(squares, 4 * BLOCK);
      f.increase(out, 4 * BLOCK);
      f.increase(block, 1);
    },
  );
  return f;
}
