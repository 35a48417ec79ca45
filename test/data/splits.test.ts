import { describe, expect, it } from "vitest";
import { fingerprint, gather, type ImageSet } from "../../src/data/dataset.ts";
import { classWeights } from "../../src/data/imbalance.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import { Random } from "../../src/random/random.ts";

const small = glyphs({ train: 200, test: 20 });
const count = (labels: Int32Array, classes: number) =>
  Array.from({ length: classes }, (_, k) => labels.filter((label) => label === k).length);

describe("splits", () => {
  it("hold out a stratified, disjoint validation part that depends on the seed alone", async () => {
    const split = withValidation(small, 0.2, 5);
    const counts = new Array(10).fill(0);
    for (const label of split.validation!.labels) counts[label]++;
    expect(counts).toEqual(new Array(10).fill(4));
    const keys = async (set: ImageSet) => {
      const bytes = Buffer.from(await gather(set));
      return Array.from(set.labels, (_, i) => bytes.toString("base64", i * 784, (i + 1) * 784));
    };
    expect(new Set([...(await keys(split.train)), ...(await keys(split.validation!))]).size).toBe(200);
    expect(await fingerprint(withValidation(small, 0.2, 5))).toBe(await fingerprint(split));
    expect(await fingerprint(withValidation(small, 0.2, 6))).not.toBe(await fingerprint(split));
  });

  it("hold out a part of half a million pictures of one class, and of as many without a label", () => {
    const n = 500_000;
    const labels = Int32Array.from({ length: 2 * n }, (_, i) => (i < n ? 0 : -1));
    const train = { height: 1, width: 1, channels: 1, pixels: inMemory(1, new Uint8Array(2 * n)), labels };
    const split = withValidation({ ...small, train, validation: undefined }, 0.1, 5);
    expect([split.train.labels.length, split.validation!.labels.length]).toEqual([2 * n - n / 10, n / 10]);
  });

  it("hold out a large share, but not the last picture of a class", () => {
    const labels = small.train.labels.map((label, i) => (label === 3 && i % 20 !== 3 ? -1 : label));
    const { train, validation } = withValidation({ ...small, train: { ...small.train, labels } }, 0.9, 5);
    const left = count(train.labels, 10);
    expect(left.filter((n) => n === 2)).toHaveLength(9);
    expect([left[3]! > 0, count(validation!.labels, 10)[0]]).toEqual([true, 18]);
    const two = withValidation(glyphs({ train: 20, test: 10 }), 0.9, 5);
    expect([count(two.train.labels, 10), count(two.validation!.labels, 10)]).toEqual([
      new Array(10).fill(1),
      new Array(10).fill(1),
    ]);
  });

  it("keep exactly N labels a class and refuse more than there are", () => {
    const few = withLabels(small, 3, 1);
    const counts = new Array(10).fill(0);
    for (const label of few.train.labels) if (label >= 0) counts[label]++;
    expect(counts).toEqual(new Array(10).fill(3));
    expect(() => withLabels(small, 21, 1)).toThrowError(/--labels 21: class "0" has 20 labelled training pictures/);
  });

  it("refuse so few that a class would get none, and a number for a class that has none", () => {
    for (const amount of [{ total: 9 }, { share: 0.001 }])
      expect(() => withLabels(small, amount, 1)).toThrowError(/expected 10\.\.200: at least one a class/);
    const labels = small.train.labels.map((label) => (label === 3 ? -1 : label));
    const without = { ...small, train: { ...small.train, labels } };
    expect(() => withLabels(without, 2, 1)).toThrowError(
      /--labels 2: class "3" has no labelled training picture; give it some, leave it out, or keep a share/,
    );
    expect(count(withLabels(without, { total: 18 }, 1).train.labels, 10)).toEqual([2, 2, 2, 0, 2, 2, 2, 2, 2, 2]);
  });

  it("keep a share or a number in all, within one of proportional, at least one a class", () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = new Random(seed, "sizes");
      const classes = 2 + random.integer(6);
      const sizes = Array.from({ length: classes }, () => 1 + random.integer(60));
      const labels = Int32Array.from(sizes.flatMap((size, k) => new Array<number>(size).fill(k)));
      const set = { height: 1, width: 1, channels: 1, pixels: inMemory(1, new Uint8Array(labels.length)), labels };
      const data = { ...small, classes: sizes.map((_, k) => `c${k}`), train: set };
      const total = classes + random.integer(labels.length - classes + 1);
      const kept = count(withLabels(data, { total }, seed).train.labels, classes);
      expect(kept.reduce((a, b) => a + b)).toBe(total);
      const forced = sizes.filter((size) => (total * size) / labels.length < 1).length;
      kept.forEach((n, k) => {
        expect(n).toBeGreaterThanOrEqual(1);
        // Classes that are owed less than one label get one, which the others pay for.
        expect(Math.abs(n - (total * sizes[k]!) / labels.length)).toBeLessThan(1 + forced);
      });
    }
  });

  it("keep labels as they are and all pictures, chosen by the seed", () => {
    const { train } = withLabels(small, 3, 1);
    train.labels.forEach((label, i) => {
      expect([small.train.labels[i], -1]).toContain(label);
    });
    expect(train.pixels).toBe(small.train.pixels);
    const kept = (seed: number) => [...withLabels(small, 3, seed).train.labels];
    expect(kept(1)).toEqual([...train.labels]);
    expect(kept(2)).not.toEqual(kept(1));
  });

  it("leave data alone that has a validation part, or where nothing is to be held out, and keep unlabelled pictures", () => {
    const split = withValidation(small, 0.2, 5);
    expect(withValidation(split, 0.5, 1)).toBe(split);
    expect(withValidation(small, 0, 5)).toBe(small);
    // One labelled picture a class cannot be spared, nor is an unlabelled one held out.
    const few = withValidation(withLabels(small, 1, 1), 0.5, 5);
    expect([few.train.labels.length, few.validation!.labels.length]).toEqual([200, 0]);
  });

  it("draw the same examples on every platform", () => {
    const { labels } = withLabels(small, 2, 7).train;
    // Threefry is integer arithmetic: these numbers must not change.
    expect(Array.from(labels.keys()).filter((i) => labels[i]! >= 0)).toMatchInlineSnapshot(`
      [
        1,
        2,
        31,
        34,
        53,
        83,
        95,
        99,
        107,
        126,
        136,
        138,
        139,
        157,
        160,
        165,
        170,
        172,
        178,
        194,
      ]
    `);
  });
});

describe("class weights", () => {
  const labels = Int32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, -1]);
  it("balanced: each class weighs the same in all, and the mean over labelled examples is 1", () => {
    const weights = classWeights(labels, ["a", "b"], "balanced");
    // n / (classes * n_c) = 10 / (2 * 8), 10 / (2 * 2)
    expect([...weights]).toEqual([0.625, 2.5]);
  });
  it("sqrt lies between none and balanced", () => {
    const [a, b] = classWeights(labels, ["a", "b"], "sqrt");
    expect(b! / a!).toBeCloseTo(2, 6);
    expect((8 * a! + 2 * b!) / 10).toBeCloseTo(1, 6);
    expect([...classWeights(labels, ["a", "b"], "none")]).toEqual([1, 1]);
  });
  it("given by name, refused for an unknown class or a negative weight", () => {
    const [a, b] = classWeights(labels, ["a", "b"], { b: 4 });
    expect(b! / a!).toBeCloseTo(4, 6);
    expect(() => classWeights(labels, ["a", "b"], { c: 1 })).toThrowError(/no class "c"; the data has a, b/);
    expect(() => classWeights(labels, ["a", "b"], { a: -1 })).toThrowError(/a=-1: expected a number/);
  });
});
