// The map of a report: places of pictures by their latent vectors or, of a model without any, by the features that classes are
// taken from; and the same in numbers, measured between whole vectors.
import { gather } from "../data/dataset.ts";
import { principalPlane } from "../metrics/principal-plane.ts";
import type { Evaluation } from "../predict/evaluate.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { Random } from "../random/random.ts";
import { type ClassPlace, type LatentMap, NEIGHBOURS } from "../report/sections/latent-map.ts";

/** Fewer pictures make no map. */
const FEWEST = 10;

/** @param most pictures on it @returns undefined where the model has neither vectors nor pictures for it */
export async function latentMap(
  model: TrainedModel,
  { set }: Evaluation,
  most: number,
): Promise<LatentMap | undefined> {
  const head = ["encode", "features"].find((name) => model.has(name));
  if (!head || Math.min(most, set.labels.length) < FEWEST) return undefined;
  const index = new Random(0, "latent map").permutation(set.labels.length).slice(0, most);
  const n = index.length;
  const labels = Int32Array.from(index, (i) => set.labels[i]!);
  // A head that is told a class is told the label, as in the other sheets of latent vectors.
  const told = labels.map((label) => Math.max(0, label));
  const vectors = (await model.run(head, { picture: await gather(set, index), label: told })).data as Float32Array;
  return {
    of: head === "encode" ? "latent vectors" : "features",
    size: vectors.length / n,
    index,
    labels,
    ...principalPlane(vectors, n),
    classes: classPlaces(vectors, labels, model.spec.classes),
  };
}

/** How classes lie among each other. @param vectors `[n, d]` */
function classPlaces(vectors: Float32Array, labels: Int32Array, names: readonly string[]): ClassPlace[] {
  const n = labels.length;
  const d = vectors.length / n;
  const centres = names.map(() => new Float64Array(d));
  const counts = new Float64Array(names.length);
  labels.forEach((label, i) => {
    if (label < 0) return;
    counts[label]!++;
    for (let j = 0; j < d; j++) centres[label]![j]! += vectors[i * d + j]!;
  });
  centres.forEach((centre, k) => {
    for (let j = 0; j < d; j++) centre[j]! /= counts[k]!;
  });
  const purity = neighbourShares(vectors, labels);
  return names.map((name, k) => {
    const others = names
      .map((other, c) => ({ other, c, distance: distanceOf(centres[k]!, centres[c]!) }))
      .filter(({ c }) => c !== k && counts[c]! > 0 && counts[k]! > 0)
      .sort((a, b) => a.distance - b.distance);
    const own = purity.filter((_, i) => labels[i] === k);
    return {
      name,
      n: counts[k]!,
      nearest: others[0]?.other,
      purity: own.reduce((sum, share) => sum + share, 0) / Math.max(1, own.length),
    };
  });
}

/** Share of the nearest neighbours of each vector that have its label, `[n]`. */
function neighbourShares(vectors: Float32Array, labels: Int32Array): Float64Array {
  const n = labels.length;
  const d = vectors.length / n;
  const row = (i: number) => vectors.subarray(i * d, (i + 1) * d);
  const all = Array.from(labels, (_, i) => i);
  const distances = Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return i < j ? distanceOf(row(i), row(j)) : 0;
  });
  return Float64Array.from(all, (i) => {
    const to = (j: number) => distances[Math.min(i, j) * n + Math.max(i, j)]!;
    const near = all
      .filter((j) => j !== i)
      .sort((a, b) => to(a) - to(b))
      .slice(0, NEIGHBOURS);
    return near.filter((j) => labels[j] === labels[i]).length / near.length;
  });
}

/** The squared distance of two vectors. */
function distanceOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j]! - b[j]!) ** 2;
  return sum;
}
