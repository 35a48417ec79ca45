// How the fast net is trained, for every model that has it: which rule moves which of its parameters, and the course of the rates.
import { muon } from "../nn/muon.ts";
import { adam, sgd } from "../nn/optim.ts";
import { schedule } from "../nn/schedule.ts";
import type { DataSpec, ParameterGroup, PhaseRule } from "./model.ts";

/** Rules by which the fast net can be trained. */
export const FAST_OPTIMIZERS = ["muon", "sgd", "adam"] as const;

/** Pictures a step of the source, for which rates are given. */
const LARGEST = 512;

/**
 * The rule of an optimizer.
 * - `muon`: Muon for filters, Adam for all else, which is few numbers of unlike sizes.
 * - `sgd`: Nesterov SGD with the momentum, rate and decay of Jordan 2024, 94% on CIFAR-10 in 3.29 Seconds, for batches of 512; what is
 *   added after a normalisation moves 64 times as fast and decays as much less. The whitening layer's bias, which is added after
 *   none, moves as filters do.
 * - `adam`: AdamW for all.
 *
 * Rates are those of batches of 512. For batches of other sizes, b times that, the rate of SGD is b times as high and Muon's, whose steps
 * do not grow with the gradient, √b times; Adam's is as it is.
 *
 * Averages go over a hundred steps: a run on large batches has few, and its rate comes down to 0.
 * @param nets path prefixes of the fast nets
 * @param others path prefixes of what is trained with it, or groups: what only some of the phases of a model train
 * @param rate factor on the learning rates
 * @param batch pictures a step
 */
export function fastTraining(
  optimizer: (typeof FAST_OPTIMIZERS)[number],
  nets: readonly string[],
  others: readonly (string | ParameterGroup)[],
  rate: number,
  batch: number,
): PhaseRule {
  const size = batch / LARGEST;
  const common = { schedule: schedule("triangular"), emaDecay: 0.99 };
  const filters = nets.map((prefix) => ({ prefix, suffix: "/weights" }));
  if (optimizer === "muon")
    return {
      ...common,
      optimizer: adam(),
      learningRate: 4e-3 * rate,
      updates: [
        ...nets,
        ...others,
        // 0.24 in the source, on batches of 2,000: a direction of a quarter of the pictures is half as sure.
        ...filters.map((group) => ({ ...group, optimizer: muon(), rateScale: 30 * Math.sqrt(size) })),
      ],
    };
  if (optimizer === "adam")
    return { ...common, optimizer: adam({ decay: 0.05 }), learningRate: 4e-3 * rate, updates: [...nets, ...others] };
  return {
    ...common,
    optimizer: sgd({ momentum: 0.85, nesterov: true, decay: 1.3e-3 }),
    learningRate: 0.75 * rate * size,
    updates: [
      ...filters,
      ...nets.map((prefix) => ({ prefix, rateScale: 64, decayScale: 1 / 64 })),
      ...nets.map((prefix) => ({ prefix: `${prefix}whiten/` })),
      // The source divides its logits by nine and has this rate before it: the same for what comes out of it. Decay is as there, which
      // is a share of the weights a step.
      ...others.map((other) => ({
        ...(typeof other === "string" ? { prefix: other } : other),
        ...{ rateScale: 1 / 81, decayScale: 81 },
      })),
    ],
  };
}

/** Pixels of a step, at most: those of 64 photographs, with which training `hybrid` takes 5.7 GB (docs/results.md). */
const MOST_PIXELS = 64 * 224 * 224;

/**
 * Pictures a step: 512 as in the source, but at least sixteen steps for all pictures with a label, where their number is known, down to
 * 64; and of large pictures as many as have `MOST_PIXELS`, down to 32, but where steps see features of a pretrained network alone.
 */
export function fastBatch({
  examples,
  height,
  width,
  backbone,
}: Pick<DataSpec, "examples" | "height" | "width" | "backbone">): number {
  let batch = LARGEST;
  while (examples && batch > 64 && batch * 16 > examples.labelled) batch /= 2;
  const seesPixels = backbone?.frozen !== "all";
  while (seesPixels && batch > 32 && batch * height * width > MOST_PIXELS) batch /= 2;
  return batch;
}

/** What `--set widths` may be, and what is said otherwise. */
export const WIDTHS_PATTERN = [
  /^(auto|[1-9]\d{0,2}(-[1-9]\d{0,2}){0,5})$/,
  "expected auto, or up to six channel numbers below 1000, as in 64-256-256",
] as const;

/** Channels of the groups that `auto` puts before the others for larger pictures, the last first: half as many for twice the side. */
const EARLIER = [32, 16, 16] as const;

/**
 * Channels of the groups from a text: as in the source for colour; of a third of its work for grey pictures that may be mirrored, and of
 * a tenth for other grey ones, drawings. Trained from few labels, a tenth for all grey pictures: in a trial on Fashion-MNIST with 100
 * labels a class the narrow net found as many hidden labels (88.2 %) after as many epochs, in two fifths of the time.
 * Pictures of more than 45 pixels a side get narrower groups before these, so that the last maps are of 2 to 5 a side.
 * @param fewLabels whether it is trained from few labels
 */
export function fastWidths(
  text: string,
  { height, width, channels, mirror }: PictureKind,
  { fewLabels = false } = {},
): number[] {
  if (text !== "auto") return text.split("-").map(Number);
  const last = channels === 3 ? [64, 256, 256] : mirror && !fewLabels ? [48, 160, 192] : [32, 64, 128];
  const more = Math.round(Math.log2(Math.min(height, width) / 32));
  return [...EARLIER.slice(0, Math.max(0, more)).reverse(), ...last];
}

type PictureKind = Pick<DataSpec, "height" | "width" | "channels" | "mirror">;
