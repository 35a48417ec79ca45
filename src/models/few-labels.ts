// Training from few labels, for any model with a classifier: first codes of all pictures, by a small network that knows a picture
// again however it is changed, or features of a pretrained network; then the classifier, on a bank of guessed labels that a graph
// of these begins (label-bank.ts).
import { consistencyViews } from "../data/augment.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { conv, dense } from "../nn/layers.ts";
import { classLoss, contrastive, weightedMean } from "../nn/losses.ts";
import { convEncoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import type { Scope } from "../nn/scope.ts";
import { thumbnail } from "../nn/thumbnail.ts";
import { backboneFeatures, belowLayers } from "./backbone.ts";
import { type Beside, type GraphSpace, PRETRAINED } from "./graph-space.ts";
import { head } from "./heads.ts";
import { bankLoss, bankTables, refreshBank } from "./label-bank.ts";
import type { BuiltModel, DataSpec, Phase, Stage, Streams } from "./model.ts";

/** What the recipe is told of a model. */
export interface FewLabelsOptions {
  readonly data: DataSpec;
  /** Logits `[n, classes]` of what `belowLayers` gives: of pictures, or of features of a pretrained network. */
  readonly classify: (scope: Scope, seen: Tensor) => Tensor;
  /** Path prefixes of the parameters of `classify`. */
  readonly updates: Phase["updates"];
  /** How both stages are trained. */
  readonly rule: Pick<Phase, "optimizer" | "learningRate" | "schedule">;
  /** Phases of the first stage beside that of the codes, if any; they read the stream `all`, whose view is the plain picture. */
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

/** Size of the codes, and of the two layers between them and the maps. */
const [CODE, ...HIDDEN] = [64, 400, 256];
/** The encoder of the codes. */
const NET = { width: 32, activation: "relu", blocks: 0, norm: "none" } as const;
/** What similarities of codes are divided by. */
const TEMPERATURE = 0.2;
/**
 * Where neighbours of codes are looked for. In a trial that is not kept, a graph along principal axes found more of the labels than one in
 * a random projection to as many numbers.
 */
export const CODES: GraphSpace = { width: 32, axes: "principal", neighbours: 15 };

/** Pixels a side of the thumbnails that codes are joined with, at most. */
const THUMBNAIL = 16;
/**
 * What codes of greyscale pictures are joined with: the pictures themselves. Codes keep of a picture what its changes leave alone, and
 * so take a seven with a bar through it for a two where no labelled seven has one; by its pixels it is near other sevens. Weights were
 * compared by labels of training pictures that training does not see (results/codes.csv).
 */
export const PIXELS: Beside = { head: "shrunkPixels", space: CODES, weight: 2 };

/** Stages, streams, tables and heads of training from few labels. */
export function fewLabels(options: FewLabelsOptions): FewLabels {
  const { data, classify, updates, rule, generative, share, smoothing, space } = options;
  const { backbone } = data;
  // Of a frozen network there are features of the views that the run asks for.
  const hard = backbone?.frozen === "all" ? "augmented" : consistencyViews(data.channels, data.mirror).hard;
  const isJoined = !backbone && data.channels === 1;
  const net: NetShape = { ...NET, depth: defaultDepth(data.height, data.width) };

  const code = (scope: Scope, x: Tensor) => {
    const encoder = scope.child("codes");
    let y = g.flatten(g.relu(conv(encoder.child("conv"), convEncoder(encoder, x, net), 2 * net.width, 3)));
    for (const [i, units] of HIDDEN.entries()) y = g.relu(dense(encoder.child(`dense${i + 1}`), y, units));
    return ofLengthOne(dense(encoder.child("out"), y, CODE));
  };
  // SimCLR (Chen et al. 2020) learns labels from the layer below the last ones, which knows more of the picture than what two views
  // have in common (section 4.2); here what counts is which pictures are alike: in a trial that is not kept, more of the nearest
  // neighbours were of a picture's own class by the codes than by that layer.
  const codes: Phase = {
    ...rule,
    name: "codes",
    updates: ["codes/"],
    loss(scope, { views, weights }) {
      const [first, second] = [code(scope, views.changed!), code(scope, views.other!)];
      const loss = weightedMean(contrastive(first, second, weights, TEMPERATURE), weights);
      return { loss, log: { contrast: loss } };
    },
  };
  const classifier: Phase = {
    ...rule,
    name: "classifier",
    updates,
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
  // A pretrained network needs no codes to be trained: its features join pictures of a class.
  const first = backbone ? generative : [...generative, codes];
  const hasFirst = first.length > 0;
  const stages: Stage[] = [
    ...(hasFirst ? [{ name: "generative", share, phases: first }] : []),
    {
      name: "classifier",
      share: 1 - share,
      refresh: refreshBank("code", data.classes.length, {
        codeSpace: backbone ? PRETRAINED : CODES,
        beside: isJoined ? PIXELS : undefined,
        featureSpace: space,
        isFixed: backbone?.frozen === "all",
      }),
      phases: [classifier],
    },
  ];
  return {
    stages,
    streams: {
      ...(hasFirst
        ? { all: { views: { x: "plain" as const, ...(backbone ? {} : { changed: hard, other: hard }) } } }
        : {}),
      bank: { share: 1.25, views: { x: hard } },
      labelled: { from: "labelled", share: 0.25, views: { x: hard } },
    },
    tables: bankTables(data.classes.length),
    heads: {
      code: head(["picture"], "features", (scope, { picture }) =>
        backbone ? backboneFeatures(backbone, scope, picture) : code(scope, picture),
      ),
      ...(isJoined
        ? { [PIXELS.head]: head(["picture"], "features", (_, { picture }) => thumbnail(picture, THUMBNAIL)) }
        : {}),
    },
  };
}

/** Rows `[n, d]`, each over its length. */
const ofLengthOne = (rows: Tensor): Tensor => g.div(rows, g.sqrt(g.add(g.sum(g.square(rows), [1], true), 1e-12)));
