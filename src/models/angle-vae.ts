// S1, the VAE with an explicit angle. An encoder on the picture in polar coordinates, where a turn is a shift, gives a content
// code that does not change with the angle, and a distribution of the angle that turns with the picture. The decoder draws the
// content upright, and the bound is summed over all angles; the class is told of the picture turned upright.
import { z } from "zod";
import { ndarray } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { circularMean, haveDirection } from "../metrics/circular.ts";
import type { FittedQuantity } from "../metrics/metric.ts";
import { circularDeviation, circularPeak, turnedBins } from "../nn/circular.ts";
import { bernoulli, categorical, gaussian } from "../nn/distributions.ts";
import { fastLogits, fastNet, largest } from "../nn/fast-net.ts";
import { glorotUniform } from "../nn/init.ts";
import { batchNorm, conv, dense, dropout } from "../nn/layers.ts";
import { classLoss, perExample, weightedMean } from "../nn/losses.ts";
import { convDecoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { inscribedCircle, polar, rowZeros, shifted, turn, turnedProducts, wrap } from "../nn/rotation.ts";
import { schedule, withWarmup } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { deviationOf } from "../nn/variational.ts";
import { fastWidths } from "./fast-training.ts";
import { type Heads, head } from "./heads.ts";
import { labelledHalf } from "./labelled-half.ts";
import { type Batch, defineModel, type Phase } from "./model.ts";
import { SCHEDULE_NAMES } from "./options.ts";

/** Angles that are told apart: a whole number of them is a quarter turn. */
const ANGLES = 32;
/** Directions that are read for each of them: at the rim of a picture of 28 pixels they are 1.4 pixels apart. */
const DIRECTIONS = 2;
const RADII = 16;
const DEGREES = 180 / Math.PI;
const BIN = (2 * Math.PI) / ANGLES;

const options = z.object({
  angleEncoder: z
    .boolean()
    .default(true)
    .describe("false: the same network on the picture itself, without an angle, for comparison"),
  uprightClassifier: z
    .boolean()
    .default(true)
    .describe(
      "the fast net on the picture turned upright tells the class; false: a layer on the content code does, which is otherwise a further loss",
    ),
  latent: z.number().int().min(1).max(1024).default(16).describe("size of the content code"),
  width: z
    .number()
    .int()
    .min(4)
    .max(256)
    .default(16)
    .describe("channels of the encoder's first level; the others have twice and three times as many"),
  decoderWidth: z.number().int().min(4).max(256).default(32).describe("channels of the decoder's largest maps"),
  boundWeight: z
    .number()
    .min(0)
    .max(100)
    .default(0.5)
    .describe("weight of the negative bound, in 100 nats, against the cross entropy"),
  likelihoodWarmup: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe("share of training over which the likelihood's weight in the bound rises from 0.1 to 1"),
  turnWeight: z
    .number()
    .min(0)
    .max(100)
    .default(0.1)
    .describe("weight of the loss that asks a turned picture for an angle that is turned as much"),
  jitter: z
    .number()
    .min(0)
    .max(10)
    .default(1)
    .describe("pixels by which the centre is moved at most, each way, while training"),
  testRotations: z
    .number()
    .int()
    .min(1)
    .max(16)
    .default(1)
    .describe("views over which classify averages, turned by as many parts of the angle between two bins"),
  dropout: z.number().min(0).max(0.9).default(0.3).describe("dropout before the class is told of the content code"),
  smoothing: z.number().min(0).max(0.5).default(0.05).describe("label smoothing"),
  decay: z.number().min(0).max(1).default(0.01).describe("weight decay (AdamW)"),
  rate: z.number().min(1e-6).max(1).default(3e-3).describe("learning rate (AdamW)"),
  schedule: z.enum(SCHEDULE_NAMES).default("cosine").describe("course of the learning rate"),
  warmup: z.number().min(0).max(0.5).default(0.1).describe("share of training over which the learning rate rises"),
});

/**
 * For each class, the angle that its upright pictures are found at, in degrees `[classes]`: 0 where the validation pictures
 * of the class have no common direction, as where they are turned at random. Angles are then those to the class's own frame.
 */
const uprightAngles: FittedQuantity = {
  name: "uprightAngles",
  needs: ["angle"],
  fit(p) {
    const angles = p.output("angle");
    const found = Array.from({ length: p.classes }, (_, label) => {
      const own = Array.from(angles).filter((_, i) => p.labels[i] === label);
      return haveDirection(own) ? circularMean(own).mean : 0;
    });
    return { uprightAngles: ndarray("float32", [p.classes], found) };
  },
};

/** S1: classifies, tells the angle, turns pictures upright, reconstructs, generates, and bounds the density of a picture. */
export const angleVae = defineModel({
  name: "angle-vae",
  title: "VAE classifier with an explicit angle",
  cite: "after Esteves et al. 2018, Polar Transformer Networks, and Nasiri & Bepler 2022, Unsupervised Object Representation Learning using Translation and Rotation Group Equivariant VAE (TARGET-VAE)",
  options,
  build(o, { height, width, channels, classes, mirror, examples }) {
    const side = Math.min(height, width);
    const angles = o.angleEncoder ? ANGLES : 1;
    const decoder: NetShape = {
      ...{ width: o.decoderWidth, depth: defaultDepth(side, side), activation: "relu", blocks: 0, norm: "none" },
    };
    const widths = fastWidths("auto", { height: side, width: side, channels, mirror });
    const circle = inscribedCircle([side, side]);

    // -------------------------------------------------------------------------------------------- encoder
    /** Maps `[n, ANGLES, radii, c]` of the pictures in polar coordinates; without an angle encoder `[n, h', w', c]` of themselves. */
    const mapsOf = (root: Scope, x: Tensor, phase = 0) => {
      const scope = root.child("trunk");
      const move =
        scope.training && o.jitter > 0
          ? g.mul(g.sub(scope.noise("centre", [x.shape[0]!, 2], "uniform"), 0.5), 2 * o.jitter)
          : undefined;
      const layer = (name: string, y: Tensor, levels: number, stride = 1) => {
        const child = scope.child(name);
        const around = o.angleEncoder ? wrap(y, 1, 1) : y;
        const padding = o.angleEncoder ? ([0, 1, 0, 1] as const) : 1;
        const maps = conv(child, around, levels * o.width, 3, { padding, stride: [stride, 1], bias: false });
        return g.relu(batchNorm(child.child("norm"), maps));
      };
      // Radii alone are halved: each angle keeps its place.
      const halved = (y: Tensor) =>
        g.maxPool(y, [o.angleEncoder ? 1 : Math.min(2, y.shape[1]!), Math.min(2, y.shape[2]!)]);
      const shape = { angles: DIRECTIONS * ANGLES, radii: RADII, phase: DIRECTIONS * phase };
      let y = o.angleEncoder ? polar(x, shape, move) : move ? shifted(x, move) : x;
      y = layer("conv1-2", layer("conv1-1", y, 1, o.angleEncoder ? DIRECTIONS : 1), 1);
      y = layer("conv2-2", layer("conv2-1", halved(y), 2), 2);
      return layer("conv3-2", layer("conv3-1", halved(y), 3), 3);
    };
    /** What does not change with the angle: mean and largest value of each map, `[n, 2 c]`. */
    const contentOf = (maps: Tensor) => g.concat([g.mean(maps, [1, 2]), g.max(maps, [1, 2])], 1);
    const codeOf = (scope: Scope, content: Tensor) => ({
      mean: dense(scope.child("code").child("mean"), content, o.latent, { init: glorotUniform }),
      logVariance: dense(scope.child("code").child("logVariance"), content, o.latent, { init: glorotUniform }),
    });
    /** Logits `[n, angles]` of how far the picture is turned from the decoder's frame: bin k is an angle of k BIN. */
    const angleLogits = (root: Scope, maps: Tensor) => {
      const [n, rows, columns, c] = maps.shape as readonly [number, number, number, number];
      if (!o.angleEncoder) return g.reshape(rowZeros(maps), [n, 1]);
      const scope = root.child("angle");
      const hidden = g.relu(dense(scope.child("dense"), g.reshape(maps, [n, rows, columns * c]), 32));
      return g.reshape(dense(scope.child("out"), hidden, 1, { init: glorotUniform }), [n, angles]);
    };
    /** The likeliest angle, radians `[n]`: in training the middle of its bin, through which no gradient flows. */
    const angleOf = (scope: Scope, logits: Tensor, phase = 0) => {
      const bin = scope.training ? g.cast(g.argmax(logits), "float32") : circularPeak(logits);
      return g.mul(g.add(bin, phase), BIN);
    };

    // -------------------------------------------------------------------------------------------- decoder and bound
    /** Logits `[n, side, side, c]` of the pixels, upright. */
    const drawn = (scope: Scope, code: Tensor) =>
      convDecoder(scope.child("decoder"), code, [side, side, channels], decoder);
    /** The square about the centre of pictures `[n, h, w, c]` in 0..1, turned; what lies outside its circle is 0. */
    const placed = (x: Tensor, angle: Tensor) =>
      g.mul(turn(x, angle, [height, width]), inscribedCircle([height, width]));
    const image = (scope: Scope, code: Tensor, angle = rowZeros(code)) =>
      placed(bernoulli.mean(drawn(scope, code)), angle);

    /** ln p(x | code, angle) for each angle, nats `[n, angles]`, of the pixels in the circle, as 0 or 1 or a probability of 1. */
    const logLikelihoods = (x: Tensor, logits: Tensor) => {
      // As in `bernoulli.logProb`: x · logits - softplus(logits).
      const none = perExample(g.mul(g.softplus(logits), circle));
      return g.sub(turnedProducts(x, g.mul(logits, circle), angles), g.reshape(none, [x.shape[0]!, 1]));
    };
    /** The terms of the bound, nats `[n]`, summed over the angles: their prior is uniform. */
    const bound = (scope: Scope, x: Tensor, maps: Tensor) => {
      const { mean, logVariance } = codeOf(scope, contentOf(maps));
      const code = gaussian.sample(mean, logVariance, scope.noise("code", mean.shape));
      const turns = angleLogits(scope, maps);
      const likelihood = g.sum(g.mul(g.softmax(turns), logLikelihoods(x, drawn(scope, code))), 1);
      const angleKl = g.sub(Math.log(angles), categorical.entropy(turns));
      return { likelihood, kl: g.add(perExample(gaussian.klToStandard(mean, logVariance)), angleKl), angleKl };
    };

    // -------------------------------------------------------------------------------------------- classifiers
    const contentLogits = (root: Scope, maps: Tensor) => {
      const scope = root.child("classifier");
      return dense(scope.child("out"), dropout(scope.child("drop"), contentOf(maps), o.dropout), classes.length);
    };
    /** Logits of the picture turned upright. In training the angle is a little off, as it will be for other pictures. */
    const uprightLogits = (root: Scope, x: Tensor, angle: Tensor) => {
      const scope = root.child("upright");
      const off =
        scope.training && o.angleEncoder
          ? g.mul(g.sub(scope.noise("off", angle.shape, "uniform"), 0.5), 20 / DEGREES)
          : 0;
      const maps = fastNet(scope.child("trunk"), turn(x, g.sub(off, angle), [side, side]), widths).at(-1)!;
      return fastLogits(scope.child("out"), largest(maps), classes.length);
    };
    /** Logits of each classifier that there is. */
    const answers = (scope: Scope, x: Tensor, maps: Tensor, phase = 0): { class: Tensor; upright?: Tensor } => ({
      class: contentLogits(scope, maps),
      ...(o.uprightClassifier
        ? { upright: uprightLogits(scope, x, angleOf(scope, angleLogits(scope, maps), phase)) }
        : {}),
    });
    const classify = (scope: Scope, x: Tensor) => {
      // Turned by whole bins the maps would be the same, moved on; so the views are turned by parts of one.
      const views = o.angleEncoder ? o.testRotations : 1;
      const all = Array.from({ length: views }, (_, j) => {
        const phase = j / views;
        const { class: ofContent, upright = ofContent } = answers(scope, x, mapsOf(scope, x, phase), phase);
        return upright;
      });
      return g.mul(all.reduce(g.add), 1 / views);
    };

    // -------------------------------------------------------------------------------------------- training
    const phase: Phase = {
      name: "joint",
      updates: [""], // every parameter
      optimizer: adam({ decay: o.decay }),
      learningRate: o.rate,
      schedule: withWarmup(o.warmup, schedule(o.schedule)),
      loss(scope, all, { labelled = all }) {
        const told = (labelled.mixed ?? labelled).x;
        const turning = turnedAsked(scope, all);
        // All pictures go through the encoder as one batch, so that batch norm sees one distribution.
        const parts = [all.x, ...(told === all.x ? [] : [told]), ...(turning ? [turning.x] : [])];
        const maps = mapsOf(scope, g.concat(parts, 0));
        const part = (x: Tensor) => {
          const before = parts.slice(0, parts.indexOf(x)).reduce((n, { shape }) => n + shape[0]!, 0);
          return g.sliceAxis(maps, 0, before, before + x.shape[0]!);
        };
        const losses = Object.entries(answers(scope, told, part(told))).map(
          ([name, logits]) => [name, classLoss(logits, labelled, o.smoothing)] as const,
        );
        const terms = bound(scope, all.x, part(all.x));
        const [likelihood, kl, angleKl] = [terms.likelihood, terms.kl, terms.angleKl].map((term) =>
          weightedMean(term, all.weights),
        ) as [Tensor, Tensor, Tensor];
        // With its full weight at once, the likelihood would settle the angle before the decoder draws anything.
        const rise = scope.annealed("likelihood", (progress) =>
          o.likelihoodWarmup > 0 ? Math.min(1, 0.1 + (0.9 * progress) / o.likelihoodWarmup) : 1,
        );
        const negativeBound = g.sub(kl, g.mul(likelihood, rise));
        const turned = turning?.loss(part(turning.x));
        const loss = [
          ...losses.map(([, term]) => term),
          g.mul(negativeBound, o.boundWeight / 100),
          ...(turned ? [g.mul(turned, o.turnWeight)] : []),
        ].reduce(g.add);
        const reconstruction = g.neg(likelihood);
        return {
          loss,
          log: { loss, ...Object.fromEntries(losses), reconstruction, kl, angleKl, ...(turned ? { turned } : {}) },
        };
      },
    };
    /**
     * An eighth of a batch turned by random angles, and the loss of what its angles are found to be: cross entropy against what
     * the averaged network finds for the pictures as they are, turned as much.
     */
    const turnedAsked = (scope: Scope, { x, weights }: Batch) => {
      if (!o.angleEncoder || o.turnWeight === 0) return undefined;
      const n = Math.ceil(x.shape[0]! / 8);
      const few = g.sliceAxis(x, 0, 0, n);
      const shift = g.mul(scope.noise("turn", [n], "uniform"), ANGLES);
      const found = g.softmax(angleLogits(scope.averaged, mapsOf(scope.averaged, few)));
      const asked = turnedBins(found, shift);
      return {
        x: turn(few, g.mul(shift, BIN)),
        loss: (maps: Tensor) => {
          const crossEntropy = g.neg(g.sum(g.mul(asked, g.logSoftmax(angleLogits(scope, maps))), 1));
          return weightedMean(crossEntropy, g.sliceAxis(weights, 0, 0, n));
        },
      };
    };

    // -------------------------------------------------------------------------------------------- heads
    const rawAngle = (scope: Scope, x: Tensor) => angleOf(scope, angleLogits(scope, mapsOf(scope, x)));
    /** The angle from upright, degrees `[n]` in -180..180. */
    const angle = (scope: Scope, x: Tensor) => {
      const upright = scope.fitted(uprightAngles.name, [classes.length], 0);
      const free = g.sub(g.mul(rawAngle(scope, x), DEGREES), g.gather(upright, g.argmax(classify(scope, x))));
      return g.sub(free, g.mul(g.floor(g.add(g.mul(free, 1 / 360), 0.5)), 360));
    };
    const posterior = (scope: Scope, x: Tensor) => codeOf(scope, contentOf(mapsOf(scope, x)));
    const code = (scope: Scope, x: Tensor) => posterior(scope, x).mean;
    const ofAngle: Heads = {
      angle: head(["picture"], "angle", (scope, { picture }) => angle(scope, picture)),
      angleSpread: head(["picture"], "score", (scope, { picture }) =>
        g.mul(circularDeviation(g.softmax(angleLogits(scope, mapsOf(scope, picture)))), DEGREES),
      ),
      canonical: head(["picture"], "picture", (scope, { picture }) =>
        placed(picture, g.mul(angle(scope, picture), -1 / DEGREES)),
      ),
    };
    return {
      stages: [{ phases: [phase] }],
      streams: labelledHalf(examples),
      best: ["accuracy", "nll"],
      latentSize: o.latent,
      fitted: o.angleEncoder ? [uprightAngles] : [],
      heads: {
        classify: head(["picture"], "logits", (scope, { picture }) => classify(scope, picture)),
        encode: head(["picture"], "latent", (scope, { picture }) => code(scope, picture)),
        encodeDeviation: head(["picture"], "latent", (scope, { picture }) => deviationOf(posterior(scope, picture))),
        decode: head(["latent"], "picture", (scope, { latent }) => image(scope, latent)),
        reconstruct: head(["picture"], "picture", (scope, { picture }) =>
          image(scope, code(scope, picture), rawAngle(scope, picture)),
        ),
        sample: head([], "picture", (scope, { n }) => {
          const turns = o.angleEncoder ? g.mul(scope.noise("angle", [n], "uniform"), 2 * Math.PI) : undefined;
          return image(scope, scope.noise("prior", [n, o.latent]), turns);
        }),
        elbo: head(["picture"], "score", (scope, { picture }) => {
          const { likelihood, kl } = bound(scope, picture, mapsOf(scope, picture));
          return g.sub(likelihood, kl);
        }),
        ...(o.angleEncoder ? ofAngle : {}),
      },
    };
  },
});
