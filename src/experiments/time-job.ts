// How long trained models take to classify a picture, alone and among many. They take turns, so that whatever slows the machine down
// for a while slows all of them; of the rounds the median counts.
import { quantile } from "../metrics/quantile.ts";
import { Random } from "../random/random.ts";
import { load, type NodeModel } from "../run/load.ts";
import type { AnswerTime, TimeJob } from "./job.ts";

/** Pictures of a call. */
export const MANY = 256;
const ROUNDS = 15;
/** Calls with one picture in a round. */
const CALLS = 5;
/** Models that take turns, and are in memory, at a time. */
const TOGETHER = 8;
/** Calls before any is measured. */
const WARM = 2;

/**
 * Measures on random pictures, by the backend that answers in use.
 * @param stopped asked before every turn: whether to stop
 * @returns undefined where it was stopped
 */
export async function timeJob({ runs }: TimeJob, stopped: () => boolean): Promise<readonly AnswerTime[] | undefined> {
  const found: AnswerTime[] = [];
  for (let begin = 0; begin < runs.length; begin += TOGETHER) {
    const times = await takingTurns(runs.slice(begin, begin + TOGETHER), stopped);
    if (!times) return undefined;
    found.push(...times);
  }
  return found;
}

async function takingTurns(
  runs: readonly string[],
  stopped: () => boolean,
): Promise<readonly AnswerTime[] | undefined> {
  const models: { model: NodeModel; pixels: Uint8Array; times: { one: number[]; many: number[] } }[] = [];
  for (const run of runs) {
    const model = await load(run);
    models.push({ model, pixels: randomPictures(model), times: { one: [], many: [] } });
  }
  for (let round = -WARM; round < ROUNDS; round++)
    for (let turn = 0; turn < models.length; turn++) {
      if (stopped()) return undefined;
      // Each goes first in some round.
      const { model, pixels, times } = models[(turn + round + WARM) % models.length]!;
      const one = await milliseconds(async () => {
        for (let call = 0; call < CALLS; call++) await model.logits(pixels.subarray(0, pixels.length / MANY));
      });
      const many = await milliseconds(() => model.logits(pixels));
      if (round < 0) continue;
      times.one.push(one / CALLS);
      times.many.push(many / MANY);
    }
  for (const { model } of models) await model.dispose();
  const median = (values: readonly number[]) => quantile(Float64Array.from(values), 0.5);
  return models.map(({ times }) => ({ one: median(times.one), many: median(times.many) }));
}

function randomPictures({ spec }: NodeModel): Uint8Array {
  const values = new Float32Array(MANY * spec.height * spec.width * spec.channels);
  new Random(0, "pictures to be timed with").fillUniform(values);
  return Uint8Array.from(values, (value) => 256 * value);
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
