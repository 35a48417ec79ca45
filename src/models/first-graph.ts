// What the first graph of a bank of guessed labels joins (label-bank.ts): how edges run in pictures, or features of a pretrained network.

import type { Tensor } from "../graph/tensor.ts";
import { orientations } from "../nn/orientations.ts";
import type { Scope } from "../nn/scope.ts";
import { type Backbone, backboneFeatures } from "./backbone.ts";
import { type GraphSpace, PRETRAINED } from "./graph-space.ts";
import { head } from "./heads.ts";
import type { BuiltModel } from "./model.ts";

/** A head whose rows are joined, and where neighbours are looked for in them. */
export interface FirstGraph {
  /** Name of the head. */
  readonly rows: string;
  readonly space: GraphSpace;
  readonly heads: BuiltModel["heads"];
}

/**
 * Where neighbours are looked for by how edges run (results/spread.csv). Nothing is learnt for it. In a trial that is not kept, codes that
 * a network learnt by the contrast of two views found less of Fashion-MNIST, and missed whole kinds of digits.
 */
export const EDGES: GraphSpace = { width: 128, axes: "principal", neighbours: 10 };

/** The first graph of pictures, or of what a pretrained network makes of them. */
export function firstGraph(backbone?: Backbone): FirstGraph {
  const rows = backbone ? "code" : "edges";
  const of = (scope: Scope, picture: Tensor) =>
    backbone ? backboneFeatures(backbone, scope, picture) : orientations(picture);
  return {
    rows,
    space: backbone ? PRETRAINED : EDGES,
    heads: { [rows]: head(["picture"], "features", (scope, { picture }) => of(scope, picture)) },
  };
}
