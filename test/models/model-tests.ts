// What every model must hold. Each has a test file of its own that asks it, so that they run beside each other.
import { describe, expect, it } from "vitest";
import { type NdArray, zeros } from "../../src/base/array.ts";
import { AUGMENTATIONS } from "../../src/data/augment.ts";
import { type Dataset, exampleCounts, gather, range } from "../../src/data/dataset.ts";
import { type Pairing, withPairs } from "../../src/data/pairs.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, input } from "../../src/graph/tensor.ts";
import { applyHead, rowsOf } from "../../src/models/heads.ts";
import { describeOptions, parseOptions } from "../../src/models/index.ts";
import type { DataSpec, Model } from "../../src/models/model.ts";
import { PACKED } from "../../src/nn/optim.ts";
import { Build } from "../../src/nn/scope.ts";
import { Network } from "../../src/onnx/import/network.ts";
import { exportHead } from "../../src/predict/export.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions, Snapshot } from "../../src/train/fit-options.ts";
import { compileModel } from "../../src/train/steps.ts";
import { allOf, BACKENDS, NATIVE } from "../helpers.ts";

const SPECS: DataSpec[] = [
  [28, 28, 1, 10],
  [32, 32, 3, 2],
  [17, 40, 3, 5],
  [8, 8, 1, 3],
].map(([height, width, channels, k]) => ({
  height: height!,
  width: width!,
  channels: channels!,
  classes: Array.from({ length: k! }, (_, i) => `c${i}`),
  mirror: channels === 3,
}));

/** Drawings, a quarter of them for validation, some of each class with labels. */
const drawings = (count: number, labels: number): Dataset =>
  withLabels(withValidation(glyphs({ train: count, test: 10 }), 0.25, 1), labels, 1);
/** What models learn from. */
const LEARNT = drawings(1200, 40);
/** Enough for ten steps an epoch: where a run stops and goes on is the same in many of them. */
const REPEATED = drawings(400, 20);

const specOf = ({ classes, train }: Dataset): DataSpec => ({
  ...{ height: 28, width: 28, channels: 1, classes, mirror: false },
  examples: exampleCounts(train),
});
const spec = specOf(LEARNT);

/** Pairs made of drawings. */
export const pairsOf =
  (pairing: Pairing) =>
  (data: Dataset): Dataset =>
    withPairs(data, pairing, 1);

async function train(
  data: Dataset,
  model: Model,
  options: Record<string, unknown>,
  backend: Backend,
  more: Partial<FitOptions> = {},
) {
  let saved: Snapshot | undefined;
  const running = fit({
    name: model.name,
    model: model.build(parseOptions(model, options), specOf(data)),
    ...{ data, backend, seed: 1, batch: 32, augmentation: AUGMENTATIONS.none },
    save: (_which, snapshot) => void (saved = snapshot),
    ...more,
  });
  return { events: await allOf(running), saved: saved! };
}

/** Three pictures of the drawings, as bytes. */
const few = await gather(LEARNT.train, range(0, 3));

/** What a file of bytes that is read as a network gives for pictures. */
async function imported(bytes: Uint8Array, pictures: Uint8Array): Promise<NdArray> {
  const x = g.cast(input("pixels", [3, 28, 28, 1], "uint8"), "float32");
  const asIs = (_: string, value: NdArray) => constant(value);
  const [output] = Network.read(bytes).run(x, { parameter: asIs, statistic: asIs });
  const executable = await NATIVE.compile("imported", { output: output! }, { mode: "infer" });
  const result = zeros(output!.shape);
  await executable.run({ pixels: { shape: [3, 28, 28, 1], dtype: "uint8", data: pictures } }, { output: result });
  await executable.dispose();
  return result;
}

