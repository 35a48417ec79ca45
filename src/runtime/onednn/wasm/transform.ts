// The transforms of Winograd's convolutions (graph/winograd.ts) as vector instructions.
import type { Matrix } from "../../../graph/winograd.ts";
import type { FunctionBuilder } from "../../../wasm/assembler.ts";

/** A local with four floats; undefined: zeros, which cost nothing. */
export type Vector = number | undefined;

/** Vectors that are used again from one tile to the next. */
export class VectorPool {
  private readonly locals: number[] = [];
  private used = 0;

  constructor(private readonly f: FunctionBuilder) {}

  /** Pops the vector on the stack into a local. */
  keep(): number {
    const local = (this.locals[this.used++] ??= this.f.local("v128"));
    this.f.set(local);
    return local;
  }

  /** Ends the use of all. */
  reset(): void {
    this.used = 0;
  }
}

/** What values are multiplied by again and again: in variables, so that they need not be loaded anew. */
const FACTORS = [2, 4, 5, 8];

/** Loads the value at row `i` and column `j`. */
type Load = (i: number, j: number) => Vector;
/** Where vectors are stored, a row and a column of them. */
export interface Stage {
  load(i: number, j: number): void;
  store(i: number, j: number, vector: Vector): void;
}
/** Stores a result. */
type Store = (i: number, j: number, vector: number) => void;
/** Results `[from, to)` along one axis. */
type Range = readonly [from: number, to: number];

/**
 * Linear maps of vectors, along one axis and then the other. What is between them is stored and loaded again: V8 orders pure
 * operations as late as it can and loads as they are written, so that it would keep whatever is loaded in advance.
 */
export class Transform {
  private readonly factors = new Map<number, number>();

  constructor(
    private readonly f: FunctionBuilder,
    private readonly pool: VectorPool,
  ) {
    for (const factor of FACTORS) {
      const local = f.local("v128");
      f.floats(factor).set(local);
      this.factors.set(factor, local);
    }
  }

  /** `matrix` on values along both axes, points by points of `stage`. */
  toPoints(matrix: Matrix, load: Load, stage: Stage): void {
    const columns = range(matrix[0]!.length);
    const rows = range(matrix.length);
    for (const j of columns) {
      const values = columns.map((i) => load(i, j));
      this.evaluate(matrix, values).forEach((vector, i) => {
        stage.store(i, j, vector);
      });
    }
    for (const i of rows) {
      const values = columns.map((j) => this.loaded(stage, i, j));
      this.evaluate(matrix, values).forEach((vector, j) => {
        stage.store(i, j, vector);
      });
    }
  }

  /** The transpose of `matrix` on values at the points of `stage`, along both axes; only results within `rows` and `columns`. */
  fromPoints(
    matrix: Matrix,
    load: Load,
    stage: Stage,
    store: Store,
    rows: Range = all(matrix),
    columns: Range = all(matrix),
  ): void {
    const points = range(matrix.length);
    for (const j of points) {
      const values = points.map((i) => load(i, j));
      this.combine(matrix, values, rows).forEach((vector, i) => {
        stage.store(i, j, vector);
      });
    }
    for (let i = 0; i < rows[1] - rows[0]; i++) {
      const values = points.map((j) => this.loaded(stage, i, j));
      this.combine(matrix, values, columns).forEach((vector, j) => {
        store(i, j, vector!);
      });
    }
  }

  private loaded(stage: Stage, i: number, j: number): number {
    stage.load(i, j);
    return this.pool.keep();
  }

  /** Rows of the matrix but the first and the last are pairs, of points that differ in their sign: both have the same even terms. */
  private evaluate(matrix: Matrix, values: readonly Vector[]): Vector[] {
    return pointGroups(matrix).flatMap((rows) => {
      const [one, other] = rows.map((row) => matrix[row]!) as [readonly number[], (readonly number[])?];
      const terms = (chosen: (factor: number, j: number) => boolean) =>
        one.flatMap((factor, j): Term[] => (chosen(factor, j) ? [[factor, values[j]]] : []));
      if (!other) return [this.sum(terms(() => true))];
      const even = this.sum(terms((factor, j) => factor === other[j]));
      const odd = this.sum(terms((factor, j) => factor !== other[j]));
      return [this.sum([plus(even), plus(odd)]), this.sum([plus(even), minus(odd)])];
    });
  }

  /** The transpose: values at points that differ in their sign are added and subtracted first. */
  private combine(matrix: Matrix, values: readonly Vector[], [from, to]: Range): Vector[] {
    const groups = pointGroups(matrix).map(([one, other]) =>
      other === undefined
        ? { row: one!, even: values[one!], odd: values[one!] }
        : {
            row: one!,
            even: this.sum([plus(values[one!]), plus(values[other])]),
            odd: this.sum([plus(values[one!]), minus(values[other])]),
          },
    );
    return range(to - from).map((i) => {
      const isEven = matrix[1]![from + i] === matrix[2]![from + i];
      return this.sum(groups.map(({ row, even, odd }) => [matrix[row]![from + i]!, isEven ? even : odd]));
    });
  }

  /** A sum of multiples; those of zeros and by zero are left out. */
  private sum(all: readonly Term[]): Vector {
    const terms = all.filter((term): term is [number, number] => term[0] !== 0 && term[1] !== undefined);
    if (terms.length === 0) return undefined;
    // A positive term first, so that nothing is negated.
    terms.sort((a, b) => Number(b[0] > 0) - Number(a[0] > 0));
    const { f } = this;
    const [[first, begin]] = terms as [[number, number]];
    if (terms.length === 1 && first === 1) return begin;
    const common = terms.every(([factor]) => Math.abs(factor) === Math.abs(first)) ? first : 1;
    terms.forEach(([factor, local], i) => {
      const own = factor / common;
      f.get(local);
      const size = i === 0 ? own : Math.abs(own);
      if (size !== 1) this.factor(size).op("f32x4.mul");
      if (i > 0) f.op(own > 0 ? "f32x4.add" : "f32x4.sub");
    });
    if (common !== 1) this.factor(common).op("f32x4.mul");
    return this.pool.keep();
  }

  private factor(size: number): FunctionBuilder {
    const local = this.factors.get(size);
    return local === undefined ? this.f.floats(size) : this.f.get(local);
  }
}

type Term = readonly [factor: number, vector: Vector];

const plus = (vector: Vector): Term => [1, vector];
const minus = (vector: Vector): Term => [-1, vector];
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const all = (matrix: Matrix): Range => [0, matrix[0]!.length];

/** Points: those that differ in their sign together, the first and the last alone. */
function pointGroups({ length }: Matrix): number[][] {
  const pairs = range(length / 2 - 1).map((i) => [2 * i + 1, 2 * i + 2]);
  return [[0], ...pairs, [length - 1]];
}
