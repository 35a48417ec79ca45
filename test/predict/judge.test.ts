// Judged samples: generators whose samples are known beforehand, and a judge that reads bars exactly.
import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { type Dataset, gather, range, subset } from "../../src/data/dataset.ts";
import * as g from "../../src/graph/ops/index.ts";
import { constant, type Tensor } from "../../src/graph/tensor.ts";
import { head } from "../../src/models/heads.ts";
import { judgeSamples } from "../../src/predict/judge.ts";
import { translationFindings } from "../../src/predict/judge-translations.ts";
import { stopAfter } from "../helpers.ts";
import { bars, modelOf, plain, SIZE } from "../synthesis/bars.ts";

const [training, held, others] = [1, 2, 3].map((seed) => bars(300, seed).train);

/** The brightest line across, and the brightest one down: the two logits. */
const brightest = (picture: Tensor, axis: number) =>
  g.max(g.mean(g.reshape(picture, [picture.shape[0]!, 8, 8]), [axis]), [1]);
const judge = modelOf({
  classify: head(["picture"], "logits", (_scope, { picture, n }) =>
    g.mul(
      g.concat(
        [2, 1].map((axis) => g.reshape(brightest(picture, axis), [n, 1])),
        1,
      ),
      20,
    ),
  ),
  features: head(["picture"], "features", (_scope, { picture }) => g.flatten(picture)),
});

/** Pictures of a set, of which classes take turns, as float. */
async function pool(set: Dataset["train"]): Promise<Tensor> {
  const bytes = await gather(set);
  return constant(
    ndarray(
      "float32",
      [bytes.length / SIZE, 8, 8, 1],
      Float32Array.from(bytes, (byte) => byte / 255),
    ),
  );
}

/** Draws pictures of a pool: of the class asked for, or of one class alone. */
const drawing = (pictures: Tensor, only?: number) => {
  const pairs = pictures.shape[0]! / 2;
  const place = (noise: Tensor) => g.cast(g.minimum(g.floor(g.mul(noise, pairs)), pairs - 1), "int32");
  return modelOf({
    sample:
      only === undefined
        ? head(["label"], "picture", (scope, { label, n }) =>
            g.gather(pictures, g.add(g.mul(place(scope.noise("which", [n], "uniform")), 2), label)),
          )
        : head([], "picture", (scope, { n }) =>
            g.gather(pictures, g.add(g.mul(place(scope.noise("which", [n], "uniform")), 2), only)),
          ),
  });
};

describe("judged samples", () => {
  it("of pictures like the real ones are near them, cover them, are of the class asked for, and are no copies", async () => {
    const found = await judgeSamples(drawing(await pool(others!)), judge, held!, training);
    expect(found).toMatchObject({ n: 600, features: 64, askedClass: 1, copying: { copies: false } });
    expect(found.classEntropy).toBeCloseTo(1, 9);
    // 600 draws of a pool of 600 pictures repeat some, so that a little less is covered than by new ones.
    expect(found.coverage).toBeGreaterThan(0.85);
    expect(found.density).toBeGreaterThan(0.8);
    expect(found.spread).toBeCloseTo(1, 1);
    expect(Math.abs(found.kernelDistance!)).toBeLessThan(0.05);
    for (const one of found.classes) {
      expect(one).toMatchObject({ real: 300, generated: 300 });
      expect(one.coverage).toBeGreaterThan(0.8);
    }
  });

  it("of training pictures are copies, which is told only where these are at hand", async () => {
    const copier = drawing(await pool(training!));
    const found = await judgeSamples(copier, judge, held!, training);
    expect(found.copying).toMatchObject({ medianRatio: expect.closeTo(0, 6), nearShare: 1, copies: true });
    expect((await judgeSamples(copier, judge, held!)).copying).toBeUndefined();
    const signal = stopAfter(4);
    await expect(judgeSamples(copier, judge, held!, training, { signal })).rejects.toThrowError(
      "stopped by the signal",
    );
    expect(signal.asked).toBe(5);
  });

  it("of one class have no entropy, and no numbers for the other", async () => {
    const found = await judgeSamples(drawing(await pool(others!), 1), judge, held!);
    expect(found.askedClass).toBeUndefined();
    expect(found.classEntropy).toBe(0);
    expect(found.coverage).toBeLessThan(0.6);
    expect(found.classes[0]).toEqual({ name: "flat", real: 300, generated: 0 });
    expect(found.classes[1]).toMatchObject({ real: 300, generated: 600 });
    expect(found.frechetDistance).toBeGreaterThan(1);
  });

  it("are refused without a sample, by a judge without features, and beside too few pictures", async () => {
    const model = drawing(await pool(others!));
    await expect(judgeSamples(judge, judge, held!)).rejects.toThrowError(/E_HEAD|no head "sample"/);
    await expect(judgeSamples(model, modelOf(plain), held!)).rejects.toThrowError(/the judge has no head "features"/);
    await expect(judgeSamples(model, judge, subset(held!, range(0, 1)))).rejects.toThrowError(/1 pictures are too few/);
  });
});

describe("judged translations", () => {
  /** Turns bars by a quarter, or leaves them. */
  const translating = (isTurned: (label: Tensor) => Tensor) =>
    modelOf({
      translate: head(["picture", "label"], "picture", (_scope, { picture, label, n }) =>
        g.where(g.reshape(isTurned(label), [n, 1, 1, 1]), g.transpose(picture, [0, 2, 1, 3]), picture),
      ),
    });
  const shareOf = async (isTurned: (label: Tensor) => Tensor) =>
    (await translationFindings(translating(isTurned), judge, held!))[0]!;

  it("are of the class asked for as often as they are, which is never the own one", async () => {
    const always = await shareOf((label) => g.greaterEqual(label, 0));
    expect([always.info.name, always.value]).toEqual(["translatedClass", 1]);
    expect((await shareOf((label) => g.greater(label, 1))).value).toBe(0);
    // Of the 300 pictures of each class, those that are asked to become upright.
    const half = await shareOf((label) => g.equal(label, 1));
    expect(half.value).toBe(0.5);
    expect(half.interval![0]).toBeCloseTo(0.46012, 5);
    expect(await translationFindings(drawing(await pool(others!)), judge, held!)).toEqual([]);
  });
});
