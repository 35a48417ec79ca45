// Nothing of the test part gets into training, nor of the order of pictures into what is told of each.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Dataset, ImageSet } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { view } from "../../src/data/pixels.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { writeNpz } from "../../src/data/write.ts";
import { evaluate } from "../../src/predict/evaluate.ts";
import { RunFolder } from "../../src/run/folder.ts";
import { load } from "../../src/run/load.ts";
import { startRun } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import type { EpochEvent } from "../../src/train/events.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-leaks-"));
afterAll(() => rmSync(root, { recursive: true }));
const backend = nativeBackend();
const { test, ...rest } = glyphs({ train: 200, test: 60 });

/** The pictures of a set in another order, with the labels that `labelOf` gives them. */
const arranged = (set: ImageSet, order: readonly number[], labelOf = (i: number) => set.labels[i]!): ImageSet => ({
  ...set,
  pixels: view(set.pixels, order),
  labels: Int32Array.from(order, labelOf),
});

const numbers = Array.from({ length: 60 }, (_, i) => i);
const byLabel = numbers.toSorted((a, b) => test!.labels[a]! - test!.labels[b]! || a - b);
const parts: Readonly<Record<string, ImageSet>> = {
  // Where a picture lies says which label it has.
  "sorted by label": arranged(test!, byLabel),
  // Pictures of the training part, each with another label than there.
  "of training pictures with planted labels": arranged(rest.train, numbers, (i) => (rest.train.labels[i]! + 1) % 10),
};

/** Trains on a source as a person would. @returns all that training leaves: weights, what was fitted, and what each epoch told */
async function trained(model: string, source: Dataset, options: Record<string, unknown>, name: string) {
  const file = join(root, `${name}.npz`);
  if (!existsSync(file)) await writeNpz(source, file);
  const data = await open(file, { validation: 0.2, seed: 3, labels: 5 });
  const { run, events } = await startRun(model, {
    ...{ data, backend, seed: 3, labels: 5, batch: 40, epochs: 2, options },
    out: join(root, `${model}-${name}`),
  });
  const epochs: EpochEvent[] = [];
  for await (const event of events) if (event.type === "epoch") epochs.push(event);
  const { state, fitted } = RunFolder.checkpointOf(run.path);
  const bytes = ({ data }: { data: ArrayBufferView }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
  const texts = (values: ReadonlyMap<string, { data: ArrayBufferView }>) =>
    Object.fromEntries([...values].map(([path, value]) => [path, bytes(value)]));
  return { state: texts(state), fitted: texts(fitted), metrics: epochs.map(({ metrics }) => metrics) };
}

describe.each([
  ["cnn", { width: 4, hidden: 16 }],
  ["m2", { latent: 4, hidden: 16 }],
  ["svm", { components: 8, cost: 1, gamma: 0.1 }],
])("%s", { tags: ["long"] }, (model, options) => {
  it("learns the same whatever the test part is and however it is ordered", async () => {
    const first = await trained(model, { ...rest, test }, options, "as it is");
    for (const [name, part] of Object.entries(parts))
      expect(await trained(model, { ...rest, test: part }, options, name), name).toEqual(first);
    // Another order of the training pictures is another training: what is compared does tell.
    const turned = arranged(rest.train, Array.from(rest.train.labels.keys()).reverse());
    const control = await trained(model, { ...rest, train: turned, test }, options, "turned");
    expect(control.state).not.toEqual(first.state);
  }, 60_000);

  it("says the same of a picture wherever it lies among the others", async () => {
    const trainedModel = await load(join(root, `${model}-as it is`), { backend });
    const probabilities = async (set: ImageSet) =>
      (await evaluate(trainedModel, set, rest.classes)).classification!.probabilities;
    const straight = await probabilities(test!);
    const sorted = await probabilities(parts["sorted by label"]!);
    for (const [place, i] of byLabel.entries())
      for (let c = 0; c < 10; c++)
        // Rows of a product that is computed for other rows beside it: rounding of float32.
        expect(Math.abs(sorted[place * 10 + c]! - straight[i * 10 + c]!)).toBeLessThan(1e-5);
    await trainedModel.dispose();
  });
});
