// Teachers: small classifiers that judge generated pictures. Each is trained on another half of the real ones, so that they err
// in different places, and none of them is the classifier that will be trained on what they let through.
import type { ImageSet } from "../data/dataset.ts";
import { inMemory } from "../data/pixels.ts";
import { softmaxRows } from "../metrics/classification.ts";
import type { Rows } from "../metrics/nearest.ts";
import { cnn } from "../models/cnn.ts";
import type { DataSpec } from "../models/model.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { Random } from "../random/random.ts";
import type { Backend } from "../runtime/backend.ts";
import { trainInMemory } from "./in-memory.ts";

const TEACHERS = 3;
/** Little enough that all three are trained within a minute on two cores. */
const TRAINING = { options: { width: 16, hidden: 64 }, steps: 300, batch: 64, augment: "auto" };

/** What teachers say of n pictures. */
export interface Judgement {
  /** `[n, classes]`, the mean over the teachers. */
  readonly probabilities: Float64Array;
  /** The features of all teachers side by side. */
  readonly features: Rows;
}

/** Trained teachers. */
export class Teachers {
  constructor(private readonly models: readonly TrainedModel[]) {}

  /** What they say of bytes `[n, h, w, c]`. */
  async judge(picture: Uint8Array): Promise<Judgement> {
    const { length } = this.models[0]!.spec.classes;
    let probabilities = new Float64Array();
    const features: Rows[] = [];
    for (const model of this.models) {
      const p = softmaxRows((await model.logits(picture)).data, length);
      probabilities = p.map((value, i) => (probabilities[i] ?? 0) + value / this.models.length);
      const { data, shape } = await model.run("features", { picture });
      features.push({ data, width: shape[1]! });
    }
    return { probabilities, features: sideBySide(features) };
  }

  async dispose(): Promise<void> {
    for (const model of this.models) await model.dispose();
  }
}

/**
 * Trains teachers on bootstrap halves of real pictures.
 * @param real pictures by class, each bytes `[n, h, w, c]`
 * @param trained is called when one more is trained, with how many are
 */
export async function trainTeachers(
  real: readonly Uint8Array[],
  spec: DataSpec,
  { seed, backend, trained }: { seed: number; backend: Backend; trained?: (count: number) => void },
): Promise<Teachers> {
  const models: TrainedModel[] = [];
  for (let number = 0; number < TEACHERS; number++) {
    const train = bootstrapHalf(real, spec, new Random(seed, `synthesis:teacher ${number}`));
    const data = { name: "real", classes: spec.classes, train, mirror: spec.mirror, warnings: [] };
    models.push(await trainInMemory(cnn, data, { ...TRAINING, seed: seed + number, backend }));
    trained?.(models.length);
  }
  return new Teachers(models);
}

/** Half as many pictures of each class (rounded up) as there are, each drawn from all. */
function bootstrapHalf(real: readonly Uint8Array[], spec: DataSpec, random: Random): ImageSet {
  const { height, width, channels } = spec;
  const size = height * width * channels;
  const chosen = real.flatMap((bytes, label) =>
    Array.from({ length: Math.ceil(bytes.length / size / 2) }, () => {
      const i = random.integer(bytes.length / size);
      return { label, picture: bytes.subarray(i * size, (i + 1) * size) };
    }),
  );
  const bytes = new Uint8Array(chosen.length * size);
  for (const [i, { picture }] of chosen.entries()) bytes.set(picture, i * size);
  return {
    ...{ height, width, channels },
    pixels: inMemory(size, bytes),
    labels: Int32Array.from(chosen, ({ label }) => label),
  };
}

/** The rows of several arrays of as many rows, each after that of the array before. */
function sideBySide(parts: readonly Rows[]): Rows {
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const n = parts[0]!.data.length / parts[0]!.width;
  const data = new Float32Array(n * width);
  let from = 0;
  for (const part of parts) {
    for (let i = 0; i < n; i++)
      for (let k = 0; k < part.width; k++) data[i * width + from + k] = part.data[i * part.width + k]!;
    from += part.width;
  }
  return { data, width };
}
