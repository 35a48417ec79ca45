// Runs on the codes of another run: what they see are its codes, and they need it no more once they have begun.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type NdArray, sizeOf, zeros } from "../../src/base/array.ts";
import { gather, range } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { softmaxRows } from "../../src/metrics/classification.ts";
import { exportHead } from "../../src/predict/export.ts";
import { RunFolder } from "../../src/run/folder.ts";
import { load } from "../../src/run/load.ts";
import { networkNamed } from "../../src/run/run-network.ts";
import { planRun, resumeRun, startRun, type TrainOptions } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { allOf } from "../helpers.ts";
import { workplace } from "./workplace.ts";

const root = workplace("codes");
const backend = nativeBackend();
const data = withValidation(glyphs({ train: 400, test: 20 }), 0.2, 1);
const call = { data, backend, batch: 40, epochs: 2, seed: 2 };
const vae = join(root, "vae");

async function train(model: string, out: string, more: Partial<TrainOptions> = {}): Promise<RunEvent[]> {
  return allOf((await startRun(model, { ...call, out, ...more })).events);
}
const accuracyOf = (events: readonly RunEvent[]) =>
  Math.max(...events.flatMap((event) => (event.type === "epoch" ? [event.metrics["validation/accuracy"]!] : [])));
const stateOf = (run: string) => RunFolder.checkpointOf(run).state;
const codesOf = async (run: string, head: string, picture: Uint8Array) => {
  const model = await load(run, { backend });
  const { data } = await model.run(head, { picture });
  await model.dispose();
  return data;
};
function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  // The same weights in graphs that are made otherwise: sums of float32 in another order.
  for (let i = 0; i < found.length; i++) expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(1e-4);
}

let picture: Uint8Array;
beforeAll(async () => {
  await train("vae", vae, { epochs: 12, options: { latent: 12, hidden: 48, width: 8 } });
  picture = await gather(data.test!, range(0, 5));
}, 60_000);

describe("a classifier on the codes of a run", () => {
  it.each(["svm", "knn", "forest", "logistic", "mlp", "cnn"])(
    "%s sees what encode gives, and tells classes by it",
    async (model) => {
      const out = join(root, model);
      const components = model === "svm" || model === "knn" ? { components: 0 } : {};
      const trees = model === "forest" ? { trees: 10 } : {};
      const hidden = model === "mlp" ? { hidden: 64, dropout: 0, inputDropout: 0, rate: 0.01 } : {};
      const options = { ...components, ...trees, ...hidden };
      const epochs = ["svm", "knn", "forest"].includes(model) ? 2 : 25;
      const events = await train(model, out, { backbone: vae, epochs, options });
      // Chance is 0.1; its standard error on 80 pictures is 0.034.
      expect(accuracyOf(events)).toBeGreaterThan(0.3);
      const { heads } = await load(out, { backend });
      if (heads.values) expectClose(await codesOf(out, "values", picture), await codesOf(vae, "encode", picture));
    },
    60_000,
  );

  it("gives codes another head where one is named, and pictures as the run has them", async () => {
    const out = join(root, "features");
    await train("knn", out, { backbone: `${vae}@features`, options: { components: 0 } });
    expectClose(await codesOf(out, "values", picture), await codesOf(vae, "features", picture));
    const { image, resize } = planRun("knn", { backbone: vae }).options;
    expect({ image, resize }).toEqual({ image: { height: 28, width: 28 }, resize: "fit" });
    expect(planRun("knn", { backbone: vae, resize: "pad" }).options.resize).toBe("pad");
  });

  it("is whole, goes on and is exported when that run is gone", async () => {
    const gone = join(root, "g@ne");
    cpSync(vae, gone, { recursive: true });
    const straight = join(root, "straight");
    await train("logistic", straight, { backbone: gone });
    const stopped = join(root, "stopped");
    let steps = 0;
    await train("logistic", stopped, { backbone: gone, interrupted: () => ++steps >= 5 });
    rmSync(gone, { recursive: true });
    rmSync(process.env.GENCLASS_CACHE!, { recursive: true });
    await allOf((await resumeRun(stopped, { data, backend })).events);
    const [one, two] = [stateOf(straight), stateOf(stopped)];
    for (const [path, value] of one) expect(two.get(path)!.data, path).toEqual(value.data);
    const model = await load(stopped, { backend });
    const logits = await model.logits(picture);
    const executable = await backend.load(readFileSync(join(stopped, "model.onnx")));
    const [probabilities, label] = [zeros([5, 10]), zeros([5], "int32")];
    const pixels: NdArray = { shape: [5, 28, 28, 1], dtype: "uint8", data: picture };
    await executable.run({ pixels }, { probabilities, label });
    expectClose(probabilities.data, softmaxRows(logits.data, 10, model.temperature));
    expect(sizeOf(probabilities.shape)).toBe(50);
  });

  it("says where that run may have learnt from the validation pictures of this one", async () => {
    const notesOf = (events: readonly RunEvent[]) =>
      events.flatMap((event) =>
        event.type === "note" && /has seen validation pictures/.test(event.text) ? [event] : [],
      );
    const other = await train("knn", join(root, "other-seed"), { backbone: vae, seed: 3, validation: 0.2 });
    expect(notesOf(other)).toHaveLength(1);
    const same = await train("knn", join(root, "same-seed"), { backbone: vae, seed: 2 });
    expect(notesOf(same)).toEqual([]);
  });

  it("is the same on the run and on the file that exporting its head writes", async () => {
    const { bytes } = await exportHead(await load(vae, { backend }), backend, "another version", "encode");
    const file = join(root, "encode.onnx");
    writeFileSync(file, bytes);
    const out = join(root, "of-file");
    await train("knn", out, { backbone: file, options: { components: 0 } });
    expectClose(await codesOf(out, "values", picture), await codesOf(vae, "encode", picture));
  });
});

describe("a run to build on", () => {
  it("whose head gives no codes of a picture alone is refused, with those that do", async () => {
    expect(() => networkNamed(`${vae}@sample`)).toThrowError(
      /vae has no head sample that gives codes of a picture alone; it has, as in .*vae@features: features, encode/,
    );
    expect(() => networkNamed(`${vae}@nothing`)).toThrowError(/has no head nothing/);
    const out = join(root, "m2");
    await train("m2", out, { epochs: 1, options: { width: 4, decoderWidth: 4, hidden: 16, latent: 4 } });
    expect(() => networkNamed(out)).toThrowError(
      /m2 has no head encode or features that gives codes of a picture alone/,
    );
  });

  it("takes what it normalises itself, and pictures of its size alone", () => {
    expect(() => planRun("knn", { backbone: vae, normalise: "imagenet" })).toThrowError(
      /takes bytes, and normalises them itself; leave --normalise imagenet out/,
    );
    expect(() => planRun("knn", { backbone: vae, image: { height: 32, width: 32 } })).toThrowError(
      /takes pictures of 28x28; --image asks for 32x32/,
    );
  });
});
