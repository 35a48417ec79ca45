// A pretrained network below a model's own layers: its features, and which of its parameters move.
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, input, type Tensor } from "../graph/tensor.ts";
import { Build, type Scope } from "../nn/scope.ts";
import type { Scale } from "../onnx/import/cut.ts";
import type { Network } from "../onnx/import/network.ts";
import { channelsLast, inOrder } from "../onnx/import/values.ts";
import type { Weights } from "../onnx/import/weights.ts";
import { type Heads, head } from "./heads.ts";

/** What its first layer takes: pixels of 0..1 less `mean`, over `deviation`, a number a channel. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Usual normalisations by name; `auto` is one of the others. */
export const NORMALISATIONS = ["auto", "none", "imagenet", "centred"] as const;

/** The numbers of a normalisation; undefined for pixels as they are. */
export function normalisationNamed(name: "none" | "imagenet" | "centred", channels: number): Normalisation | undefined {
  if (name === "none") return undefined;
  if (name === "centred") return { mean: new Array(channels).fill(0.5), deviation: new Array(channels).fill(0.5) };
  // Means and deviations of the training pictures of ImageNet, as torchvision publishes them; of grey, their means.
  return channels === 3
    ? { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] }
    : { mean: [0.449], deviation: [0.226] };
}

/** A pretrained network to build on. */
export interface Backbone {
  /** The network, as read from its ONNX file. */
  readonly network: Network;
  /** The name of the value to build on. */
  readonly cut: string;
  /**
   * Maps on the way there of which its features are means too, the largest first, for a model that looks at several scales; the last
   * is the cut. Default: the cut alone.
   */
  readonly scales?: readonly Scale[];
  /** Absent where the network does it itself. */
  readonly normalisation?: Normalisation;
  /** How much of it stays as it is: all, or what is before and in its first so many halvings of the picture. */
  readonly frozen: "all" | number;
}

/** The part of a model that its parameters belong to: `backbone/stageK/NAME`. */
const PART = "backbone";
/** Its learning rate, as a share of the model's own: what it knows shall be mended, not forgotten. */
const RATE = 0.1;

/** The file's weights as parameters and buffers of a scope, which begin as the file has them. */
const weightsIn = (scope: Scope): Weights => ({
  parameter: (path, { shape, data }) => scope.param(path, shape, () => Float32Array.from(data)),
  statistic: (path, { shape, data }) => scope.buffer(path, shape, () => Float32Array.from(data)),
});

/** What the network makes of pictures `[n, h, w, c]` at some values: maps `[n, h, w, d]`, or rows `[n, d]`. */
function mapsAt({ network, normalisation }: Backbone, root: Scope, x: Tensor, names: readonly string[]): Tensor[] {
  const { channels } = network.input;
  const [n, h, w, c] = x.shape as readonly number[] as [number, number, number, number];
  const coloured = c === 1 && channels === 3 ? g.broadcast(x, [n, h, w, channels]) : x;
  const row = (values: readonly number[]) => constant(ndarray("float32", [channels], values));
  const pixels = normalisation
    ? g.div(g.sub(coloured, row(normalisation.mean)), row(normalisation.deviation))
    : network.input.isBytes
      ? g.mul(coloured, 255)
      : coloured;
  return network
    .apply(pixels, weightsIn(root.child(PART)), names)
    .map((value) =>
      value.kind === "known"
        ? constant(ndarray("float32", value.shape, Float32Array.from(value.data)))
        : inOrder(value, channelsLast(value.shape.length)),
    );
}

/** The features of pictures: means over the places of the network's map, `[n, d]`; of several scales, those of each in turn. */
export function backboneFeatures(backbone: Backbone, root: Scope, x: Tensor): Tensor {
  return root.child(PART).costly(x, () => {
    const names = backbone.scales?.map(({ name }) => name) ?? [backbone.cut];
    const means = mapsAt(backbone, root, x, names).map((map) => {
      const places = map.shape.slice(1, -1).map((_, i) => i + 1);
      return places.length === 0 ? map : g.mean(map, places);
    });
    return means.length === 1 ? means[0]! : g.concat(means, 1);
  });
}

/** The head `pretrained` of a model on a network: the features of its last map, `[n, d]`. */
export const pretrainedHeads = (backbone: Backbone | undefined): Heads =>
  backbone
    ? {
        pretrained: head(["picture"], "features", (scope, { picture }) => {
          const all = backboneFeatures(backbone, scope, picture);
          const d = all.shape[1]!;
          return g.sliceAxis(all, 1, d - (backbone.scales?.at(-1)?.width ?? d), d);
        }),
      }
    : {};

/** How many features pictures of a size have. */
export function featureCount(backbone: Backbone, { height, width, channels }: PictureSize): number {
  const picture = input("picture", [1, height, width, channels]);
  return backboneFeatures(backbone, new Build(false).root, picture).shape[1]!;
}

interface PictureSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * What the layers of a model take: features `[n, d]` of its pretrained network where it has one, else the pictures. Batches that
 * go through the layers as one are to be joined behind it: features that were computed before are known for a batch as it is fed.
 */
export const belowLayers = (backbone: Backbone | undefined, root: Scope, x: Tensor): Tensor =>
  backbone ? backboneFeatures(backbone, root, x) : x;

/** What a phase adds to its `updates` for the network's parameters, which move more slowly than the model's own. */
export const backboneUpdates = (backbone: Backbone | undefined): { prefix: string; rateScale: number }[] =>
  !backbone || backbone.frozen === "all" ? [] : [{ prefix: `${PART}/`, rateScale: RATE }];

/**
 * Path prefixes of the network's parameters that stay as they are.
 * @param paths of all parameters of the model
 */
export function frozenPrefixes({ frozen }: Backbone, paths: Iterable<string>): string[] {
  if (frozen === "all") return [`${PART}/`];
  const stages = new Set<string>();
  for (const path of paths) {
    const [prefix, stage] = /^backbone\/stage(\d+)\//.exec(path) ?? [];
    if (prefix !== undefined && Number(stage) <= frozen) stages.add(prefix);
  }
  return [...stages];
}

/** The path of the part whose results may be computed once, while all of it is frozen. */
export const BACKBONE_PATH = `${PART}/`;
