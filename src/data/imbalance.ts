// Weights of classes in the class loss, for data in which some classes are rare.
import { fail } from "../base/errors.ts";

/**
 * `none`: 1. `balanced`: n / (classes · n_c), as rare classes count as much as frequent ones in all. `sqrt`: its square
 * root, a middle way. Or weights by class name. All are scaled so that the mean over labelled examples is 1.
 */
export type ClassWeighting = "none" | "balanced" | "sqrt" | Readonly<Record<string, number>>;

/** Weights by class number for the labels of a training part (-1: none). @throws `E_OPTION` for an unknown class or a weight below 0 */
export function classWeights(labels: Int32Array, classes: readonly string[], how: ClassWeighting): Float32Array {
  const counts = new Float64Array(classes.length);
  for (const label of labels) if (label >= 0) counts[label]!++;
  const raw = classes.map((name, k) => {
    if (how === "none") return 1;
    if (typeof how === "object") return how[name] ?? 1;
    const inverse = 1 / Math.max(1, counts[k]!);
    return how === "balanced" ? inverse : Math.sqrt(inverse);
  });
  if (typeof how === "object")
    for (const [name, weight] of Object.entries(how)) {
      if (!classes.includes(name))
        fail("E_OPTION", `--class-weights: no class "${name}"; the data has ${classes.join(", ")}`);
      if (!(weight >= 0 && weight <= 1e6))
        fail("E_OPTION", `--class-weights ${name}=${weight}: expected a number in 0..1000000`);
    }
  const n = counts.reduce((a, b) => a + b, 0);
  const total = raw.reduce((sum, weight, k) => sum + weight * counts[k]!, 0);
  return Float32Array.from(raw, (weight) => (total > 0 ? (weight * n) / total : 1));
}