/**
 * The tests that a model must pass.
 * @param variants options that change what is built, small enough for a test
 * @param more
 * - given: what the model learns from: drawings, or pairs made of them
 * - epochs: of the first variant in the quick tests; those that learn slowly need more of them
 * - resumes: whether stopping and going on is asked in the quick tests too, of one model of each structure of stages: one phase,
 *   two networks against each other, several stages with tables, nothing but solving
 */
export function modelTests(
  model: Model,
  variants: readonly Record<string, unknown>[],
  {
    given = (drawings) => drawings,
    epochs = 4,
    resumes = false,
  }: { given?: (drawings: Dataset) => Dataset; epochs?: number; resumes?: boolean } = {},
): void {
  describe.each(variants.map((options, i) => ({ options, i })))(`model ${model.name} $options`, ({ options, i }) => {
    it("is cited, and documents every option with a default and a range", () => {
      expect(model.cite).toMatch(/\d{4}/);
      for (const option of describeOptions(model)) {
        expect(option.default, option.name).toBeDefined();
        expect(option.doc.length, option.name).toBeGreaterThan(5);
        expect(option.type, option.name).not.toContain("undefined");
      }
      expect(() => parseOptions(model, { nonsense: 1 })).toThrowError(/has no option "nonsense"/);
    });

    it("builds on every kind of picture, with heads that give what they promise", () => {
      for (const spec of SPECS) {
        const built = model.build(parseOptions(model, options), spec);
        const picture = input("x", [3, spec.height, spec.width, spec.channels]);
        const inputs = {
          picture,
          second: picture,
          latent: input("z", [3, built.latentSize ?? 0]),
          label: input("y", [3], "int32"),
        };
        for (const [name, head] of Object.entries(built.heads)) {
          const { shape } = applyHead(head, new Build(false).root, 3, inputs);
          const rows = rowsOf(name, head.gives, spec, built.latentSize);
          expect(shape, name).toEqual(rows ? [3, ...rows] : [3, expect.any(Number)]);
        }
      }
    });

    it("has phases that move what they name and nothing else, with all that heads need in the state", () => {
      const built = model.build(parseOptions(model, options), spec);
      const { stages, specs } = compileModel(built, spec, 4);
      for (const { phase, graph } of stages.flatMap(({ phases }) => phases)) {
        const prefixes = phase.updates.map((update) => (typeof update === "string" ? update : update.prefix));
        for (const path of graph.updates.keys()) {
          const own = path.replace(/^(average\/|optimizer\/[^/]+(\/\/)?\/?)/, "");
          // Common slots of small parameters carry no parameter's path.
          if (own.includes(PACKED) || path.startsWith("optimizer/")) continue;
          expect(
            prefixes.some((prefix) => own.startsWith(prefix)),
            `${phase.name} moves ${path}`,
          ).toBe(true);
        }
      }
      const walk = new Build(false);
      const picture = input("x", [4, 28, 28, 1]);
      const inputs = {
        ...{ picture, second: picture, label: input("y", [4], "int32") },
        latent: input("z", [4, built.latentSize ?? 0]),
      };
      for (const head of Object.values(built.heads)) applyHead(head, walk.root, 4, inputs);
      for (const path of walk.state.keys()) expect(specs.has(path), path).toBe(true);
    });

    // What backends compute alike is asked of ops; of a model, one variant on each is enough, as trainings take long: the first
    // one, on one of them, always.
    describe.each(i === 0 ? BACKENDS : BACKENDS.slice(-1))("on $name", (backend) => {
      const quick = i === 0 && backend === BACKENDS.at(-1);

      it("trains to what its heads promise, and exports each of them", { tags: quick ? [] : ["long"] }, async () => {
        // How well it learns is asked of one backend; of another, that it trains.
        const learns = backend === BACKENDS.at(-1);
        const { events, saved } = await train(given(LEARNT), model, options, backend, {
          epochs: quick ? epochs : learns ? 8 : 3,
        });
        const told = events.flatMap((event) => (event.type === "epoch" ? [event] : []));
        const [first, last] = [told[0]!.metrics, told.at(-1)!.metrics];
        const { heads } = model.build(parseOptions(model, options), spec);
        // Chance is 0.1; its standard error on 300 pictures is 0.017.
        if (heads.classify && learns) expect(last["validation/accuracy"]).toBeGreaterThan(0.3);
        if (heads.reconstruct && learns)
          expect(last["validation/mse"]).toBeLessThan(Math.max(...told.map((e) => e.metrics["validation/mse"]!)));
        // From pairs: nearer to the picture than what was translated.
        if (last["validation/psnr"] !== undefined && learns)
          expect(last["validation/psnr"]).toBeGreaterThan(last["validation/psnrBefore"]! + 1);
        if (heads.elbo && learns) expect(last["validation/elbo"]).toBeGreaterThan(first["validation/elbo"]!);
        const trained = new TrainedModel({ model: model.name, options, data: spec }, saved, backend, model);
        if (heads.sample) {
          const { data: pixels } = await trained.sample(32);
          expect(pixels.every((value) => value >= 0 && value <= 1)).toBe(true);
          // The same seed draws the same pictures; another seed and another place in the draw give others.
          expect((await trained.sample(32)).data).toEqual(pixels);
          expect((await trained.sample(32, { seed: 1 })).data).not.toEqual(pixels);
          // No two of many are the same, over the end of what is computed at once.
          const many = (await trained.sample(260)).data;
          const rows = Array.from({ length: 260 }, (_, i) =>
            Buffer.from(many.slice(784 * i, 784 * (i + 1)).buffer).toString("base64"),
          );
          expect(new Set(rows).size).toBe(260);
        }
        for (const name of Object.keys(heads)) {
          const { bytes, inputs } = await exportHead(trained, NATIVE, "test", name);
          expect(bytes.length, name).toBeGreaterThan(100);
          // What another run builds on (`--backbone RUN`, where no head is named) is this file, read again as a network.
          if (!["encode", "features"].includes(name) || inputs.length > 1) continue;
          const { data: codes } = await trained.run(name, { picture: few });
          const { data: found } = await imported(bytes, few);
          // Sums of float32 in another order, of codes of any size.
          const scale = Math.max(1, ...codes.map(Math.abs));
          for (const [i, code] of codes.entries()) expect(Math.abs(found[i]! - code), name).toBeLessThan(1e-4 * scale);
        }
        await expect(trained.run("fly", {})).rejects.toThrowError(/has no head "fly"; it has/);
        await trained.dispose();
      });

      it("stopped in mid-epoch and resumed ends with the same bits, and tells the same", {
        tags: quick && resumes ? [] : ["long"],
      }, async () => {
        const data = given(REPEATED);
        const straight = await train(data, model, options, backend, { epochs: 3 });
        const epochsOf = (events: RunEvent[]) =>
          events.flatMap((event) => (event.type === "epoch" ? [{ ...event, seconds: 0 }] : []));
        const steps = straight.saved.progress.step;
        // In the first third, and again in the last.
        const stops = [Math.floor(steps / 5), Math.floor(0.8 * steps)];
        let resume: Snapshot | undefined;
        const told: RunEvent[] = [];
        for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
          let seen = resume?.progress.step ?? 0;
          const part = await train(data, model, options, backend, {
            epochs: 3,
            resume,
            interrupted: () => ++seen >= stop,
          });
          told.push(...part.events);
          resume = part.saved;
          if (Number.isFinite(stop)) expect(part.events.at(-1)).toMatchObject({ reason: "interrupted" });
        }
        expect(epochsOf(told)).toEqual(epochsOf(straight.events));
        for (const [path, { data }] of straight.saved.state)
          expect(Buffer.from(resume!.state.get(path)!.data.buffer).equals(Buffer.from(data.buffer)), path).toBe(true);
        expect(resume!.tables).toEqual(straight.saved.tables);
      });
    });
  });
}
