// A bank of guessed labels for the pictures that have none, from which a classifier learns beside the labelled ones. The first
// guesses spread the labels over a graph of pictures (Calder et al. 2020, Poisson Learning). They are replaced by what the classifier's
// own moving average and a graph of its features agree on: label propagation on learned features (Iscen et al. 2019) with the
// threshold and the two strengths of change of FixMatch (Sohn et al. 2020); where no graph began the bank, with a threshold for each class.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { softmaxRows } from "../metrics/classification.ts";
import { generalizedCrossEntropy, perExample } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { byMargin, byProbability, type Guesses } from "../propagation/bank.ts";
import { foreignPoints } from "../propagation/foreign.ts";
import { nearestNeighbours } from "../propagation/neighbours.ts";
import { agreement, neighbourGraph, poissonLearning } from "../propagation/poisson.ts";
import type { FirstGraph } from "./first-graph.ts";
import { type GraphSpace, LEARNT, pointsIn } from "./graph-space.ts";
import type { Batch, Refresh, RefreshContext, TableSpec } from "./model.ts";

/** The tables of a bank: guessed classes as one-hot rows, whether they are used, and whether the first graph's were. */
export const bankTables = (k: number): Readonly<Record<string, TableSpec>> => ({
  guess: { shape: [k], fill: 0 },
  trust: { shape: [], fill: 0 },
  first: { shape: [], fill: 0 },
});

/** The part of the stage in which the loss forgives wrong guesses (generalised cross entropy): those of the first graph. */
const ROBUST_UNTIL = 0.15;
/** Epochs between two refreshes of the bank. */
const REFRESH_EPOCHS = 2;
/** The bank stays as it is in the last part of the stage, while the learning rate goes to 0. */
const FROZEN_FROM = 0.85;
/** The least probability with which the classifier is sure (FixMatch, section 4). */
const THRESHOLD = 0.95;
/** A first graph that gives back fewer of hidden labels than this is left out. Of digits, more came back in every trial. */
const HELPFUL = 0.85;

/**
 * The share of each class's guesses, those of least margin, that the bank does not begin with: of digits with ten labels a class, 82 or
 * 83 % of the wrong ones were among them, in four draws. The classifier's own guesses take their places as it becomes sure; had it begun
 * with the wrong ones it would go on saying them. Of the next twentieth hardly more than a hundredth are wrong, and whole kinds of
 * pictures that are far from any label are in it: in a trial in which a tenth was left out, crossed sevens were among them, and were
 * learnt as twos.
 */
const DOUBTFUL = 0.05;

/** A class has hardly any guesses below this share of those that it would have were all alike, or were they as the labels are. */
const RARE = 0.2;
/** Guesses that a class would usually have, below which it is chance whether it has any; and classes that are named in a line. */
const [ENOUGH, MOST_NAMED] = [10, 5];

/** How a bank is filled. */
export interface BankOptions {
  /** Where neighbours are looked for in the rows of `features`. */
  readonly featureSpace?: GraphSpace;
  /**
   * Whether the guesses of the first graph are used to the end, all of them, where one began the bank: features that stay as they are say
   * at once what they will ever say, and a classifier that is worse than the graph would only spoil its guesses. Default false.
   */
  readonly keepsFirst?: boolean;
}

/**
 * The work between steps that fills a bank. It asks the heads `classify` and `features`.
 * @param first what the first graph joins
 */
export const refreshBank = (first: FirstGraph, classes: readonly string[], options: BankOptions = {}): Refresh => ({
  heads: [first.head, "features", "classify"],
  every: { epochs: REFRESH_EPOCHS },
  async run(context) {
    const k = classes.length;
    const { keepsFirst = false, featureSpace = LEARNT } = options;
    if (context.progress === 0) {
      const rows = await firstGuesses(context, first, k, keepsFirst ? 0 : DOUBTFUL);
      context.tables.first!.set(rows.trust);
      // Nothing more is told of guesses that are kept.
      if (keepsFirst && rows.trust.includes(1)) noteUse(context, classes, rows);
      write(context, k, rows);
    } else if (context.progress <= FROZEN_FROM && !(keepsFirst && context.tables.first!.includes(1))) {
      const rows = await laterGuesses(context, k, featureSpace);
      noteUse(context, classes, rows);
      write(context, k, rows);
    }
  },
});

