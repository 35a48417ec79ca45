// Weights of classes in the class loss, for data in which some classes are rare.
import { fail } from "../base/errors.ts";

/**
 * How much the examples of a class count in the class loss. With `none` all count the same; with `balanced` an example of
 * class c counts as 1 / (number of examples of c), so that all classes count the same in sum; with `sqrt` as the square root
 * of that; or as given by class name, where a class that is not named has weight 1.
 */
export type ClassWeighting = "none" | "balanced" | "sqrt" | Readonly<Record<string, number>>;

/**
 * The weight of each class in the class loss, scaled so that the mean over the labelled examples is 1.
 * @param labels of the training part, `[n]`; -1 for none
 * @param classes class names, by class number
 * @returns `[classes.length]`
 * @throws `E_OPTION` for the name of an unknown class, or a weight outside 0..1,000,000, or weights that are all 0
 */
export function classWeights(labels: Int32Array, classes: readonly string[], how: ClassWeighting): Float32Array {
  const counts = new Float64Array(classes.length);
  for (const label of labels) if (label >= 0) counts[label]!++;
  const raw = classes.map((name, k) => {
    if (how === "none") return 1;
    if (typeof how === "object") return Object.hasOwn(how, name) ? how[name]! : 1;
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
  if (n > 0 && total === 0)
    fail("E_OPTION", "--class-weights: every class that has pictures has weight 0; give one of them a weight above 0");
  return Float32Array.from(raw, (weight) => (total > 0 ? (weight * n) / total : 1));
}
