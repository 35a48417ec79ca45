// Draws new pictures of a class: between the latent vectors of real ones, where a model can encode and decode; else by asking
// the model for the class.
import { sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { toBytes } from "../data/picture.ts";
import type { Transformer } from "../data/transform.ts";
import { nearestOthers } from "../metrics/nearest.ts";
import type { TrainedModel } from "../predict/trained.ts";
import type { Random } from "../random/random.ts";

/** Bytes `[count, h, w, c]` of new pictures of the class `label`. */
export type ClassSampler = (label: number, count: number, random: Random) => Promise<Uint8Array>;

/** Real pictures of the same class that one is interpolated with. */
const NEIGHBOURS = 5;
/** The largest share of the way to a neighbour. */
const FARTHEST = 0.5;
/** Share of the posterior's standard deviation that is drawn around a code. */
const SPREAD = 0.7;

/**
 * How a model's new pictures of a class are drawn.
 * @param real pictures by class, each bytes `[n, h, w, c]` of at least two
 * @param changes those that the model learnt from, where it saw its training pictures changed
 * @throws `E_HEAD` for a model that can neither encode and decode, nor be asked for a class
 */
export async function classSampler(
  model: TrainedModel,
  real: readonly Uint8Array[],
  changes?: Transformer,
): Promise<ClassSampler> {
  if (model.has("encode") && model.has("decode")) return interpolation(model, real, changes);
  if (model.has("sample") && model.heads.sample!.takes.includes("label"))
    return async (label, count, random) => {
      const drawn = await model.sample(count, {
        seed: random.integer(2 ** 31),
        label: new Int32Array(count).fill(label),
      });
      return toBytes(drawn.data);
    };
  fail(
    "E_HEAD",
    `pictures of a class need heads "encode" and "decode", or a "sample" that takes a label; this model has ${Object.keys(model.heads).join(", ")}. Train another, such as vae`,
  );
}

/**
 * z = μᵢ + λ (μⱼ - μᵢ) + 0.7 σᵢ ε, with j among the five nearest of the class, λ uniform in 0..0.5 and ε standard normal. The
 * prior would give pictures of all classes, and blurred ones where few real pictures were trained on. Both are changed as in
 * training before they are encoded: what the model has learnt lies around the codes of changed pictures, and those of a handful as they are
 * would give pictures that are all alike.
 */
async function interpolation(
  model: TrainedModel,
  real: readonly Uint8Array[],
  changes: Transformer | undefined,
): Promise<ClassSampler> {
  const width = model.latentSize;
  const size = sizeOf([model.spec.height, model.spec.width, model.spec.channels]);
  const labels = (label: number, n: number) => new Int32Array(n).fill(label);
  const neighbours: Int32Array[][] = [];
  for (const [c, picture] of real.entries()) {
    const { data } = await model.run("encode", { picture, label: labels(c, picture.length / size) });
    neighbours.push(nearestOthers({ data, width }, NEIGHBOURS));
  }
  return async (label, count, random) => {
    const near = neighbours[label]!;
    const latent = new Float32Array(count * width);
    random.fillNormal(latent);
    /** The pictures that are begun with, then the ones that lie in the way. */
    const ends = new Uint8Array(2 * count * size);
    const ways = Float64Array.from({ length: count }, (_, row) => {
      const i = random.integer(near.length);
      const pair = [i, near[i]![random.integer(near[i]!.length)]!];
      for (const [side, k] of pair.entries()) {
        const at = (side * count + row) * size;
        ends.set(real[label]!.subarray(k * size, (k + 1) * size), at);
        changes?.apply(ends, at, random);
      }
      return FARTHEST * random.uniform();
    });
    const { data: means } = await model.run("encode", { picture: ends, label: labels(label, 2 * count) });
    const begins = { picture: ends.subarray(0, count * size), label: labels(label, count) };
    const deviations = model.has("encodeDeviation") ? (await model.run("encodeDeviation", begins)).data : undefined;
    for (let at = 0; at < latent.length; at++) {
      const [own, other] = [means[at]!, means[count * width + at]!];
      const around = deviations ? SPREAD * deviations[at]! * latent[at]! : 0;
      latent[at] = own + ways[Math.floor(at / width)]! * (other - own) + around;
    }
    const { data } = await model.run("decode", { latent, label: labels(label, count) });
    return toBytes(data);
  };
}