/** The loss of the guessed labels of a batch, in nats a picture; those that are not used count as 0. */
export function bankLoss(scope: Scope, logits: Tensor, { tables, weights }: Batch): Tensor {
  const cross = g.neg(perExample(g.mul(g.logSoftmax(logits), tables.guess!)));
  const robust = generalizedCrossEntropy(logits, tables.guess!);
  const early = scope.annealed("robust", (progress) => Number(progress < ROBUST_UNTIL));
  const each = g.add(cross, g.mul(g.sub(robust, cross), early));
  return g.mean(g.mul(each, g.mul(weights, tables.trust!)));
}

/** Guessed classes, and whether each guess is used: 0 or 1. */
interface BankRows extends Pick<Guesses, "classes"> {
  readonly trust: Float32Array;
}

/**
 * Labels spread over a graph of pictures, where that gives hidden labels back; else nothing is trusted yet. Guesses that stay to the end
 * are all used: what is left out is what is hard, and a classifier that never sees it answers it wrong. Of photographs on a frozen
 * network, to leave out the tenth of least margin cost accuracy in a trial that is not kept.
 * @param doubtful share of each class's guesses that are left out, those of least margin
 */
async function firstGuesses(
  { labels, predict, note }: RefreshContext,
  { head, space, usedUnchecked }: FirstGraph,
  k: number,
  doubtful: number,
): Promise<BankRows> {
  const n = labels.length;
  const points = pointsIn(await predict(head), n, space);
  const width = points.length / n;
  const neighbours = nearestNeighbours(points, width, space.neighbours);
  const far = foreignPoints(points, width, labels, neighbours);
  const foreign = far && far.share > far.byChance ? far : undefined;
  if (foreign)
    note(
      `something is in there that belongs to no class: ${percent(foreign.share)} of the pictures without a label are farther from every label than labelled pictures are from each other (by chance, up to ${percent(foreign.byChance)} would be)`,
    );
  const graph = neighbourGraph(neighbours);
  const found = agreement(graph, labels, k);
  const guesses = byMargin(poissonLearning(graph, labels, k), k);
  const unused: BankRows = { ...guesses, trust: new Float32Array(n) };
  if (new Set(labels.filter((label) => label >= 0)).size < 2) {
    note("labels are not spread over a graph of pictures: all are of one class");
    return unused;
  }
  const check = found === undefined ? "too few labels to check it" : `${percent(found)} of hidden labels come back`;
  const refused =
    found === undefined
      ? !usedUnchecked && "and of colour pictures it is often wrong"
      : found < HELPFUL && `and ${percent(HELPFUL)} are asked for`;
  if (refused) {
    note(
      `labels are not spread over a graph of pictures: ${check}, ${refused}. The classifier begins with the labelled pictures alone`,
    );
    return unused;
  }
  note(`labels are spread over a graph of pictures: ${check}`);
  // What belongs to no class begins without a guess, and where no label has come there is no margin.
  const usable = guesses.confidence.map((margin, i) => Number(labels[i]! < 0 && margin > 0 && !foreign?.are[i]));
  const least = leastOf(guesses, usable, k, doubtful);
  return {
    ...guesses,
    trust: usable.map((can, i) => can * Number(guesses.confidence[i]! >= least[guesses.classes[i]!]!)),
  };
}

/**
 * For each class, the confidence that this share of its guesses is below, of those that are looked at: rows of `among` above 0. Infinite
 * for a class without any, and for all where the share is 1.
 */
function leastOf({ classes, confidence }: Guesses, among: Float32Array, k: number, share: number): Float32Array {
  return Float32Array.from({ length: k }, (_, c) => {
    const own = confidence.filter((_, i) => among[i]! > 0 && classes[i] === c).sort();
    return own[Math.floor(share * own.length)] ?? Number.POSITIVE_INFINITY;
  });
}

