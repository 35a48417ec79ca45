// New pictures of a trained model, of any class or of one, however it can be had.

import { fail, unknownName } from "../base/errors.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { toBytes } from "../data/picture.ts";
import { argmax, softmaxRows } from "../metrics/classification.ts";
import { requireHead } from "../models/heads.ts";
import { hasMixture, sampleMixture } from "./mixture-sampler.ts";
import type { TrainedModel } from "./trained.ts";

/** What pictures are drawn from: the model's own distribution, or the mixture fitted to the codes of validation pictures. */
export const SAMPLERS = ["prior", "mixture"] as const;
/** One of `SAMPLERS`. */
export type Sampler = (typeof SAMPLERS)[number];

/** What is generated; all of it is optional. */
export interface GenerateOptions {
  /** Name of the class that all pictures shall be of; any when absent. */
  readonly class?: string;
  /** Default: the mixture, where there is one and the model cannot be asked for a class. */
  readonly sampler?: Sampler;
  /** Of the noise. Default 0. */
  readonly seed?: number;
  /** Ends the work between two batches: the call then throws the signal's reason. */
  readonly signal?: StopSignal;
}

/** New pictures. */
export interface Generated {
  /** Bytes `[n, h, w, c]`. */
  readonly pixels: Uint8Array;
  /** What they were drawn from. */
  readonly sampler: Sampler;
}

/** Draws per wanted picture before giving up on a class, and draws at a time. */
const TRIES = 200;
const ROUND = 256;
/** Between the seeds of two rounds, per draw: odd and large, so that rounds of neighbouring seeds are not the same. */
const SEED_STEP = 40_503;

/**
 * Draws new pictures; the same for the same seed.
 * @param count how many
 * @throws `E_HEAD` for a model that generates nothing or cannot be asked for the class, and where too few draws are of it; `E_NAME`
 *   for a class that it does not know; `E_OPTION` for a count that is no whole number above 0
 */
export async function generate(model: TrainedModel, count: number, options: GenerateOptions = {}): Promise<Generated> {
  if (!Number.isSafeInteger(count) || count < 1)
    fail("E_OPTION", `generate: count is ${count}; expected a whole number above 0`);
  const { seed = 0, signal, sampler = defaultSampler(model) } = options;
  signal?.throwIfAborted();
  if (sampler === "prior") requireHead(model.heads, "sample");
  const { classes } = model.spec;
  const wanted = options.class === undefined ? undefined : classes.indexOf(options.class);
  if (wanted === -1) unknownName("class", options.class!, classes);
  const pixels =
    sampler === "mixture"
      ? toBytes((await sampleMixture(model, count, { seed, wanted, signal })).data)
      : await draw(model, count, wanted, seed, signal);
  return { pixels, sampler };
}

/** A model that is asked for a class has learnt to draw it; else codes like those of real pictures give better ones. */
const defaultSampler = (model: TrainedModel): Sampler =>
  hasMixture(model) && !model.heads.sample?.takes.includes("label") ? "mixture" : "prior";

/** New pictures of the model's own; of one class by asking for it, or where the model cannot be asked, those that its classifier is surest of. */
async function draw(
  model: TrainedModel,
  count: number,
  wanted: number | undefined,
  seed: number,
  signal?: StopSignal,
): Promise<Uint8Array> {
  const { classes, height, width, channels } = model.spec;
  const asked = model.heads.sample!.takes.includes("label");
  if (wanted === undefined) return toBytes((await model.sample(count, { seed, signal })).data);
  if (asked)
    return toBytes((await model.sample(count, { seed, signal, label: new Int32Array(count).fill(wanted) })).data);
  if (!model.has("classify"))
    fail(
      "E_HEAD",
      "this model can be asked for no class, and does not classify what it generates; leave the class out",
    );
  const size = height * width * channels;
  const kept = new Uint8Array(count * size);
  let n = 0;
  for (let drawn = 0; n < count; drawn += ROUND) {
    signal?.throwIfAborted();
    if (drawn > TRIES * count + 10 * ROUND)
      fail(
        "E_HEAD",
        `only ${n} of ${count} generated pictures are of class "${classes[wanted]}" after ${drawn} draws; ask for fewer, or train longer`,
      );
    // Each round has a seed of its own, far from those of other seeds.
    const pixels = toBytes((await model.sample(ROUND, { seed: (seed + drawn * SEED_STEP) % 2 ** 31 })).data);
    const p = softmaxRows((await model.logits(pixels)).data, classes.length, model.temperature);
    for (let i = 0; i < ROUND && n < count; i++)
      if (argmax(p, i * classes.length, classes.length) === wanted && p[i * classes.length + wanted]! > 0.5)
        kept.set(pixels.subarray(i * size, (i + 1) * size), n++ * size);
  }
  return kept;
}
