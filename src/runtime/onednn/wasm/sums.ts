// Sums of multiples in few instructions: terms of one size are multiplied once, and a sum may be made of another and a few terms more.

/** A factor, and what it multiplies: a value by its number. */
export type Term = readonly [factor: number, value: number];

/** How one of several sums is made; what was made before it is numbered after the values. */
export interface PlannedSum {
  /** Which of the sums it is. */
  readonly index: number;
  readonly terms: readonly Term[];
}

/** How sums over `values` numbered values are made, in order: each alone, or out of one before it where that takes fewer instructions. */
export function planSums(sums: readonly (readonly Term[])[], values: number): PlannedSum[] {
  const plan: PlannedSum[] = [];
  const rest = sums.map((terms, index) => ({ index, terms: present(terms) }));
  rest.sort((a, b) => costOf(a.terms) - costOf(b.terms));
  const made: { readonly terms: readonly Term[]; readonly number: number }[] = [];
  for (const { index, terms } of rest) {
    let best = terms;
    for (const { terms: other, number } of made)
      for (const times of [1, -1, 2, -2]) {
        const difference = present([...terms, ...other.map(([factor, value]): Term => [-times * factor, value])]);
        const candidate: Term[] = [...difference, [times, number]];
        if (costOf(candidate) < costOf(best)) best = candidate;
      }
    if (terms.length > 1) made.push({ terms, number: values + plan.length });
    plan.push({ index, terms: best });
  }
  return plan;
}

/** Each value once, without those whose factors are zero in all. */
export function present(terms: readonly Term[]): Term[] {
  const factors = new Map<number, number>();
  for (const [factor, value] of terms) factors.set(value, (factors.get(value) ?? 0) + factor);
  return [...factors].filter(([, factor]) => factor !== 0).map(([value, factor]) => [factor, value]);
}

/** Terms of equal size, which are multiplied once; a positive one first in each and first of all, so that nothing is negated. */
export function groupsOf(terms: readonly Term[]): Term[][] {
  const groups = new Map<number, Term[]>();
  const sorted = [...terms].sort((a, b) => Number(b[0] > 0) - Number(a[0] > 0));
  for (const term of sorted) groups.set(Math.abs(term[0]), [...(groups.get(Math.abs(term[0])) ?? []), term]);
  return [...groups.values()];
}

/** Instructions of a sum. */
function costOf(terms: readonly Term[]): number {
  const groups = groupsOf(terms);
  const products = groups.filter(([term], i) => (i === 0 ? term![0] : Math.abs(term![0])) !== 1);
  return Math.max(0, terms.length - 1) + products.length;
}
