// Draws new pictures of a class: between the latent vectors of real ones, where a model can encode and decode; else by asking
// the model for the class.
import { fail } from "../base/errors.ts";
import { toBytes } from "../data/picture.ts";
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
 * @throws `E_HEAD` for a model that can neither encode and decode, nor be asked for a class
 */
export async function classSampler(model: TrainedModel, real: readonly Uint8Array[]): Promise<ClassSampler> {
  if (model.has("encode") && model.has("decode")) return interpolation(model, real);
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

/** What is known of the codes of a class. */
interface ClassCodes {
  /** `[n, latentSize]`, as the next. */
  readonly mean: ArrayLike<number>;
  /** Standard deviations of the posterior; all 0 for a model that has none. */
  readonly deviation: ArrayLike<number>;
  /** Of each, its nearest others. */
  readonly neighbours: readonly Int32Array[];
}

/**
 * z = μᵢ + λ (μⱼ - μᵢ) + 0.7 σᵢ ε, with j among the five nearest of the class, λ uniform in 0..0.5 and ε standard normal. The
 * prior would give pictures of all classes, and blurred ones where few real pictures were trained on.
 */
async function interpolation(model: TrainedModel, real: readonly Uint8Array[]): Promise<ClassSampler> {
  const width = model.latentSize;
  const codes: ClassCodes[] = [];
  for (const [c, picture] of real.entries()) {
    const label = new Int32Array(picture.length / sizeOfPicture(model)).fill(c);
    const { data: mean } = await model.run("encode", { picture, label });
    const deviation = model.has("encodeDeviation")
      ? (await model.run("encodeDeviation", { picture, label })).data
      : new Float32Array(mean.length);
    codes.push({ mean, deviation, neighbours: nearestOthers({ data: mean, width }, NEIGHBOURS) });
  }
  return async (label, count, random) => {
    const { mean, deviation, neighbours } = codes[label]!;
    const latent = new Float32Array(count * width);
    random.fillNormal(latent);
    for (let row = 0; row < count; row++) {
      const i = random.integer(neighbours.length);
      const j = neighbours[i]![random.integer(neighbours[i]!.length)]!;
      const way = FARTHEST * random.uniform();
      for (let k = 0; k < width; k++) {
        const [own, other] = [mean[i * width + k]!, mean[j * width + k]!];
        const at = row * width + k;
        latent[at] = own + way * (other - own) + SPREAD * deviation[i * width + k]! * latent[at]!;
      }
    }
    const { data } = await model.run("decode", { latent, label: new Int32Array(count).fill(label) });
    return toBytes(data);
  };
}

const sizeOfPicture = ({ spec }: TrainedModel): number => spec.height * spec.width * spec.channels;
