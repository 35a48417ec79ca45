// Pictures of another kind than a model knows, and how well its novelty tells them.
import { fail } from "../base/errors.ts";
import { greyLevel } from "../base/grey.ts";
import { scattered } from "../base/scattered.ts";
import { gather, type ImageSet } from "../data/dataset.ts";
import { type DetectionMetrics, detectionMetrics } from "../metrics/detection.ts";
import { detectionIntervals } from "../metrics/detection-intervals.ts";
import { type Interval, wilsonInterval } from "../metrics/intervals.ts";
import { shareOfAlarms } from "../metrics/novelty.ts";
import type { DataSpec } from "../models/model.ts";
import { Random } from "../random/random.ts";
import type { TrainedModel } from "./trained.ts";

/** What `findNovel` finds. */
export interface NovelFound extends DetectionMetrics {
  /** Novel pictures. */
  readonly n: number;
  /** Share of them that is past the threshold, 0..1. */
  readonly alarms: number;
  /** 95 % intervals, over other pictures of both kinds: see `detectionIntervals`; of the alarms, Wilson's. */
  readonly intervals: Readonly<Record<keyof DetectionMetrics | "alarms", Interval>>;
  /** Novelty of each. */
  readonly scores: Float32Array;
}

/**
 * How well the novelty of a model tells novel pictures from known ones.
 * @param known novelty of the known pictures, as `Evaluation.novelty` has it
 * @param novel bytes `[n, h, w, c]`
 * @throws `E_HEAD` where the model tells no novelty
 */
export async function findNovel(model: TrainedModel, known: Float32Array, novel: Uint8Array): Promise<NovelFound> {
  const scores = (await model.run("novelty", { picture: novel })).data as Float32Array;
  const alarms = shareOfAlarms(scores);
  const resamples = new Random(0, "novel");
  const intervals = {
    ...detectionIntervals(known, scores, (out) => resamples.fillUniform(out)),
    alarms: wilsonInterval(Math.round(alarms * scores.length), scores.length),
  };
  return { n: scores.length, alarms, scores, intervals, ...detectionMetrics(known, scores) };
}

/** Pictures that are drawn rather than read: bytes of which each is random, or pictures of one random value a channel. */
export const DRAWN_PICTURES = ["noise", "constant"] as const;

/** Draws `n` pictures `[n, h, w, c]` of a kind. */
export function drawPictures(
  kind: (typeof DRAWN_PICTURES)[number],
  { height, width, channels }: DataSpec,
  n: number,
): Uint8Array {
  const random = new Random(0, `pictures: ${kind}`);
  const size = height * width * channels;
  if (kind === "noise") return Uint8Array.from({ length: n * size }, () => random.integer(256));
  const values = Uint8Array.from({ length: n * channels }, () => random.integer(256));
  return Uint8Array.from({ length: n * size }, (_, i) => values[Math.floor(i / size) * channels + (i % channels)]!);
}

/**
 * The first `most` pictures of a set with the channels that a model takes: grey repeated, or colours as their luminance.
 * @throws `E_RUN_CONFLICT` for pictures of another size
 */
export async function picturesFor(
  set: ImageSet,
  { height, width, channels }: DataSpec,
  most: number,
): Promise<Uint8Array> {
  if (set.height !== height || set.width !== width)
    fail(
      "E_RUN_CONFLICT",
      `the model takes pictures of ${height}x${width}, the novel ones are ${set.height}x${set.width}; give pictures of that size, or a folder of pictures, which are brought to it`,
    );
  const pixels = await gather(set, scattered(set.labels.length, Math.min(most, set.labels.length)));
  if (set.channels === channels) return pixels;
  if (channels === 3) return Uint8Array.from({ length: 3 * pixels.length }, (_, i) => pixels[Math.floor(i / 3)]!);
  return Uint8Array.from({ length: pixels.length / 3 }, (_, i) =>
    greyLevel(pixels[3 * i]!, pixels[3 * i + 1]!, pixels[3 * i + 2]!),
  );
}
