// Whether some of many points without a label belong to no class: they are many of their own kind, and no label is near. Labelled
// points, which do belong, tell how far the nearest label of others may be.
import { Nearest } from "./nearest.ts";
import type { Neighbours } from "./neighbours.ts";

/** Points without a label that are far from every label. */
export interface Foreign {
  /** 1 for each of them, 0 for the others, `[n]`. */
  readonly are: Uint8Array;
  /** Their share of the points without a label, 0..1. */
  readonly share: number;
  /** The share that chance alone exceeds less than once in a hundred times, where all belong to the classes. */
  readonly byChance: number;
}

/**
 * How often chance alone would exceed `byChance` if distances were independent. They are not: at 1e-3, up to 3 of 100 draws of
 * normal points exceeded it; at 1e-4, none of 1,200.
 */
const FALSE_ALARMS = 1e-4;
/** Labelled points that are compared with, at most: every n-th is taken of more. */
const MOST_LABELS = 500;

/**
 * The points without a label that are farther from the nearest label than any labelled point is from the nearest other one. Distances
 * are looked at in two ways, and the one that finds more counts. In units of that to the point's last neighbour, a dense crowd apart
 * from the rest is found, and a rare kind of a class is not taken for one. As they are, those are found that are unlike each other too:
 * photographs among digits. Of independent values of one distribution, the share that exceeds the largest of m is distributed as
 * Beta(1, m).
 * @param points `[n, width]`
 * @param labels `[n]`; -1 where there is none
 * @returns undefined where there are fewer than two labels to compare with, or none is missing
 * @throws `E_BACKEND` where the process may not have the memory
 */
export function foreignPoints(
  points: Float32Array,
  width: number,
  labels: Int32Array,
  { k, squared }: Neighbours,
): Foreign | undefined {
  const labelled = Array.from(labels.keys()).filter((i) => labels[i]! >= 0);
  const sources = labelled.filter((_, i) => i % Math.ceil(labelled.length / MOST_LABELS) === 0);
  const others = labels.length - labelled.length;
  if (sources.length < 2 || others === 0) return undefined;
  const nearest = new Nearest(sources.length, width, 1);
  for (const [place, source] of sources.entries()) nearest.put(place, points, source);
  const toLabel = (i: number, own?: number) => {
    nearest.ask(points, i);
    nearest.search(0, sources.length, own);
    return nearest.squared[0]!;
  };
  const between = sources.map(toLabel);
  const away = Float32Array.from(labels, (label, i) => (label < 0 ? toLabel(i) : 0));
  // The same picture many times has no distance to its neighbours.
  const inNeighbours = (distance: number, i: number) => (distance === 0 ? 0 : distance / squared[i * k + k - 1]!);
  const asItIs = (distance: number) => distance;
  const [relative, absolute] = [inNeighbours, asItIs].map((measure) => {
    // A label on a picture that is there many times does not tell how far others may be.
    const known = between.map((distance, place) => measure(distance, sources[place]!)).filter(Number.isFinite);
    if (known.length === 0) return undefined;
    const farthest = Math.max(...known);
    const are = Uint8Array.from(labels, (label, i) => Number(label < 0 && measure(away[i]!, i) > farthest));
    return {
      are,
      share: are.reduce((sum, one) => sum + one, 0) / others,
      byChance: 1 - (FALSE_ALARMS / 2) ** (1 / known.length),
    };
  });
  return relative && absolute && absolute.share > relative.share ? absolute : relative;
}
