// What a model makes of the same noise at the end of each epoch.
import { ndarray } from "../base/array.ts";
import { batchInputs, MAIN_STREAM } from "../data/batches.ts";
import { toBytes } from "../data/picture.ts";
import { type Step, StepFeeds } from "../predict/feeds.ts";
import type { Program } from "../runtime/program.ts";

/** Samples of an epoch. */
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
