// Alarms: what goes wrong when a generator and a discriminator are trained against each other, told from the numbers that are
// logged each epoch, and what to try then. Each is a row of a table; no row knows a model, and one whose numbers are not there
// is silent.
import type { Metrics } from "./events.ts";

/** What begins or ends. */
export interface AlarmChange {
  readonly name: string;
  readonly title: string;
  readonly state: "begins" | "ends";
  /** What is seen, with its numbers; empty where it ends. */
  readonly text: string;
  /** What to try, the most promising first. */
  readonly advice: readonly string[];
}

/** Numbers of the epochs so far, the oldest first, the last one that is over last: see train/watch.ts. */
type Epochs = readonly Metrics[];

interface Alarm {
  readonly name: string;
  readonly title: string;
  readonly advice: readonly string[];
  /** Whether it is of the two networks against each other: while nothing moves samples it neither begins nor ends. */
  readonly ofGame?: true;
  /** What is seen of it, with its numbers; undefined where there is nothing to see. */
  see(epochs: Epochs): string | undefined;
}

/** Epochs that are remembered. */
export const EPOCHS_KEPT = 8;

const DIFF_AUGMENT = "augment real and generated pictures alike (DiffAugment)";
const SLOWER_DISCRIMINATOR =
  "halve the learning rate of the discriminator, or give the gradient penalty (R1) ten times its weight";
const NO_MOMENTUM = "set Adam's beta1 to 0";
const LARGER_BATCH = "take a larger --batch";
const NO_BATCH_NORM = "take batch normalisation out of the discriminator";
const CHECK_DATA = "check the pictures and their folders (genclass data check)";
const SMALLER_DISCRIMINATOR = "make the discriminator smaller";
const SPECTRAL_NORM =
  "normalise the discriminator's weights (discriminatorNorm=spectral), or give it a gradient penalty (R1)";
const CHECK_RATES = "check the learning rates: some are far too high for these networks";
const CHECK_STILL = "check that its learning rate is above 0, and that nothing of it is frozen";

const last = (epochs: Epochs): Metrics => epochs.at(-1) ?? {};
/** A number of an epoch, `back` epochs ago; NaN where it is not there, so that it compares false. */
const at = (epochs: Epochs, name: string, back = 0): number => epochs.at(-1 - back)?.[name] ?? Number.NaN;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const short = (value: number): string => String(Number(value.toPrecision(3)));

/** The names of the last epoch's numbers that fit. */
const namesOf = (epochs: Epochs, pattern: RegExp): string[] =>
  Object.keys(last(epochs)).filter((name) => pattern.test(name));

/** What the joint norm of a phase's gradients, before any clipping, is told as. */
export const GRADIENT_NORM = "gradientNorm";
/** What the mean length of the derivative of a score by a sample is told as. */
export const SLOPE = "watch/sampleSlope";
/** What the norm of all that a phase moves is told as, … */
export const normName = (phase: string): string => `watch/${phase}/parameterNorm`;
const NORM = /^watch\/.*\/parameterNorm$/;
const phaseOf = (name: string): string => name.split("/").slice(1, -1).join("/");
/** … what the steps that it has taken are remembered as, … */
export const stepsName = (phase: string): string => `steps/${phase}`;
/** … and those of all phases that move any of the same. */
export const movesName = (phase: string): string => `moves/${phase}`;

/** How much a count grew in the last epoch; NaN where it is not known. */
const grown = (epochs: Epochs, name: string): number => at(epochs, name) - at(epochs, name, 1);

/** The norms of what phases move, before the last epoch and after it, of phases that took a step in it; and steps that moved it. */
const movedNorms = (epochs: Epochs) =>
  namesOf(epochs, NORM)
    .map((name) => {
      const phase = phaseOf(name);
      return { phase, before: at(epochs, name, 1), now: at(epochs, name), moves: grown(epochs, movesName(phase)) };
    })
    .filter(({ phase }) => grown(epochs, stepsName(phase)) > 0);

/**
 * The median size of a number over the epochs before the last; NaN for fewer than three, and where it is 0: a penalty that is seldom
 * due has no usual size.
 */
function usual(epochs: Epochs, name: string): number {
  const sizes = epochs.slice(0, -1).flatMap((epoch) => (epoch[name] === undefined ? [] : [Math.abs(epoch[name])]));
  return sizes.length < 3 ? Number.NaN : sizes.sort((a, b) => a - b)[sizes.length >> 1]! || Number.NaN;
}

