// What the first graph of a bank of guessed labels joins (label-bank.ts): how edges run in normalised pictures, or features of a
// pretrained network.
import type { Tensor } from "../graph/tensor.ts";
import { momentNormalised } from "../nn/moments.ts";
import { orientations, shrunk } from "../nn/orientations.ts";
import type { Scope } from "../nn/scope.ts";
import { backboneFeatures } from "./backbone.ts";
import { type GraphSpace, PRETRAINED } from "./graph-space.ts";
import { head } from "./heads.ts";
import type { BuiltModel, DataSpec } from "./model.ts";

/** A head whose rows are joined, and where neighbours are looked for in them. */
export interface FirstGraph {
  /** Its name. */
  readonly head: string;
  readonly space: GraphSpace;
  /** Whether it is used where labels are too few to check it. */
  readonly usedUnchecked: boolean;
  readonly heads: BuiltModel["heads"];
}

/**
 * Where neighbours are looked for by how edges run (results/spread.csv). Nothing is learnt for it. In a trial that is not kept, codes that
 * a network learnt by the contrast of two views found less of Fashion-MNIST, and missed whole kinds of digits.
 */
export const EDGES: GraphSpace = { width: 256, axes: "principal", neighbours: 10 };

/**
 * How edges run in pictures `[n, h, w, c]` of which what is drawn is put into the middle, less slanted and nearer to one size: rows
 * `[n, …]`.
 */
export const normalisedEdges = (picture: Tensor): Tensor => orientations(momentNormalised(shrunk(picture)));

/**
 * The first graph of pictures, or of what a pretrained network makes of them. Edges tell drawings apart, which are greyscale; of colour
 * pictures they often tell little, and nothing where classes differ in colour.
 */
export function firstGraph({ backbone, channels }: Pick<DataSpec, "backbone" | "channels">): FirstGraph {
  const name = backbone ? "code" : "edges";
  const of = (scope: Scope, picture: Tensor) =>
    backbone ? backboneFeatures(backbone, scope, picture) : normalisedEdges(picture);
  return {
    head: name,
    space: backbone ? PRETRAINED : EDGES,
    usedUnchecked: backbone !== undefined || channels === 1,
    heads: { [name]: head(["picture"], "features", (scope, { picture }) => of(scope, picture)) },
  };
}
