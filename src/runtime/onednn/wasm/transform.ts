// The transforms of Winograd's convolutions (graph/winograd.ts) as vector instructions.
import type { Matrix } from "../../../graph/winograd.ts";
import type { FunctionBuilder } from "../../../wasm/assembler.ts";
import { groupsOf, type PlannedSum, planSums, present, type Term } from "./sums.ts";

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
const FACTORS = [2, 3, 4, 5, 8];

/** Loads the value at row `i` and column `j`. */
type Load = (i: number, j: number) => Vector;
/** Where vectors are stored, a row and a column of them. */
export interface Stage {
  load(i: number, j: number): void;
  store(i: number, j: number, vector: Vector): void;
}
/** Stores a result. */
type Store = (i: number, j: number, vector: Vector) => void;
/** Results `[from, to)` along one axis. */
type Range = readonly [from: number, to: number];

/**
 * Linear maps of vectors, along one axis and then the other. What is between them is stored and loaded again: V8 orders pure
 * operations as late as it can and loads as they are written, so that it would keep whatever is loaded in advance.
 */
export class Transform {
  private readonly factors = new Map<number, number>();
  private readonly plans = new Map<string, readonly PlannedSum[]>();

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
        store(i, j, vector);
      });
    }
  }

  private loaded(stage: Stage, i: number, j: number): number {
    stage.load(i, j);
    return this.pool.keep();
  }

  /** Points that differ in their sign have the same even terms. */
  private evaluate(matrix: Matrix, values: readonly Vector[]): Vector[] {
    const terms = (row: readonly number[], chosen: (j: number) => boolean = () => true) =>
      row.flatMap((factor, j): MaybeTerm[] => (chosen(j) ? [[factor, values[j]]] : []));
    const groups = pointGroups(matrix);
    const alone = groups.filter((group) => group.length === 1).map(([row]) => terms(matrix[row!]!));
    const sums = this.sums(alone);
    return groups.flatMap((group) => {
      const [one, other] = group.map((row) => matrix[row]!) as [readonly number[], (readonly number[])?];
      if (!other) return [sums.shift()];
      const even = this.sum(terms(one, (j) => one[j] === other[j]));
      const odd = this.sum(terms(one, (j) => one[j] !== other[j]));
      return [this.sum([plus(even), plus(odd)]), this.sum([plus(even), minus(odd)])];
    });
  }

  /** The transpose: values at points that differ in their sign are added and subtracted first. */
  private combine(matrix: Matrix, values: readonly Vector[], [from, to]: Range): Vector[] {
    const groups = pointGroups(matrix).map(([one, other]) => {
      if (other === undefined) return { row: one!, other: one!, even: values[one!], odd: values[one!] };
      const even = this.sum([plus(values[one!]), plus(values[other])]);
      const odd = this.sum([plus(values[one!]), minus(values[other])]);
      return { row: one!, other, even, odd };
    });
    const terms = range(to - from).map((i) =>
      groups.map(({ row, other, even, odd }): MaybeTerm => {
        const factor = matrix[row]![from + i]!;
        return [factor, factor === matrix[other]![from + i] ? even : odd];
      }),
    );
    return this.sums(terms);
  }

  /** Sums, of which one may be made of another; how, is the same from one tile to the next. */
  private sums(all: readonly (readonly MaybeTerm[])[]): Vector[] {
    const rows = all.map(known);
    const locals = [...new Set(rows.flat().map(([, local]) => local))];
    const numbered = rows.map((terms) => terms.map(([factor, local]): Term => [factor, locals.indexOf(local)]));
    const key = JSON.stringify(numbered);
    const plan = this.plans.get(key) ?? planSums(numbered, locals.length);
    this.plans.set(key, plan);
    const made: Vector[] = [];
    const vectors: Vector[] = [...locals];
    for (const { index, terms } of plan) {
      made[index] = this.sum(terms.map(([factor, value]): MaybeTerm => [factor, vectors[value]]));
      vectors.push(made[index]);
    }
    return all.map((_, i) => made[i]);
  }

  /** A sum of multiples; those of zeros and by zero are left out. */
  private sum(all: readonly MaybeTerm[]): Vector {
    const terms = present(known(all));
    if (terms.length === 0) return undefined;
    const { f } = this;
    const [[first, begin]] = terms as [Term];
    if (terms.length === 1 && first === 1) return begin;
    groupsOf(terms).forEach((group, i) => {
      const [[factor]] = group as [Term];
      group.forEach(([own, local], j) => {
        f.get(local);
        if (j > 0) f.op(own === factor ? "f32x4.add" : "f32x4.sub");
      });
      const size = i === 0 ? factor : Math.abs(factor);
      if (size !== 1) this.factor(size).op("f32x4.mul");
      if (i > 0) f.op(factor > 0 ? "f32x4.add" : "f32x4.sub");
    });
    return this.pool.keep();
  }

  private factor(size: number): FunctionBuilder {
    const local = this.factors.get(size);
    return local === undefined ? this.f.floats(size) : this.f.get(local);
  }
}

type MaybeTerm = readonly [factor: number, vector: Vector];

const plus = (vector: Vector): MaybeTerm => [1, vector];
const minus = (vector: Vector): MaybeTerm => [-1, vector];
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const all = (matrix: Matrix): Range => [0, matrix[0]!.length];

/** Terms but for those of zeros. */
const known = (terms: readonly MaybeTerm[]): Term[] =>
  terms.filter((term): term is Term => term[1] !== undefined && term[0] !== 0);

/** Points: two neighbours that differ in their sign together, the others alone. */
function pointGroups(matrix: Matrix): number[][] {
  const groups: number[][] = [];
  for (let row = 0; row < matrix.length; row++) {
    const next = matrix[row + 1];
    const isPair = next?.every((factor, j) => Math.abs(factor) === Math.abs(matrix[row]![j]!));
    groups.push(isPair ? [row, ++row] : [row]);
  }
  return groups;
}
