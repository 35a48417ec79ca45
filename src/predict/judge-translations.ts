// Whether pictures that are translated to other classes are of these, by another network.

import { scattered } from "../base/scattered.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { decoded, gather, type ImageSet, subset } from "../data/dataset.ts";
import { toBytes } from "../data/picture.ts";
import { wilsonInterval } from "../metrics/intervals.ts";
import { Random } from "../random/random.ts";
import { type Finding, finding } from "./finding.ts";
import { answersOf, requireJudge } from "./judge.ts";
import type { TrainedModel } from "./trained.ts";

/** Pictures that are translated, at most. */
const MOST_TRANSLATED = 2000;

/** Whether a model translates pictures to classes. */
export const translatesToClasses = ({ heads }: TrainedModel): boolean =>
  heads.translate?.takes.includes("label") === true;

/**
 * Translates each picture (2000 at most) to another class, at random, and asks a judge for the class of what comes out. A picture without
 * a label is of the class that the judge finds in it.
 * @param judge a classifier of the same pictures and classes
 * @param options `signal` ends the work between two batches: the call then throws its reason
 * @returns the share of translations that the judge takes for the class asked for; nothing for a model that translates to no classes, and
 *   of a single class
 * @throws `E_HEAD`, `E_RUN_CONFLICT` for a judge that does not fit, as `judgeSamples`
 */
export async function translationFindings(
  model: TrainedModel,
  judge: TrainedModel,
  set: ImageSet,
  { signal }: { readonly signal?: StopSignal } = {},
): Promise<Finding[]> {
  requireJudge(model, judge);
  const k = model.spec.classes.length;
  if (!translatesToClasses(model) || k < 2) return [];
  const n = set.labels.length;
  const chosen = await decoded(subset(set, scattered(n, Math.min(n, MOST_TRANSLATED))));
  const pictures = await gather(chosen);
  const answers = await answersOf(judge, pictures, signal);
  const random = new Random(0, "classes of translations");
  const target = answers.map((answer, i) => {
    const label = chosen.labels[i]!;
    return ((label >= 0 ? label : answer) + 1 + random.integer(k - 1)) % k;
  });
  const { data } = await model.run("translate", { picture: pictures, label: target }, { signal });
  const found = await answersOf(judge, toBytes(data), signal);
  const right = found.reduce((count, answer, i) => count + Number(answer === target[i]), 0);
  return [finding("translatedClass", right / found.length, wilsonInterval(right, found.length))];
}
