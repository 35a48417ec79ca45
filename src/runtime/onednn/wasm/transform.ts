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
      row.flatMap((factor, j): Term[] => (chosen(j) ? [[factor, values[j]]] : []));
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
      groups.map(({ row, other, even, odd }): Term => {
        const factor = matrix[row]![from + i]!;
        return [factor, factor === matrix[other]![from + i] ? even : odd];
      }),
    );
    return this.sums(terms);
  }

  /** Sums, of which one may be made of another and a few terms more. */
  private sums(all: readonly (readonly Term[])[]): Vector[] {
    const rest = all.map((terms, i) => ({ i, terms: present(terms) }));
    rest.sort((a, b) => costOf(a.terms) - costOf(b.terms));
    const made: Vector[] = [];
    const known: { readonly terms: readonly Present[]; readonly vector: number }[] = [];
    for (const { i, terms } of rest) {
      let best = terms;
      for (const { terms: other, vector } of known)
        for (const times of [1, -1, 2, -2]) {
          const ways = present([...terms, ...other.map(([factor, local]): Present => [-times * factor, local])]);
          const candidate: Present[] = [...ways, [times, vector]];
          if (costOf(candidate) < costOf(best)) best = candidate;
        }
      const vector = this.sum(best);
      made[i] = vector;
      if (vector !== undefined && terms.length > 1) known.push({ terms, vector });
    }
    return all.map((_, i) => made[i]);
  }

  /** A sum of multiples; those of zeros and by zero are left out. */
  private sum(all: readonly Term[]): Vector {
    const terms = present(all);
    if (terms.length === 0) return undefined;
    const { f } = this;
    const [[first, begin]] = terms as [Present];
    if (terms.length === 1 && first === 1) return begin;
    groupsOf(terms).forEach((group, i) => {
      const [[factor]] = group as [Present];
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

type Term = readonly [factor: number, vector: Vector];
type Present = readonly [factor: number, vector: number];

const plus = (vector: Vector): Term => [1, vector];
const minus = (vector: Vector): Term => [-1, vector];
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const all = (matrix: Matrix): Range => [0, matrix[0]!.length];

/** Each vector once, without those whose factors are zero in all. */
function present(terms: readonly Term[]): Present[] {
  const factors = new Map<number, number>();
  for (const [factor, vector] of terms)
    if (vector !== undefined) factors.set(vector, (factors.get(vector) ?? 0) + factor);
  return [...factors].filter(([, factor]) => factor !== 0).map(([vector, factor]) => [factor, vector]);
}

/** Terms of equal size, which are multiplied once; a positive one first in each and first of all, so that nothing is negated. */
function groupsOf(terms: readonly Present[]): Present[][] {
  const groups = new Map<number, Present[]>();
  const sorted = [...terms].sort((a, b) => Number(b[0] > 0) - Number(a[0] > 0));
  for (const term of sorted) groups.set(Math.abs(term[0]), [...(groups.get(Math.abs(term[0])) ?? []), term]);
  return [...groups.values()];
}

/** Instructions of a sum. */
function costOf(terms: readonly Present[]): number {
  const groups = groupsOf(terms);
  const products = groups.filter(([term], i) => (i === 0 ? term![0] : Math.abs(term![0])) !== 1);
  return Math.max(0, terms.length - 1) + products.length;
}

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
