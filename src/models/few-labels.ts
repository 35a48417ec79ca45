// Training from few labels, for any model with a classifier: first what else a model learns of all pictures, if anything; then the
// classifier, on a bank of guessed labels (label-bank.ts) that a graph begins: of which way edges run in pictures, or of features of
// a pretrained network.
import { consistencyViews } from "../data/augment.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { classLoss } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { belowLayers } from "./backbone.ts";
import type { Classifier } from "./fast-classifier.ts";
import { firstGraph } from "./first-graph.ts";
import type { GraphSpace } from "./graph-space.ts";
import { bankLoss, bankTables, refreshBank } from "./label-bank.ts";
import { type BuiltModel, type DataSpec, type Phase, type Stage, type Streams, USUAL_BATCH } from "./model.ts";

/** What the recipe is told of a model. */
export interface FewLabelsOptions {
  readonly data: DataSpec;
  /** Logits `[n, classes]` of what `belowLayers` gives: of pictures, or of features of a pretrained network. */
  readonly classify: (scope: Scope, seen: Tensor) => Tensor;
  /** How its parameters are trained. A moving average of its own is left out: one over few steps is no teacher. */
  readonly rule: Classifier["rule"];
  /** Phases of the first stage, which is left out without any; they read the stream `all`, whose view is the plain picture. */
  readonly generative: readonly Phase[];
  /** The first stage's share of training, 0..1. */
  readonly share: number;
  /** Smoothing of the labels that are known. Default 0. */
  readonly smoothing?: number;
  /** Where neighbours are looked for in the head `features`. Default: as in features that the model has learnt. */
  readonly space?: GraphSpace;
}

/** What it adds to a model, which has heads `classify` and `features` of its own. */
export interface FewLabels extends Required<Pick<BuiltModel, "stages" | "tables" | "heads">> {
  readonly streams: Streams;
}

/** Sizes of the classifier's two batches, as shares of the run's. */
const SHARES = { bank: 1.25, labelled: 0.25 } as const;
/** Pictures that the classifier sees in a step, at the usual batch size. */
export const FEW_LABELS_BATCH = USUAL_BATCH * (SHARES.bank + SHARES.labelled);

/** Stages, streams, tables and heads of training from few labels. */
export function fewLabels(options: FewLabelsOptions): FewLabels {
  const { data, classify, generative, share, smoothing, space } = options;
  const { emaDecay: _, ...rule } = options.rule;
  const { backbone } = data;
  // Of a frozen network there are features of the views that the run asks for.
  const hard = backbone?.frozen === "all" ? "augmented" : consistencyViews(data.channels, data.mirror).hard;
  const classifier: Phase = {
    ...rule,
    name: "classifier",
    loss(scope, _, { bank, labelled }) {
      // Both batches go through the network as one, so that batch norm sees one distribution.
      const seen = [labelled!, bank!].map(({ x }) => belowLayers(backbone, scope, x));
      const logits = classify(scope, g.concat(seen, 0));
      const [n, all] = [labelled!.x.shape[0]!, logits.shape[0]!];
      const own = classLoss(g.sliceAxis(logits, 0, 0, n), labelled!, smoothing);
      const guessed = bankLoss(scope, g.sliceAxis(logits, 0, n, all), bank!);
      return { loss: g.add(own, guessed), log: { class: own, guessed } };
    },
  };
  const first = firstGraph(data);
  const hasFirst = generative.length > 0;
  const stages: Stage[] = [
    ...(hasFirst ? [{ name: "generative", share, phases: generative }] : []),
    {
      name: "classifier",
      share: 1 - share,
      refresh: refreshBank(first, data.classes, {
        featureSpace: space,
        keepsFirst: backbone?.frozen === "all",
      }),
      phases: [classifier],
    },
  ];
  return {
    stages,
    streams: {
      ...(hasFirst ? { all: { views: { x: "plain" as const } } } : {}),
      bank: { only: "trust", share: SHARES.bank, views: { x: hard } },
      labelled: { from: "labelled", share: SHARES.labelled, views: { x: hard } },
    },
    tables: bankTables(data.classes.length),
    heads: first.heads,
  };
}
