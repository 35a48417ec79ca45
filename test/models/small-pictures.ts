// The 300 pictures 4x4 of three classes that baselines.py makes: each label is that of the brightest of three pixels, or in a third of
// the pictures another.
import { type Dataset, range, subset } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { DataSpec, Model } from "../../src/models/model.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions, Snapshot } from "../../src/train/fit-options.ts";
import { numbers } from "../reference/numbers.ts";

const [N, SIZE] = [300, 16];
const bytes = Uint8Array.from(numbers(N * SIZE, 3), (value) => Math.min(255, Math.floor(256 * value)));
const labels = Int32Array.from({ length: N }, (_, i) => {
  const three = [...bytes.subarray(i * SIZE, i * SIZE + 3)];
  const brightest = three.indexOf(Math.max(...three));
  return i % 3 === 0 ? (brightest + 1) % 3 : brightest;
});
const all = { ...{ height: 4, width: 4, channels: 1 }, pixels: inMemory(SIZE, bytes), labels };
const spec: DataSpec = { ...{ height: 4, width: 4, channels: 1, classes: ["a", "b", "c"], mirror: false } };

/** The first `n` of them to train on, without a validation part. */
const first = (n: number): Dataset => ({
  ...{ name: "small", classes: ["a", "b", "c"], mirror: false, warnings: [] },
  train: subset(all, range(0, n)),
});

/** A model trained on the first `n` pictures, and what it answers of the others: probabilities by picture and class. */
export async function trainedOnSmall(
  model: Model,
  options: Record<string, unknown>,
  n: number,
  more: Partial<FitOptions> = {},
): Promise<{ losses: number[]; probabilities: number[][] }> {
  const data = { ...spec, examples: { labelled: n, unlabelled: 0 } };
  const backend = nativeBackend();
  const losses: number[] = [];
  let saved: Snapshot | undefined;
  const running = fit({
    name: model.name,
    model: model.build(parseOptions(model, options), data),
    ...{ data: first(n), backend, seed: 1, batch: n, augmentation: {}, epochs: 1 },
    save: (_, snapshot) => void (saved = snapshot),
    ...more,
  });
  for await (const event of running) if (event.type === "step") losses.push(...Object.values(event.losses));
  const trained = new TrainedModel({ model: model.name, options, data }, saved!, backend, model);
  const asked = bytes.subarray(n * SIZE);
  const answers = asked.length > 0 ? await trained.classify(asked) : [];
  await trained.dispose();
  return {
    losses,
    probabilities: answers.map(({ probabilities }) => spec.classes.map((name) => probabilities[name]!)),
  };
}