/** The highest value of a number over the epochs before the last; 0 where there is none. */
const highest = (epochs: Epochs, name: string): number =>
  Math.max(0, ...epochs.slice(0, -1).map((epoch) => epoch[name] ?? 0));

/**
 * Diversity below which all samples are the same picture: the root of a thousandth of the variance. A generator may begin there: it is
 * one that does not leave, or that in its first epoch has no more than rounding.
 */
const [CONSTANT, ROUNDING] = [0.03, 1e-3];
/** Growth of diversity in an epoch that leads away from there. */
const GROWS = 1.1;
/** Coverage that is little for a generator that no longer gains any, and below which its halving is chance. */
const [LITTLE_COVERED, FEW_COVERED] = [0.3, 0.1];
/** Diversity whose halving is a loss: samples may differ more than real pictures do at first. */
const NARROW = 0.5;

const collapse: Alarm = {
  name: "collapse",
  ofGame: true,
  title: "the generator collapses",
  advice: [DIFF_AUGMENT, SLOWER_DISCRIMINATOR, NO_MOMENTUM, LARGER_BATCH, CHECK_DATA],
  see(epochs) {
    const [diversity, sofar] = [0, 1].map((back) => at(epochs, "validation/diversity", back)) as [number, number];
    const begins = sofar >= 0 ? diversity > GROWS * sofar : diversity > ROUNDING;
    if (diversity < CONSTANT && !begins)
      return `all samples are nearly the same picture (diversity ${short(diversity)})`;
    if (diversity < Math.min(NARROW, highest(epochs, "validation/diversity") / 2))
      return `samples differ ${short(diversity)} times as much as real pictures do, after ${short(highest(epochs, "validation/diversity"))}`;
    const coverage = at(epochs, "validation/coverage");
    const before = highest(epochs, "validation/coverage");
    if (before >= FEW_COVERED && coverage < before / 2)
      return `samples cover ${percent(coverage)} of the real pictures, and covered ${percent(before)}`;
    // The first of them is what was there before: of a stage before the generator's, nothing is known.
    const isLong = epochs.length === EPOCHS_KEPT && epochs.slice(1).every((epoch) => "validation/coverage" in epoch);
    if (isLong && coverage < LITTLE_COVERED && coverage <= before)
      return `samples cover ${percent(coverage)} of the real pictures, and no longer more`;
    return undefined;
  },
};

/** Share of right answers on both kinds from which a discriminator has won. */
const SURE = 0.98;
/** Factor on the distance of samples in an epoch that is a gain. */
const NEARER = 0.95;

const winning: Alarm = {
  name: "discriminator-wins",
  ofGame: true,
  title: "the discriminator wins",
  advice: [DIFF_AUGMENT, SLOWER_DISCRIMINATOR, NO_MOMENTUM, LARGER_BATCH, NO_BATCH_NORM],
  see(epochs) {
    const sides = ["validation/discriminatorReal", "validation/discriminatorGenerated"];
    // It easily tells apart what a collapsed generator makes.
    if (collapse.see(epochs) !== undefined) return undefined;
    const [distance, before] = [0, 1].map((back) => at(epochs, "validation/kernelDistance", back)) as [number, number];
    // Both are asked for: of few pictures they are not there, and then nothing tells whether samples get better.
    const stays =
      at(epochs, "validation/coverage") <= at(epochs, "validation/coverage", 1) && distance >= NEARER * before;
    const sure = [0, 1].every((back) => sides.every((side) => at(epochs, side, back) > SURE));
    if (!sure || !stays) return undefined;
    const [real, generated] = sides.map((side) => percent(at(epochs, side)));
    return `it tells ${real} of the real and ${generated} of the generated pictures, and the samples get no better`;
  },
};

/** The difference of mean scores, in standard deviations, from which one is more than chance. */
const NOTABLE = 0.5;

const memorising: Alarm = {
  name: "discriminator-memorises",
  ofGame: true,
  title: "the discriminator learns the training pictures by heart",
  advice: [DIFF_AUGMENT, SMALLER_DISCRIMINATOR, SLOWER_DISCRIMINATOR],
  see(epochs) {
    const [training, validation, generated, deviation] = [
      "watch/trainingScore",
      "watch/validationScore",
      "watch/generatedScore",
      "watch/scoreDeviation",
    ].map((name) => at(epochs, name)) as [number, number, number, number];
    const [lost, whole] = [training - validation, training - generated];
    if (!(lost > whole / 2 && lost > NOTABLE * deviation)) return undefined;
    return `its mean score is ${short(training)} for training pictures, ${short(validation)} for validation pictures, ${short(generated)} for samples`;
  },
};

