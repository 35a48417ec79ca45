// Few labels: a classifier that learns from labelled pictures, and from a bank of guessed labels of the others. The first guesses
// spread the labels over a graph of latent vectors; later ones are those of the classifier's own moving average, asked for
// plain pictures, while it is trained on strongly changed ones (self-training: Xie et al. 2020, Noisy Student; the two
// strengths and the threshold follow FixMatch, Sohn et al. 2020).
import { consistencyViews } from "../data/augment.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { softmaxRows } from "../metrics/classification.ts";
import { classLoss, generalizedCrossEntropy, perExample } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { byMargin, byProbability, type Guesses, mostConfident } from "../propagation/bank.ts";
import { nearestNeighbours } from "../propagation/neighbours.ts";
import { agreement, neighbourGraph, poissonLearning } from "../propagation/poisson.ts";
import type { Batch, BuiltModel, DataSpec, Phase, Refresh, RefreshContext, Stage } from "./model.ts";

/** What the recipe is told of a model. */
export interface LabelBankOptions {
  readonly data: DataSpec;
  /** Logits `[n, classes]` of pictures. */
  readonly logits: (scope: Scope, x: Tensor) => Tensor;
  /** The optimizer, learning rate and schedule of the classifier, and the parameters that it moves. */
  readonly phase: Pick<Phase, "updates" | "optimizer" | "learningRate" | "schedule" | "clip">;
  /** Share of the run's budget, relative to the other stages'. */
  readonly share: number;
}

/** Names of the streams: the pictures with a label, and all of them with what the bank says. */
const [LABELLED, BANK] = ["labelled", "bank"];

export function labelBank({ data, logits, phase, share }: LabelBankOptions): Required<Pick<BuiltModel, "tables">> & {
  readonly stage: Stage;
  readonly streams: ReturnType<NonNullable<BuiltModel["streams"]>>;
} {
  const k = data.classes.length;
  const { hard } = consistencyViews(data.channels, data.mirror);

  const loss = (scope: Scope, labelled: Batch, bank: Batch) => {
    // Both batches go through the network as one, so that batch norm sees one distribution.
    const all = logits(scope, g.concat([labelled.x, bank.x], 0));
    const n = labelled.x.shape[0]!;
    const own = classLoss(g.sliceAxis(all, 0, 0, n), labelled);
    const guessed = g.sliceAxis(all, 0, n, all.shape[0]!);
    const cross = g.neg(perExample(g.mul(g.logSoftmax(guessed), bank.tables.guess!)));
    const robust = generalizedCrossEntropy(guessed, bank.tables.guess!);
    const early = scope.annealed("robust", (progress) => Number(progress < ROBUST_UNTIL));
    const each = g.add(cross, g.mul(g.sub(robust, cross), early));
    const trust = g.mul(bank.weights, bank.tables.trust!);
    const guesses = g.div(g.sum(g.mul(each, trust)), bank.x.shape[0]!);
    return { loss: g.add(own, guesses), log: { class: own, bank: guesses } };
  };

  const refresh: Refresh = {
    heads: ["content", "classify"],
    every: { epochs: REFRESH_EPOCHS },
    async run(context) {
      const { progress, tables, labels } = context;
      if (progress > FROZEN_FROM) return;
      const bank = progress === 0 ? await spreadLabels(context, k) : await askTeacher(context, k);
      write(tables, labels, k, bank);
    },
  };

  return {
    tables: { guess: { shape: [k], fill: 0 }, trust: { shape: [], fill: 0 } },
    streams: {
      [BANK]: { share: 1.25, views: { x: hard } },
      [LABELLED]: { from: "labelled", share: 0.25, views: { x: hard } },
    },
    stage: {
      name: "classifier",
      share,
      refresh,
      phases: [
        { ...phase, name: "classifier", loss: (scope, _, streams) => loss(scope, streams[LABELLED]!, streams[BANK]!) },
      ],
    },
  };
}

const ROBUST_UNTIL = 0.15;
const REFRESH_EPOCHS = 4;
const FROZEN_FROM = 0.85;
const NEIGHBOURS = 10;
const KEPT = 0.7;
const THRESHOLD = 0.95;
const HELPFUL = 0.9;

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

interface Bank extends Guesses {
  readonly trust: Float32Array;
}

async function spreadLabels({ labels, predict, note }: RefreshContext, k: number): Promise<Bank> {
  const codes = await predict("content");
  const graph = neighbourGraph(nearestNeighbours(codes, codes.length / labels.length, NEIGHBOURS));
  const agrees = agreement(graph, labels, k);
  const guesses = byMargin(poissonLearning(graph, labels, k), k);
  const found =
    agrees === undefined ? "too few labels to check it" : `it gives ${percent(agrees)} of hidden labels back`;
  if (agrees !== undefined && agrees < HELPFUL) {
    note(
      `graph of latent vectors left out: ${found}, fewer than ${percent(HELPFUL)}; the classifier begins with the labelled pictures alone`,
    );
    return { ...guesses, trust: new Float32Array(labels.length) };
  }
  note(
    `labels spread over a graph of ${labels.length} latent vectors: ${found}; the surest ${percent(KEPT)} of each class are used`,
  );
  return { ...guesses, trust: mostConfident(guesses, k, KEPT) };
}

async function askTeacher({ predict, note }: RefreshContext, k: number): Promise<Bank> {
  const guesses = byProbability(softmaxRows(await predict("classify"), k), k);
  const trust = guesses.confidence.map((p) => Number(p >= THRESHOLD));
  note(`kept ${((100 * trust.reduce((a, b) => a + b, 0)) / trust.length).toFixed(1)} %`);
  return { ...guesses, trust };
}

function write(tables: RefreshContext["tables"], labels: Int32Array, k: number, { classes, trust }: Bank): void {
  tables.guess!.fill(0);
  for (let i = 0; i < labels.length; i++) {
    tables.guess![i * k + (labels[i]! >= 0 ? labels[i]! : classes[i]!)] = 1;
    tables.trust![i] = labels[i]! >= 0 ? 1 : trust[i]!;
  }
  const dump = (globalThis as any).BANK_DUMP;
  if (dump) dump(tables);
}
