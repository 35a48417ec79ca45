// Keeps a generator where pictures are rare: a classifier that learns what is real from its pictures then draws its borders there, and
// not through the middle of a class (Dai et al. 2017, Good Semi-supervised Learning That Requires a Bad GAN, section 4.2). The source
// takes the density from a PixelCNN++, and begins after 9,000 steps; here it is the bound of a small VAE that is trained before.
import * as g from "../graph/ops/index.ts";
import type { Tensor } from "../graph/tensor.ts";
import { quantile } from "../metrics/quantile.ts";
import { gaussian } from "../nn/distributions.ts";
import { LIKELIHOODS } from "../nn/likelihoods.ts";
import { perExample, weightedMean } from "../nn/losses.ts";
import { convDecoder, convEncoder, defaultDepth, type NetShape } from "../nn/nets.ts";
import { adam } from "../nn/optim.ts";
import { SCHEDULES } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import { draw, posteriorOf } from "../nn/variational.ts";
import { type Head, head } from "./heads.ts";
import type { Batch, DataSpec, Phase, Refresh, TableSpec } from "./model.ts";

/** The share of training pictures that are less likely than the threshold: the source's. */
const RARE = 0.1;
/**
 * The share of each batch that is looked at, on every step. The authors' code looks at 30 pictures on a tenth of the steps, with ten
 * times the weight.
 */
const LOOKED_AT = 0.1;
const LATENT = 32;

/** A density of pictures and what is made of it. */
export interface LowDensity {
  /** Trains the density on the plain pictures of the stream `real`. */
  readonly phase: Phase;
  /** The head that `refresh` asks: a bound on the logarithm of a picture's density, nats. */
  readonly head: Readonly<Record<string, Head>>;
  readonly tables: Readonly<Record<string, TableSpec>>;
  /** Once the density is trained: measures the threshold. */
  readonly refresh: Refresh;
  /**
   * By how many nats generated pictures are likelier than the threshold: the mean over those of a tenth of them that are, as in the
   * authors' code; 0 where none is.
   * @param generated `[n, h, w, c]` in 0..1
   * @param real a batch of training pictures, which carries the threshold
   */
  penalty(scope: Scope, generated: Tensor, real: Batch): Tensor;
}

/** The density of pictures of this size; its parameters are under `density/`. */
export function lowDensity({ height, width, channels }: DataSpec): LowDensity {
  const depth = defaultDepth(height, width);
  const shape: NetShape = { width: 16, depth, activation: "relu", blocks: 0, norm: "none" };
  const { gaussian: likelihood } = LIKELIHOODS;
  /** The bound of one draw, `[n]`. */
  const bound = (root: Scope, x: Tensor): Tensor => {
    const scope = root.child("density");
    const posterior = posteriorOf(scope, g.flatten(convEncoder(scope.child("encoder"), x, shape)), LATENT);
    const { latent } = draw(scope, posterior);
    const maps = convDecoder(scope.child("decoder"), latent, [height, width, likelihood.maps(channels)], shape);
    const kl = perExample(gaussian.klToStandard(posterior.mean, posterior.logVariance));
    return g.sub(likelihood.logProb(scope, x, maps), kl);
  };
  return {
    phase: {
      name: "density",
      updates: ["density/"],
      ...{ optimizer: adam(), learningRate: 1e-3, schedule: SCHEDULES.cosine },
      loss(scope, _, { real }) {
        const loss = g.neg(weightedMean(bound(scope, real!.x), real!.weights));
        return { loss, log: { loss } };
      },
    },
    head: { logDensity: head(["picture"], "score", (scope, { picture }) => bound(scope, picture)) },
    // The same for all pictures: a number that a step is fed.
    tables: { threshold: { shape: [], fill: 0 } },
    refresh: {
      heads: ["logDensity"],
      async run({ predict, usable, tables, note }) {
        const each = await predict("logDensity");
        const threshold = quantile(
          Float64Array.from(usable, (i) => each[i]!),
          RARE,
        );
        tables.threshold!.fill(threshold);
        note(
          `generated pictures are to be rare: below a log density of ${threshold.toFixed(1)} nats, as ${100 * RARE} % of the training pictures are`,
        );
      },
    },
    penalty(scope, generated, { tables, weights }) {
      const n = Math.max(1, Math.round(LOOKED_AT * generated.shape[0]!));
      // Pictures that do not decode have no row, and no weight.
      const known = g.step(weights);
      const threshold = g.div(g.sum(g.mul(tables.threshold!, known)), g.maximum(g.sum(known), 1));
      const over = g.sub(bound(scope, g.sliceAxis(generated, 0, 0, n)), threshold);
      return g.div(g.sum(g.relu(over)), g.maximum(g.sum(g.step(over)), 1));
    },
  };
}