/** Factors on what is usual, and the score of either kind, from which numbers run away. */
const [LOSS_FACTOR, GRADIENT_FACTOR, WEIGHT_FACTOR, LARGEST_SCORE] = [10, 100, 10, 50];
/** Growth of weights a step, as a share of them, that no training needs for a whole epoch. */
const GROWTH = 0.05;
/** A loss below it may be near 0 by chance. */
const SMALL_LOSS = 1;

const runaway: Alarm = {
  name: "runaway",
  title: "numbers run away",
  advice: [CHECK_RATES, SLOWER_DISCRIMINATOR, NO_MOMENTUM, CHECK_DATA],
  see(epochs) {
    const gap = Math.abs(at(epochs, "watch/validationScore") - at(epochs, "watch/generatedScore"));
    if (gap > 2 * LARGEST_SCORE) return `the scores of real and generated pictures are ${short(gap)} apart`;
    for (const { phase, before, now, moves } of movedNorms(epochs)) {
      if (before > 0 && (now > WEIGHT_FACTOR * before || now - before > GROWTH * moves * before))
        return `the norm of what the phase "${phase}" moves is ${short(now)}, after ${short(before)} an epoch before`;
    }
    for (const name of namesOf(epochs, /^train\//)) {
      const [value, before] = [Math.abs(at(epochs, name)), usual(epochs, name)];
      const isRunaway = name.endsWith(`/${GRADIENT_NORM}`)
        ? value > GRADIENT_FACTOR * before
        : value > LOSS_FACTOR * before && value > SMALL_LOSS;
      if (isRunaway) return `${name.slice("train/".length)} is ${short(value)}, and usually ${short(before)}`;
    }
    return undefined;
  },
};

/** The slope below which a whole unit of a picture, of the ten or so that lie between two, moves a score by nothing to speak of. */
const FLAT = 1e-4;

const slope: Alarm = {
  name: "picture-gradient",
  ofGame: true,
  title: "the gradient that the generator learns from vanishes or explodes",
  advice: [SLOWER_DISCRIMINATOR, SPECTRAL_NORM, NO_MOMENTUM, CHECK_DATA],
  see(epochs) {
    const [value, before] = [at(epochs, SLOPE), usual(epochs, SLOPE)];
    if (value < FLAT) return `the discriminator's score does not move with the samples (slope ${short(value)})`;
    return value > GRADIENT_FACTOR * before
      ? `the discriminator's score moves by ${short(value)} with a unit of a sample, and usually by ${short(before)}`
      : undefined;
  },
};

/** Mean change of a pixel (0..1) in an epoch, and relative change of a norm, of what stands still. */
const [STILL_PIXELS, STILL_NORM] = [1e-3, 1e-7];

const still: Alarm = {
  name: "frozen",
  title: "a network stands still",
  advice: [CHECK_STILL, SLOWER_DISCRIMINATOR],
  see(epochs) {
    // Where a score is flat, nothing can move.
    if (at(epochs, SLOPE) < FLAT) return undefined;
    for (const { phase, before, now } of movedNorms(epochs))
      if (Math.abs(now - before) <= STILL_NORM * before) return `the phase "${phase}" moves nothing`;
    const change = at(epochs, "watch/sampleChange");
    return change < STILL_PIXELS
      ? `samples of the same noise changed by ${short(change)} a pixel in the epoch`
      : undefined;
  },
};

/** Every alarm. */
const ALARMS: readonly Alarm[] = [collapse, winning, memorising, runaway, slope, still];

/**
 * What begins and what ends with the last of some epochs.
 * @param raised names of the alarms that have begun and not ended
 * @param isPlayed whether a step of the last epoch moved what samples are made of
 */
export function alarmChanges(epochs: Epochs, raised: readonly string[], isPlayed = true): AlarmChange[] {
  return ALARMS.flatMap(({ name, title, advice, ofGame, see }): AlarmChange[] => {
    if (ofGame && !isPlayed) return [];
    const text = see(epochs);
    if ((text !== undefined) === raised.includes(name)) return [];
    return [{ name, title, advice, text: text ?? "", state: text === undefined ? "ends" : "begins" }];
  });
}
