// Which generated pictures are worth training on: those that teachers take for the class that was asked for, and that are as
// far from the real pictures of the class as these are from each other, neither copies nor of another kind.
import { nearestDistances, neighbourDistances, type Rows } from "../metrics/nearest.ts";
import { quantile } from "../metrics/quantile.ts";
import type { Teachers } from "./teachers.ts";

/** The least probability of the class that was asked for. */
const SURE = 0.7;
/** The quantiles of the distances of real pictures to their nearest other ones that bound those of generated pictures. */
const [NEAREST, FARTHEST] = [0.05, 0.99];

/**
 * What is found of a new picture: it passes; teachers do not take it for its class; it is nearer to a real picture than real ones are to
 * each other; or farther.
 */
export const VERDICTS = ["passed", "doubted", "copied", "strayed"] as const;
/** One of `VERDICTS`. */
export type Verdict = (typeof VERDICTS)[number];

/** What is found of some pictures. */
export interface Found {
  readonly verdicts: readonly Verdict[];
  /** `[n, classes]`: those of the teachers. */
  readonly probabilities: Float64Array;
}

/** Judges pictures of bytes `[n, h, w, c]`, drawn as of the class `label`. */
export type ClassFilter = (picture: Uint8Array, label: number) => Promise<Found>;

/** The filter by teachers. @param real pictures by class, each bytes `[n, h, w, c]` of at least two */
export async function classFilter(
  teachers: Pick<Teachers, "judge">,
  real: readonly Uint8Array[],
): Promise<ClassFilter> {
  const known: { readonly features: Rows; readonly least: number; readonly most: number }[] = [];
  for (const pictures of real) {
    const { features } = await teachers.judge(pictures);
    const distances = neighbourDistances(features, 1);
    known.push({ features, least: quantile(distances, NEAREST), most: quantile(distances, FARTHEST) });
  }
  return async (picture, label) => {
    const { features: reference, least, most } = known[label]!;
    const { probabilities, features } = await teachers.judge(picture);
    const distances = nearestDistances(features, reference);
    const verdicts = Array.from(distances, (distance, i): Verdict => {
      if (!(probabilities[i * real.length + label]! >= SURE)) return "doubted";
      if (distance < least) return "copied";
      return distance <= most ? "passed" : "strayed";
    });
    return { verdicts, probabilities };
  };
}
