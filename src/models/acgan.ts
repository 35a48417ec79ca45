// A generator of pictures of an asked class, trained against a discriminator that sees pictures with their classes.
import { z } from "zod";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { CLASS_LOSSES, type ClassLoss } from "../nn/adversarial.ts";
import { normalInit } from "../nn/init.ts";
import { conditionalGroupNorm, dense, spectralNorm } from "../nn/layers.ts";
import { perExample, weightedMean } from "../nn/losses.ts";
import type { Scope } from "../nn/scope.ts";
import { adversarial, adversarialBatch, adversarialOptions, type Game, groupsOf, type Real } from "./adversarial.ts";
import { head } from "./heads.ts";
import { labelledHalf } from "./labelled-half.ts";
import { defineModel } from "./model.ts";

const options = z.object({
  ...adversarialOptions,
  // Of networks with few features: novelty is fitted on their covariance.
  net: z.enum(["refined", "residual"]).default("refined").describe("networks"),
  embedding: z.number().int().min(1).max(512).default(32).describe("size of the generator's vector of a class"),
  conditioning: z
    .enum(["projection", "auxiliary", "adc"])
    .default("adc")
    .describe(
      "what looks at classes: the score itself (projection), a classifier (auxiliary), or one that also tells real from generated (adc); the last two classify",
    ),
  classWeight: z.number().min(0).max(100).default(1).describe("weight of the classifier's terms, where there is one"),
});

/** By projection a score learns classes from pictures with a label alone: where these are few they count so much beside all. */
const PROJECTED = 0.1;

/** Generates pictures of an asked class. Where a class is asked for as well as looked at, only pictures with a label teach it. */
export const acgan = defineModel({
  name: "acgan",
  title: "class-conditional GAN: generates pictures of an asked class",
  cite: "Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs; Miyato & Koyama 2018, cGANs with Projection Discriminator; Hou et al. 2022, Conditional GANs with Auxiliary Discriminative Classifier",
  options,
  batch: adversarialBatch,
  build(o, data) {
    const k = data.classes.length;
    const { picture, features, phases, noise } = adversarial(o, data);
    const rules = o.discriminatorNorm === "spectral" ? { weights: spectralNorm } : {};
    const discriminator = (scope: Scope) => scope.child("discriminator");

    /** Pictures of the classes `asked`, int32 `[n]`. */
    const generate = (scope: Scope, asked: Tensor): Tensor => {
      const classes = scope.child("generator").child("classes");
      const vectors = dense(classes, g.oneHot(asked, k), o.embedding, { bias: false, init: normalInit(1) });
      // Batch statistics would tie a picture to the classes beside it, and would not be those of the averaged weights.
      return picture(
        scope,
        noise(scope, asked.shape[0]!),
        (norm, x) => conditionalGroupNorm(norm, x, vectors, groupsOf(x.shape[3]!)),
        vectors,
      );
    };
    /** The label of each picture, or a class at random. */
    const askedOf = (scope: Scope, labels: Tensor): Tensor => {
      const drawn = g.cast(g.mul(scope.noise("asked", labels.shape, "uniform"), k), "int32");
      return g.where(g.less(labels, 0), g.minimum(drawn, k - 1), labels);
    };

    const realness = (scope: Scope, seen: Tensor) =>
      g.reshape(dense(discriminator(scope).child("out"), seen, 1, rules), [seen.shape[0]!]);
    /** The inner product of features and a vector of the class, 0 for the label -1. */
    const projection = (scope: Scope, seen: Tensor, labels: Tensor) => {
      const options = { ...rules, bias: false, init: normalInit(0.02) };
      const vectors = dense(discriminator(scope).child("projection"), g.oneHot(labels, k), seen.shape[1]!, options);
      return perExample(g.mul(seen, vectors));
    };
    const classLoss: ClassLoss | undefined = o.conditioning === "projection" ? undefined : CLASS_LOSSES[o.conditioning];
    const classifier = (scope: Scope, seen: Tensor, { outputs }: ClassLoss) =>
      dense(discriminator(scope).child("classes"), seen, outputs(k), rules);

    const game: Game = {
      generate: (scope, { labels }) => generate(scope, askedOf(scope, labels)),
      score: (scope, seen, labels) => {
        const score = realness(scope, seen);
        return classLoss ? score : g.add(score, projection(scope, seen, labels));
      },
      ...(classLoss ? { classes: classTerms(classLoss) } : {}),
    };

    /** Means over pictures with a label, each of which has a generated one of the same class beside it. */
    function classTerms(loss: ClassLoss): NonNullable<Game["classes"]> {
      const term = (of: ClassLoss["real"], scope: Scope, seen: Tensor, { labels, labelled }: Real) =>
        g.mul(weightedMean(of(classifier(scope, seen, loss), labels), labelled), o.classWeight);
      return {
        discriminator(scope, real, generated, batch) {
          const ofReal = term(loss.real, scope, real, batch);
          return loss.generated ? g.add(ofReal, term(loss.generated, scope, generated, batch)) : ofReal;
        },
        generator: (scope, generated, batch) => term(loss.generator, scope, generated, batch),
      };
    }

    return {
      // Pictures as they are: the generator would learn to make changed ones.
      streams: Object.fromEntries(
        Object.entries(labelledHalf(data.examples)).map(([name, stream]) => [
          name,
          { ...stream, views: { x: "plain" } },
        ]),
      ),
      stages: [
        {
          phases: phases(game, (_scope, all, { labelled }) =>
            labelled ? joined(all, labelled, classLoss ? 0 : PROJECTED) : all,
          ),
        },
      ],
      best: ["kernelDistance"],
      bestKeeps: { coverage: 0.95 },
      heads: {
        sample: head(["label"], "picture", (scope, { label }) => generate(scope, label)),
        discriminate: classLoss
          ? head(["picture"], "score", (scope, { picture }) => realness(scope, features(scope, picture)))
          : head(["picture", "label"], "score", (scope, { picture, label }) =>
              game.score(scope, features(scope, picture), label),
            ),
        features: head(["picture"], "features", (scope, { picture }) => features(scope, picture)),
        ...(classLoss
          ? {
              // A picture is taken for real: the classes as generated are left out.
              classify: head(["picture"], "logits", (scope, { picture }) =>
                g.sliceAxis(classifier(scope, features(scope, picture), classLoss), 1, 0, k),
              ),
            }
          : {}),
      },
    };
  },
});

/**
 * The pictures of two batches of one size as one, in turn, so that a share of them from the front is a fair one.
 * @param realness weight of those of `labelled` in the loss of real and generated: they are few, seen again and again, and would be
 *   learnt by heart as what is real. In the class terms they count as they did
 */
function joined(all: Real, labelled: Real, realness: number): Real {
  const inTurn = (a: Tensor, b: Tensor) => {
    const [n, ...row] = a.shape;
    return g.reshape(
      g.concat(
        [a, b].map((x) => g.reshape(x, [n!, 1, ...row])),
        1,
      ),
      [2 * n!, ...row],
    );
  };
  const both = (field: "x" | "labels" | "labelled") => inTurn(all[field], labelled[field]);
  return {
    x: both("x"),
    labels: both("labels"),
    labelled: both("labelled"),
    weights: inTurn(all.weights, g.mul(labelled.weights, realness)),
  };
}
