// New training pictures from a trained model: drawn class by class, judged by teachers, and drawn again until there are enough.

import { sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { StopSignal } from "../base/stop-signal.ts";
import { changesPictures, chooseAugmentation } from "../data/augment.ts";
import { type Dataset, gather, ownCount } from "../data/dataset.ts";
import { inMemory } from "../data/pixels.ts";
import { Transformer } from "../data/transform.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { Random } from "../random/random.ts";
import type { Backend } from "../runtime/backend.ts";
import { classFilter, VERDICTS, type Verdict } from "./filter.ts";
import { classSampler } from "./sampler.ts";
import { trainTeachers } from "./teachers.ts";

/** How many new pictures are made, and how. */
export interface SynthesisOptions {
  /** New pictures of each class. */
  readonly perClass: number;
  /** Default 0. */
  readonly seed?: number;
  /**
   * The augmentation of the model's run, as `--augment` has it: real pictures are changed by it before they are encoded, where the model
   * has seen none as they are. Default `none`.
   */
  readonly augment?: string;
  /** Trains the teachers. */
  readonly backend: Backend;
  /** Ends the work between two rounds of draws: the call then throws the signal's reason. */
  readonly signal?: StopSignal;
  /** Is called when one more teacher is trained, and with the number of pictures that are kept so far. */
  readonly progress?: (task: "teachers" | "pictures", done: number) => void;
}

/** How the new pictures of a class were found. */
export interface ClassSynthesis {
  /** Of the class. */
  readonly name: string;
  /** Real pictures that they were made from. */
  readonly real: number;
  /** Pictures that were drawn: each of them is in one of the next four numbers. */
  readonly drawn: number;
  /** Passed the filter. */
  readonly passed: number;
  /** Teachers do not take them for the class. */
  readonly doubted: number;
  /** Nearer to a real picture of the class than real ones are to each other. */
  readonly copied: number;
  /** Farther from all of these than real ones are from each other. */
  readonly strayed: number;
  /** New pictures: at most as many as were asked for. */
  readonly pictures: number;
}

/** New training pictures. */
export interface Synthesis {
  /** As the training part of a data set, class by class; its soft labels are what the teachers say. */
  readonly data: Dataset;
  /** How they were found, by class number. */
  readonly classes: readonly ClassSynthesis[];
}

/** Real pictures of a class that are looked at, at most: all are compared with all. */
const MOST_REAL = 1000;
/** Pictures that are drawn at a time. */
const ROUND = 256;
/** Pictures that are drawn for one that is asked for, and at least, before a class is given up. */
const TRIES = 20;
const FEWEST_TRIES = 1000;

/**
 * Makes new training pictures of each class from the labelled training pictures that a model was trained on.
 * @param data that of the model's run; pictures that were added to its training part are left out
 * @throws `E_HEAD` for a model that cannot draw pictures of a class; `E_DATA_EMPTY` for a class of fewer than two pictures, or
 * where no new one passes the filter
 */
export async function synthesize(
  model: TrainedModel,
  data: Dataset,
  { perClass, seed = 0, augment = "none", backend, progress, signal }: SynthesisOptions,
): Promise<Synthesis> {
  const { height, width, channels, classes, mirror } = model.spec;
  const size = sizeOf([height, width, channels]);
  const real = await realPictures(data, classes, seed);
  const draw = await classSampler(model, real, changesOf(model, augment));
  const teachers = await trainTeachers(real, model.spec, {
    ...{ seed, backend },
    trained: (count) => progress?.("teachers", count),
  });
  try {
    const judge = await classFilter(teachers, real);
    const kept: Uint8Array[] = [];
    const labels: number[] = [];
    const soft: number[] = [];
    const told: ClassSynthesis[] = [];
    for (const [label, name] of classes.entries()) {
      const random = new Random(seed, `synthesis:class ${label}`);
      const found = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
      let [drawn, pictures] = [0, 0];
      // A class of which nothing passes is not drawn to the end: with a picture in a thousand it would not be full then either.
      const most = () => (found.passed === 0 ? FEWEST_TRIES : Math.max(FEWEST_TRIES, TRIES * perClass));
      while (pictures < perClass && drawn < most()) {
        signal?.throwIfAborted();
        const picture = await draw(label, ROUND, random);
        const { verdicts, probabilities } = await judge(picture, label);
        drawn += ROUND;
        for (const [i, verdict] of verdicts.entries()) {
          found[verdict]++;
          if (verdict !== "passed" || pictures === perClass) continue;
          kept.push(picture.slice(i * size, (i + 1) * size));
          soft.push(...probabilities.subarray(i * classes.length, (i + 1) * classes.length));
          labels.push(label);
          pictures++;
        }
        progress?.("pictures", kept.length);
      }
      told.push({ name, real: real[label]!.length / size, drawn, ...found, pictures });
    }
    if (kept.length === 0)
      fail(
        "E_DATA_EMPTY",
        `none of ${told.reduce((sum, { drawn }) => sum + drawn, 0)} new pictures is taken for its class and like the real ones: ${lackOf(told)}`,
      );
    const pixels = inMemory(size, Buffer.concat(kept));
    const train = { height, width, channels, pixels, labels: Int32Array.from(labels), soft: Float32Array.from(soft) };
    return { data: { name: `${data.name}-generated`, classes, train, mirror, warnings: [] }, classes: told };
  } finally {
    await teachers.dispose();
  }
}

/** The changes of pictures that a model learnt from; undefined where it saw pictures as they are. */
function changesOf({ spec, sawPlain }: TrainedModel, augment: string): Transformer | undefined {
  // Which pictures are mirrored in turn is a matter of epochs: half of them are.
  const { mirror, ...others } = chooseAugmentation(augment, spec.channels, spec.mirror);
  const policy = mirror ? { ...others, flip: 0.5 } : others;
  return !sawPlain && changesPictures(policy) ? new Transformer(spec, policy) : undefined;
}

/** What is wrong with new pictures that do not pass, what of it there is, and what to try, by what there is most of. */
const LACKS: readonly (readonly [verdict: Verdict, what: string, advice: string])[] = [
  [
    "doubted",
    "are not taken for the class that was asked for by three classifiers, which were trained on halves of the real ones",
    "train the model longer, or take one that is told the class, such as class-vae or acgan",
  ],
  [
    "copied",
    "are copies: nearer to a real picture than real ones are to each other",
    "train the model on more pictures, or one that learns from changed ones alone (--augment)",
  ],
  [
    "strayed",
    "are farther from all real pictures than these are from each other",
    "train the model longer, or make it larger: its pictures are too blurred, or of no class",
  ],
];

/**
 * Why new pictures did not pass, with shares, the largest first; and what to try. @param told of some classes, of whose pictures some
 * did not pass
 */
export function lackOf(told: readonly ClassSynthesis[]): string {
  const sum = (of: "drawn" | Verdict) => told.reduce((total, one) => total + one[of], 0);
  const found = LACKS.filter(([verdict]) => sum(verdict) > 0).sort(([a], [b]) => sum(b) - sum(a));
  const shares = found.map(([verdict, what]) => `${((100 * sum(verdict)) / sum("drawn")).toFixed(0)} % ${what}`);
  return `${shares.join("; ")}. What may help: ${found[0]![2]}`;
}

/** Labelled pictures of a training part by class, each bytes `[n, h, w, c]`. @throws `E_DATA_EMPTY` */
async function realPictures({ train, name }: Dataset, classes: readonly string[], seed: number): Promise<Uint8Array[]> {
  const members = classes.map((): number[] => []);
  for (const i of new Random(seed, "synthesis:real").permutation(ownCount(train))) members[train.labels[i]!]?.push(i);
  const few = members.findIndex(({ length }) => length < 2);
  if (few >= 0)
    fail(
      "E_DATA_EMPTY",
      `class "${classes[few]}" of ${name} has ${members[few]!.length} labelled training pictures; expected at least 2 of each class, from which new ones are made`,
    );
  return Promise.all(members.map((indices) => gather(train, indices.slice(0, MOST_REAL))));
}
