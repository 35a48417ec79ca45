// Labels that a trained model does not believe: likely mistakes of whoever labelled, first the least believable.
import type { StopSignal } from "../base/stop-signal.ts";
import { gather, type ImageSet, range } from "../data/dataset.ts";
import { argmax, softmaxRows } from "../metrics/classification.ts";
import type { TrainedModel } from "./trained.ts";

/** A label that a model does not believe. */
export interface SuspiciousLabel {
  /** Number of the picture in the set. */
  readonly index: number;
  /** Number of the class that the label says. */
  readonly given: number;
  /** Number of the class that the model takes the picture for. */
  readonly believed: number;
  /** Probability of the given label, 0..1. */
  readonly probability: number;
}

const PART = 1000;

/**
 * Every labelled picture of a set, ordered by the probability of its given label less that of the best other one
 * (the normalised margin of Northcutt, Jiang & Chuang 2021, "Confident Learning", section 3.2).
 * @param options `signal` ends the work between two batches: the call then throws its reason
 */
export async function suspiciousLabels(
  model: TrainedModel,
  set: ImageSet,
  { signal }: { readonly signal?: StopSignal } = {},
): Promise<SuspiciousLabel[]> {
  const k = model.spec.classes.length;
  const found: (SuspiciousLabel & { margin: number })[] = [];
  for (let from = 0; from < set.labels.length; from += PART) {
    const index = range(from, Math.min(from + PART, set.labels.length));
    const logits = await model.logits(await gather(set, index), { signal });
    const p = softmaxRows(logits.data, k, model.temperature);
    index.forEach((at, i) => {
      const given = set.labels[at]!;
      if (given < 0) return;
      const probability = p[i * k + given]!;
      let other = 0;
      for (let c = 0; c < k; c++) if (c !== given) other = Math.max(other, p[i * k + c]!);
      found.push({ index: at, given, believed: argmax(p, i * k, k), probability, margin: probability - other });
    });
  }
  return found.sort((a, b) => a.margin - b.margin).map(({ margin: _, ...label }) => label);
}
