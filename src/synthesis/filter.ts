// Which generated pictures are worth training on: those that teachers take for the class that was asked for, and that are as
// far from the real pictures of the class as these are from each other, neither copies nor of another kind.
import { nearestDistances, neighbourDistances, type Rows } from "../metrics/nearest.ts";
import { quantile } from "../metrics/quantile.ts";
import type { Teachers } from "./teachers.ts";

/** The least probability of the class that was asked for. */
const SURE = 0.7;
/** The quantiles of the distances of real pictures to their nearest other ones that bound those of generated pictures. */
const [NEAREST, FARTHEST] = [0.05, 0.99];

/** Whether each picture of bytes `[n, h, w, c]`, drawn as of the class `label`, is kept. */
export type ClassFilter = (picture: Uint8Array, label: number) => Promise<boolean[]>;

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
    return Array.from(distances, (distance, i) => {
      const sure = probabilities[i * real.length + label]! >= SURE;
      return sure && distance >= least && distance <= most;
    });
  };
}
