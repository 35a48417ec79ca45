// A run of vae on colour pictures as a user begins one: its classifier is a net of its own, which learns after encoder and decoder.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { gather, range } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { ExportedClassifier } from "../../src/predict/exported.ts";
import { load } from "../../src/run/load.ts";
import { startRun } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import { allOf } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-colour-"));
afterAll(() => rmSync(root, { recursive: true }));
const backend = nativeBackend();
const data = withValidation(glyphs({ train: 400, test: 40, colour: true }), 0.25, 1);

it("tells of each stage what it learns, classes from mixed pictures too, and is exported with both networks", async () => {
  const out = join(root, "run");
  const { events } = await startRun("vae", {
    ...{ data, backend, out, epochs: 10, batch: 32, augment: "light,cutmix", classWeights: "balanced" },
    options: { width: 4, hidden: 16, latent: 8, fastWidths: "8-16" },
  });
  const epochs = (await allOf(events)).filter((event) => event.type === "epoch");
  // A fifth of the epochs have no classes yet, and then the decoder rests.
  expect(epochs.map(({ metrics }) => "validation/accuracy" in metrics)).toEqual([
    false,
    false,
    ...new Array(8).fill(true),
  ]);
  expect(new Set(epochs.slice(2).map(({ metrics }) => metrics["validation/mse"])).size).toBe(1);

  const model = await load(out, { backend });
  const pictures = await gather(data.test!, range(0, 40));
  const answers = await model.classify(pictures);
  const right = answers.filter(({ label }, i) => label === data.classes[data.test!.labels[i]!]).length;
  // One in ten by chance: more than 14 of 40 would then be right once in 100,000 times.
  expect(right).toBeGreaterThan(14);
  const exported = await ExportedClassifier.load(readFileSync(join(out, "model.onnx")), backend);
  for (const [i, { label, novelty }] of (await exported.classify(pictures)).entries()) {
    expect(label).toBe(answers[i]!.label);
    expect(Math.abs(novelty! - answers[i]!.novelty!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(novelty!)));
  }
  expect((await model.reconstruct(pictures)).shape).toEqual([40, 28, 28, 3]);
  for (const used of [exported, model]) await used.dispose();
});
