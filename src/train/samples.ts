// What a model makes of the same noise, or of the same pictures, at the end of each epoch.
import { ndarray } from "../base/array.ts";
import { scattered } from "../base/scattered.ts";
import { batchInputs, MAIN_STREAM } from "../data/batches.ts";
import { type Dataset, decoded, type ImageSet, keptPartner, subset } from "../data/dataset.ts";
import { toBytes } from "../data/picture.ts";
import { type Step, StepFeeds } from "../predict/feeds.ts";
import { predictSet } from "../predict/outputs.ts";
import type { Program } from "../runtime/program.ts";

/** Samples, or translations, of an epoch. */
export const SAMPLES = 40;

/**
 * Samples as bytes `[SAMPLES, h, w, c]`: each time of the same noise, and of all classes in turn where the model is asked for one.
 * @param step the head `sample` for a batch of `SAMPLES`
 */
export async function drawSamples(program: Program, step: Step, classes: number, seed: number): Promise<Uint8Array> {
  const labels = Int32Array.from({ length: SAMPLES }, (_, i) => i % classes);
  const { sample } = await program.run(step.graph.name, {
    [batchInputs(MAIN_STREAM).labels]: ndarray("int32", [SAMPLES], labels),
    ...new StepFeeds(step).at(seed, 0, 1),
  });
  return toBytes(sample!.data);
}

/**
 * Pictures that are translated each time: of the validation part where there is one, to all classes in turn.
 * @param ofPairs whether partners are translated; undefined is returned where these are made anew at each visit
 */
export async function translated(
  { train, validation, classes }: Dataset,
  ofPairs: boolean,
): Promise<ImageSet | undefined> {
  const set = validation && validation.labels.length > 0 ? validation : train;
  if (ofPairs && !keptPartner(set)) return undefined;
  const n = set.labels.length;
  const chosen = await decoded(subset(set, scattered(n, Math.min(n, SAMPLES))));
  return { ...chosen, labels: chosen.labels.map((_, i) => i % classes.length) };
}

/**
 * Translations as bytes `[n, h, w, c]`.
 * @param step the output `translation` for a batch of `size`
 */
export async function drawTranslations(
  program: Program,
  step: Step,
  set: ImageSet,
  { size, seed }: { readonly size: number; readonly seed: number },
): Promise<Uint8Array> {
  const run = (inputs: Parameters<Program["run"]>[1]) => program.run(step.graph.name, inputs);
  const rows = await predictSet(set, size, seed, new StepFeeds(step), run);
  return toBytes(rows.get("translation")!);
}
