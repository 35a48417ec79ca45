// How well the probability of each class finds its examples among all: areas under ROC and precision-recall curves, one class
// against the rest.
import { type DetectionMetrics, detectionMetrics } from "./detection.ts";

/** Means over the classes that some examples are of and some are not. */
export interface ClassAreas {
  /** Area under the ROC curve, 0..1; 0.5 for chance. */
  readonly auroc: number;
  /** Average precision, 0..1; for chance, the share of the class. */
  readonly averagePrecision: number;
}

/** Of each class, how well its probability finds its examples; undefined for a class that none or all of them are of. */
export const areasOfClasses = (
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
): (DetectionMetrics | undefined)[] =>
  Array.from({ length: k }, (_, c) => {
    const [own, others]: [number[], number[]] = [[], []];
    for (let i = 0; i < labels.length; i++)
      if (labels[i]! >= 0) (labels[i] === c ? own : others).push(probabilities[i * k + c]!);
    return own.length > 0 && others.length > 0 ? detectionMetrics(others, own) : undefined;
  });

/** The areas, as scikit-learn has them. Arrays are those of `classificationMetrics`. @returns undefined without such a class */
export function classAreas(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
): ClassAreas | undefined {
  const found = areasOfClasses(probabilities, labels, k).filter((areas) => areas !== undefined);
  if (found.length === 0) return undefined;
  const mean = (pick: (areas: (typeof found)[number]) => number) =>
    found.reduce((sum, areas) => sum + pick(areas), 0) / found.length;
  return { auroc: mean(({ auroc }) => auroc), averagePrecision: mean(({ aupr }) => aupr) };
}