/**
 * The least probability with which a guess of each class counts as sure: that which as large a share of the class's guesses reaches as
 * `THRESHOLD` does of all (class-balanced self-training, Zou et al. 2018), but never above `THRESHOLD`. With one threshold for all, a class
 * that is hard to tell is hardly taught, and the classifier says it ever less. In a trial on Fashion-MNIST with 100 labels a class, ten
 * epochs, 49 % of shirts were found with one threshold, 56 % with one for each class, and 59 % by a classifier of the labelled pictures
 * alone; of all hidden labels it was 88.2, 89.1 and 87.9 %.
 */
function thresholds(guesses: Guesses, labels: Int32Array, k: number): Float32Array {
  const unknown = Float32Array.from(labels, (label) => Number(label < 0));
  const sure = guesses.confidence.filter((p, i) => unknown[i]! > 0 && p >= THRESHOLD).length;
  const unsure = 1 - sure / unknown.reduce((sum, one) => sum + one, 0);
  return leastOf(guesses, unknown, k, unsure).map((p) => Math.min(THRESHOLD, p));
}

/**
 * The bank anew: a guess becomes what the averaged classifier is sure of, where a graph of its features says so too. Sure is what has a
 * probability of `THRESHOLD`, or that of its class (`thresholds`) where no graph began the bank. Another one is
 * used only if the first graph's was, and as long as either of them still says it. To use only what both say loses whole kinds of
 * pictures that the first graph has right: the classifier is least sure of those that no label is near, learns of them no more, and both
 * then say what the nearest kind is.
 */
async function laterGuesses(
  { labels, tables, predict }: RefreshContext,
  k: number,
  space: GraphSpace,
): Promise<BankRows> {
  const teacher = byProbability(softmaxRows(await predict("classify"), k), k);
  const points = pointsIn(await predict("features"), labels.length, space);
  const graph = neighbourGraph(nearestNeighbours(points, points.length / labels.length, space.neighbours));
  const spread = byMargin(poissonLearning(graph, labels, k), k);
  const before = byMargin(tables.guess!, k);
  const hasFirst = tables.first!.includes(1);
  const least = hasFirst ? new Float32Array(k).fill(THRESHOLD) : thresholds(teacher, labels, k);
  const classes = before.classes.slice();
  const trust = Float32Array.from(classes, (old, i) => {
    const taught = teacher.classes[i]!;
    // Where no label has come, the graph says nothing.
    const near = spread.confidence[i]! > 0 ? spread.classes[i]! : undefined;
    if (taught !== near || teacher.confidence[i]! < least[taught]!)
      return tables.first![i]! * Number(taught === old || near === old);
    classes[i] = taught;
    return 1;
  });
  return { classes, trust };
}

/**
 * Tells how many guesses are used, and of which classes there are hardly any: a class whose labelled pictures are of a rare kind, or like
 * another class, can be lost to that one, and the training looks as well as any.
 */
function noteUse({ labels, note }: RefreshContext, names: readonly string[], { classes, trust }: BankRows): void {
  const unknown = [...labels.keys()].filter((i) => labels[i]! < 0);
  if (unknown.length === 0) return;
  const used = unknown.filter((i) => trust[i]! > 0);
  const known = labels.length - unknown.length;
  const rare = names.flatMap((name, c) => {
    const share = used.filter((i) => classes[i] === c).length / Math.max(1, used.length);
    const labelled = labels.filter((label) => label === c).length / Math.max(1, known);
    const usual = Math.min(labelled, 1 / names.length);
    return usual * used.length >= ENOUGH && share < RARE * usual ? [`"${name}" (${percent(share)})`] : [];
  });
  const more = rare.length > MOST_NAMED ? ` and ${rare.length - MOST_NAMED} other classes` : "";
  const lost =
    rare.length > 0
      ? `; hardly any are of ${rare.slice(0, MOST_NAMED).join(", ")}${more}: if there should be more, label more of them`
      : "";
  note(`guessed labels: ${percent(used.length / unknown.length)} are used${lost}`);
}

/** Writes a bank; what is labelled keeps its label. */
function write({ tables, labels }: RefreshContext, k: number, { classes, trust }: BankRows): void {
  tables.guess!.fill(0);
  for (let i = 0; i < labels.length; i++) {
    const known = labels[i]! >= 0;
    tables.guess![i * k + (known ? labels[i]! : classes[i]!)] = 1;
    tables.trust![i] = known ? 1 : trust[i]!;
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
