// The map of a report: places of pictures by their latent vectors or, of a model without any, by the features that classes are
// taken from; and the same in numbers, measured between whole vectors.
import { gather } from "../data/dataset.ts";
import { nearestOthers, type Rows, squaredDistance } from "../metrics/nearest.ts";
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
  const width = vectors.length / n;
  return {
    of: head === "encode" ? "latent vectors" : "features",
    size: width,
    index,
    labels,
    ...principalPlane(vectors, n),
    classes: classPlaces({ data: vectors, width }, labels, model.spec.classes),
  };
}

/** How classes lie among each other. */
function classPlaces(vectors: Rows, labels: Int32Array, names: readonly string[]): ClassPlace[] {
  const { width } = vectors;
  const centres = { data: new Float64Array(names.length * width), width };
  const counts = new Float64Array(names.length);
  labels.forEach((label, i) => {
    if (label < 0) return;
    counts[label]!++;
    for (let j = 0; j < width; j++) centres.data[label * width + j]! += vectors.data[i * width + j]!;
  });
  for (const k of names.keys()) for (let j = 0; j < width; j++) centres.data[k * width + j]! /= counts[k]!;
  const purity = nearestOthers(vectors, NEIGHBOURS).map(
    (near, i) => near.filter((j) => labels[j] === labels[i]).length / near.length,
  );
  return names.map((name, k) => {
    const others = names
      .map((other, c) => ({ other, c, distance: squaredDistance(centres, k, centres, c) }))
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
