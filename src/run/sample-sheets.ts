// Sheets of a model that samples: what lies between samples, what of the training pictures is nearest to them, and a film of how
// they came to be.
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { scattered } from "../base/scattered.ts";
import { decoded, gather, type ImageSet, ownCount, subset } from "../data/dataset.ts";
import { toBytes } from "../data/picture.ts";
import { nearestRow } from "../metrics/nearest.ts";
import { samplesBetween } from "../predict/between.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { filmWebp, inRows } from "../report/pictures.ts";

/** Pictures in a row, and rows of interpolations. */
const COLUMNS = 10;
const ROWS = 6;
/** Training pictures that samples are compared with, at most, and at a time. */
const MOST_COMPARED = 20_000;
const AT_ONCE = 1000;

/** From one sample to another. */
export async function sampleInterpolations(model: TrainedModel) {
  return {
    caption: "Each row: from one sample to another, evenly between their noise",
    pixels: toBytes(await samplesBetween(model, ROWS, COLUMNS)),
  };
}

/** Samples, and below each the nearest training picture. */
export async function nearestTraining(model: TrainedModel, train: ImageSet) {
  const samples = toBytes((await model.sample(2 * COLUMNS)).data);
  const { size } = train.pixels;
  const own = ownCount(train);
  const count = Math.min(own, MOST_COMPARED);
  const compared = scattered(own, count);
  const nearest = new Uint8Array(samples.length);
  const least = new Array<number>(2 * COLUMNS).fill(Number.POSITIVE_INFINITY);
  for (let from = 0; from < count; from += AT_ONCE) {
    const bytes = await gather(await decoded(subset(train, compared.subarray(from, from + AT_ONCE))));
    for (const i of least.keys()) {
      const sample = { data: samples.subarray(i * size, (i + 1) * size), width: size };
      const { row, distance } = nearestRow(sample, { data: bytes, width: size });
      if (distance >= least[i]!) continue;
      least[i] = distance;
      nearest.set(bytes.subarray(row * size, (row + 1) * size), i * size);
    }
  }
  return {
    caption: `Samples, and below each the training picture whose pixels are nearest${count < own ? ` (of ${count})` : ""}`,
    pixels: inRows(samples, nearest, 2 * COLUMNS, COLUMNS),
  };
}

/** The folder of the samples of each epoch, in that of samples. */
export const EPOCHS = "epochs";
/** Name of the sheet of an epoch. */
export const epochFile = (epoch: number): string => `${String(epoch).padStart(5, "0")}.png`;

/** The sheets of epochs in a folder, the first epoch first. */
const sheetFiles = (folder: string): string[] =>
  statSync(folder, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(folder)
        .filter((name) => /^\d+\.png$/.test(name))
        .sort()
    : [];

/** Removes the sheets of later epochs, which a run that goes on from this one makes again. */
export function removeSheetsAfter(folder: string, epoch: number): void {
  for (const name of sheetFiles(folder)) if (Number.parseInt(name, 10) > epoch) rmSync(`${folder}/${name}`);
}

/** Frames of a film, at most; of more epochs, evenly spread ones are shown. */
const MOST_FRAMES = 60;
/** Milliseconds of a frame, and of the last one. */
const [FRAME, LAST_FRAME] = [200, 2000];

/**
 * The film of a run's samples, or translations, after each epoch.
 * @param of what they are, for the caption
 * @returns undefined for fewer than two epochs
 */
export async function trainingFilm(folder: string, of: string): Promise<{ caption: string; webp: Buffer } | undefined> {
  const files = sheetFiles(folder);
  if (files.length < 2) return undefined;
  const count = Math.min(files.length, MOST_FRAMES);
  const shown = Array.from({ length: count }, (_, i) => files[Math.round((i * (files.length - 1)) / (count - 1))]!);
  const frames = shown.map((name) => readFileSync(`${folder}/${name}`));
  const delays = frames.map((_, i) => (i === count - 1 ? LAST_FRAME : FRAME));
  return {
    caption: `${of} after each of ${files.length} epochs`,
    webp: await filmWebp(frames, delays),
  };
}
