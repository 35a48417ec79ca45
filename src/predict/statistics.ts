// The statistics of a picture from which its novelty is scored, as graphs of a model's heads: one forward pass, nothing drawn.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { applyHead, type Heads, requireHead } from "../models/heads.ts";
import type { Scope } from "../nn/scope.ts";

/** Asks heads of a model about pictures `x`; where one takes a class, it is told the class that the model answers. */
export interface Asked {
  readonly x: Tensor;
  ask(head: string): Tensor;
}

/** A number `[n]` of each picture. */
interface Statistic {
  /** The head that it needs, beside the picture itself. */
  readonly head?: string;
  build(asked: Asked): Tensor;
}

const norm = (x: Tensor): Tensor => g.sqrt(g.sum(g.square(g.flatten(x)), 1));

/**
 * In the order of the tables. The first, the third and the fourth are those of "Inference, Fast and Slow: Reinterpreting VAEs for OOD Detection"
 * (Huang, He & Lui 2025, LPath), which tell foreign pictures of about the same bound apart; the energy is that of Liu et al. 2020,
 * "Energy-based Out-of-distribution Detection"; the total variation is a stand-in for the size of the compressed picture
 * (Serrà et al. 2020), which catches noise and constant pictures.
 */
const STATISTICS: readonly Statistic[] = [
  // Distance of the reconstruction.
  { head: "reconstruct", build: ({ x, ask }) => norm(g.sub(x, ask("reconstruct"))) },
  // Cross entropy with the reconstruction: of two pictures as near to theirs, one that is grey all over has more than a black and white one.
  { head: "reconstruct", build: ({ x, ask }) => crossEntropy(x, ask("reconstruct")) },
  // Distance of the latent vector from the prior's centre.
  { head: "encode", build: ({ ask }) => norm(ask("encode")) },
  // How widely the posterior spreads.
  { head: "encodeDeviation", build: ({ ask }) => norm(ask("encodeDeviation")) },
  // The energy -ln Σ e^logits.
  { head: "classify", build: ({ ask }) => g.neg(g.logSumExp(ask("classify"), 1)) },
  // What the code does not tell of the features of a pretrained network, for a model of these.
  { head: "featureError", build: ({ ask }) => ask("featureError") },
  { build: ({ x }) => totalVariation(x) },
];

/** Probabilities are kept this far from 0 and 1. */
const MARGIN = 1e-4;

/** Cross entropy of pixels `x`, as probabilities, and `y`, nats a picture: of a Bernoulli likelihood, minus the bound's first term at the mean of the code. */
function crossEntropy(x: Tensor, y: Tensor): Tensor {
  const kept = g.clip(y, MARGIN, 1 - MARGIN);
  const known = g.add(g.mul(x, g.log(kept)), g.mul(g.sub(1, x), g.log(g.sub(1, kept))));
  return g.neg(g.sum(g.flatten(known), 1));
}

/** Mean absolute difference of neighbouring pixels `[n]` of pictures `[n, h, w, c]`. */
function totalVariation(x: Tensor): Tensor {
  const difference = (axis: number) => {
    const size = x.shape[axis]!;
    if (size < 2) return undefined;
    return g.mean(g.abs(g.sub(g.sliceAxis(x, axis, 1, size), g.sliceAxis(x, axis, 0, size - 1))), [1, 2, 3]);
  };
  const [down, across] = [difference(1), difference(2)];
  return down && across ? g.add(down, across) : (down ?? across ?? g.mul(g.mean(x, [1, 2, 3]), 0));
}

/** Whether a head can be asked about a picture alone. */
const canAsk = (heads: Heads, name: string): boolean =>
  name in heads && (!heads[name]!.takes.includes("label") || (name !== "classify" && "classify" in heads));

/**
 * The statistics that a model has the heads for. Of a classifier on a pretrained network, the energy alone: beside where that network's
 * features lie (metrics/novelty.ts), the others tell little of what is novel, and each is rare in some known pictures.
 */
const statisticsOf = (heads: Heads): Statistic[] =>
  "pretrained" in heads && canAsk(heads, "classify")
    ? STATISTICS.filter(({ head }) => head === "classify")
    : STATISTICS.filter(({ head }) => head === undefined || canAsk(heads, head));

/** Whether a model gives any statistic of what it has learnt: those of the picture alone are not its own. */
export const hasStatistics = (heads: Heads): boolean => statisticsOf(heads).some(({ head }) => head !== undefined);

/** How many statistics a model gives. */
export const statisticsCount = (heads: Heads): number => statisticsOf(heads).length;

/** All statistics that a model gives of pictures, `[n, s]`. */
export const statistics = (heads: Heads, asked: Asked): Tensor =>
  g.stack(
    statisticsOf(heads).map(({ build }) => build(asked)),
    1,
  );

/** Asks the heads of a model in a scope about pictures `[n, h, w, c]` in 0..1; each head is built once. */
export function askedOf(heads: Heads, scope: Scope, x: Tensor): Asked {
  const made = new Map<string, Tensor>();
  const ask = (name: string): Tensor => {
    const known = made.get(name);
    if (known) return known;
    const head = requireHead(heads, name);
    const label = head.takes.includes("label") ? g.argmax(ask("classify")) : undefined;
    const result = applyHead(head, scope, x.shape[0]!, { picture: x, label });
    made.set(name, result);
    return result;
  };
  return { x, ask };
}
