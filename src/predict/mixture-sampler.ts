// New pictures from the mixture of Gaussians that was fitted to latent vectors of validation pictures: of any class, or of one.
import type { NdArray } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { type ClassComponent, mixtureOf } from "../metrics/mixture-quantity.ts";
import { Random } from "../random/random.ts";
import type { CallOptions } from "./head-runner.ts";
import type { TrainedModel } from "./trained.ts";

/** Latent vectors with the class that each stands for. */
export interface DrawnCodes {
  /** `[n, d]` */
  readonly latent: Float32Array;
  /** `[n]` */
  readonly labels: Int32Array;
}

/** Whether pictures can be drawn from a mixture: a model that encodes and decodes, with one fitted. */
export const hasMixture = (model: TrainedModel): boolean =>
  model.has("encode") && model.has("decode") && mixtureOf(model.fitted) !== undefined;

/** The components of a class. @throws `E_HEAD` for a class of which no mixture was fitted */
export function componentsOf(model: TrainedModel, wanted: number): ClassComponent[] {
  const own = (mixtureOf(model.fitted) ?? []).filter((component) => component.class === wanted);
  if (own.length === 0)
    fail(
      "E_HEAD",
      `there is no mixture of class "${model.spec.classes[wanted]}": it is fitted in training, to a model that encodes and with at least 2 validation pictures of the class`,
    );
  return own;
}

/** Draws `n` latent vectors from components by their shares; the same for the same seed. */
export function drawCodes(components: readonly ClassComponent[], n: number, seed: number): DrawnCodes {
  const d = components[0]!.mean.length;
  const latent = new Float32Array(n * d);
  const labels = new Int32Array(n);
  const random = new Random(seed, "mixture components");
  const noise = new Float32Array(n * d);
  new Random(seed, "mixture noise").fillNormal(noise);
  const total = components.reduce((sum, { share }) => sum + share, 0);
  for (let i = 0; i < n; i++) {
    let left = random.uniform() * total;
    const chosen = components.find(({ share }) => (left -= share) <= 0) ?? components.at(-1)!;
    const { mean, factor } = chosen;
    labels[i] = chosen.class;
    const isDiagonal = factor.length === d;
    for (let j = 0; j < d; j++) {
      let value = mean[j]!;
      if (isDiagonal) value += factor[j]! * noise[i * d + j]!;
      else for (let k = 0; k <= j; k++) value += factor[j * d + k]! * noise[i * d + k]!;
      latent[i * d + j] = value;
    }
  }
  return { latent, labels };
}

/**
 * Pictures `[n, h, w, c]` in 0..1 from the mixture.
 * @param options `wanted`: class number; by default classes are as frequent as among the validation pictures
 * @throws `E_HEAD` where there is no mixture
 */
export function sampleMixture(
  model: TrainedModel,
  n: number,
  { seed = 0, wanted, signal }: CallOptions & { wanted?: number } = {},
): Promise<NdArray> {
  const components = wanted === undefined ? mixtureOf(model.fitted) : componentsOf(model, wanted);
  if (!components || !hasMixture(model))
    fail("E_HEAD", "there is no mixture to draw from: it is fitted in training, to models that encode and decode");
  const { latent, labels } = drawCodes(components, n, seed);
  return model.run("decode", { latent, label: labels }, { signal });
}
