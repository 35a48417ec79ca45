// Counterfactual explanation: the nearest picture that the model takes for another class, found by moving the latent vector of a
// picture. What changes is what the class depends on, to this model. After REVISE (Joshi et al. 2019, "Towards Realistic
// Individual Recourse and Actionable Explanations"), in the residual form: the picture itself plus what the decoder changes, so
// that all stays that the latent vector does not hold.
import { sizeOf } from "../base/array.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { argmax, softmaxRows } from "../metrics/classification.ts";
import { onLine, Search, VALID_MARGIN } from "./counterfactual.ts";
import { rowsAtOnce } from "./rows.ts";
import type { TrainedModel } from "./trained.ts";

/** What is found for a picture. */
export interface Explanation {
  /** Class number of what the model takes the picture for. */
  readonly from: number;
  /** Class number of what it was changed to. */
  readonly to: number;
  /** Whether the model takes the changed picture for that class, by a clear margin and also moved by one pixel. */
  readonly valid: boolean;
  /** Mean absolute change of a value, of 0..1. */
  readonly distance: number;
  /** Bytes `[h, w, c]`. */
  readonly changed: Uint8Array;
  /** Pictures between, bytes `[STEPS_BETWEEN, h, w, c]`, along a straight line between the latent vectors. */
  readonly between: Uint8Array;
  /** Probability of each class before the change, `[classes]`. */
  readonly before: Float64Array;
  /** Probability of each class after the change, `[classes]`. */
  readonly after: Float64Array;
}

/** Pictures between the picture and the changed one. */
export const STEPS_BETWEEN = 4;
/** Pictures that are searched for at once, at most, and their share of those that a head computes: five of each, with gradients. */
const [MOST_AT_ONCE, SHARE_AT_ONCE] = [32, 1 / 4];

/**
 * Explains pictures by their nearest ones of other classes.
 * @param pictures bytes `[n, h, w, c]`
 * @param targets class number for each; by default the one that the model holds for the second likeliest
 * @param options `signal` ends the work between two steps of the search: the call then throws its reason
 * @throws `E_HEAD` for a model that does not classify, encode and decode, or has no mixture of a class (see `componentsOf`)
 */
export async function explain(
  model: TrainedModel,
  pictures: Uint8Array,
  targets?: ArrayLike<number>,
  { signal }: { readonly signal?: StopSignal } = {},
): Promise<Explanation[]> {
  signal?.throwIfAborted();
  const k = model.spec.classes.length;
  const size = sizeOf([model.spec.height, model.spec.width, model.spec.channels]);
  const n = pictures.length / size;
  const atOnce = Math.min(MOST_AT_ONCE, Math.max(1, SHARE_AT_ONCE * rowsAtOnce(model.spec)), n);
  const search = await Search.create(model, atOnce, signal);
  const found: Explanation[] = [];
  try {
    for (let from = 0; from < n; from += atOnce) {
      const part = pictures.subarray(from * size, Math.min(n, from + atOnce) * size);
      const before = softmaxRows((await model.logits(part)).data, k, model.temperature);
      const answers = Int32Array.from({ length: part.length / size }, (_, i) => argmax(before, i * k, k));
      const to = answers.map(
        (answer, i) => targets?.[from + i] ?? secondOf(before.subarray(i * k, (i + 1) * k), answer),
      );
      found.push(...(await explainBatch(model, search, part, { before, answers, to })));
    }
  } finally {
    await search.dispose();
  }
  return found;
}

/** The likeliest class but one. */
const secondOf = (probabilities: Float64Array, first: number): number =>
  argmax(probabilities.map((p, i) => (i === first ? -1 : p)));

async function explainBatch(
  model: TrainedModel,
  search: Search,
  pixels: Uint8Array,
  { before, answers, to }: { before: Float64Array; answers: Int32Array; to: Int32Array },
): Promise<Explanation[]> {
  const k = model.spec.classes.length;
  const size = pixels.length / answers.length;
  const start = (await model.run("encode", { picture: pixels, label: answers })).data as Float32Array;
  const decoded = (await model.decode(start, answers)).data;
  const picture = Float32Array.from(pixels, (byte) => byte / 255);
  const residual = picture.map((value, i) => value - decoded[i]!);
  const { latent, margin, change, evaluate } = await search.run({ start, picture, residual, target: to });
  const pictureAt = async (share: number) =>
    Uint8Array.from((await evaluate(onLine(start, latent, () => share))).changed, (value) => Math.round(255 * value));
  const changed = await pictureAt(1);
  const between: Uint8Array[] = [];
  for (let step = 1; step <= STEPS_BETWEEN; step++) between.push(await pictureAt(step / (STEPS_BETWEEN + 1)));
  const after = softmaxRows((await model.logits(changed)).data, k, model.temperature);
  return Array.from(answers, (from, i) => ({
    from,
    to: to[i]!,
    valid: margin[i]! >= VALID_MARGIN,
    distance: change[i]! / size,
    changed: changed.slice(i * size, (i + 1) * size),
    between: Uint8Array.from(between.flatMap((step) => Array.from(step.subarray(i * size, (i + 1) * size)))),
    before: before.slice(i * k, (i + 1) * k),
    after: after.slice(i * k, (i + 1) * k),
  }));
}
