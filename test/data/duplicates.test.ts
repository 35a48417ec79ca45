import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { checkData } from "../../src/data/check/check.ts";
import { findDuplicates, placeName } from "../../src/data/check/duplicates.ts";
import { gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { Random } from "../../src/random/random.ts";
import { DATA } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-duplicates-"));
afterAll(() => rmSync(root, { recursive: true }));

/** What people do to a picture before they store it twice. */
const CHANGES: ((picture: Sharp, width: number, height: number) => Sharp)[] = [
  (p) => p.jpeg({ quality: 40 }),
  (p, w, h) => p.resize(Math.round(w / 2), Math.round(h / 2)).jpeg({ quality: 80 }),
  (p) => p.modulate({ brightness: 1.15 }).jpeg(),
  (p, w, h) =>
    p
      .extract({
        left: Math.round(w * 0.02),
        top: Math.round(h * 0.02),
        width: Math.round(w * 0.96),
        height: Math.round(h * 0.96),
      })
      .jpeg(),
  (p) => p.blur(1).png(),
];

/** Pairs that the set itself holds across its parts: three watches whose picture is stored twice. */
const OWN = new Set([
  "image_0173.jpg image_0211.jpg",
  "image_0172.jpg image_0212.jpg",
  "image_0122.jpg image_0126.jpg",
]);

describe("near duplicates", () => {
  it.runIf(DATA)(
    "planted across train and test are all found, with at most two false ones",
    { tags: ["long"] },
    async () => {
      const folder = join(root, "photos");
      cpSync(join(DATA!, "caltech10"), folder, { recursive: true });
      const random = new Random(3, "plant");
      const classes = readdirSync(join(folder, "train")).sort();
      const planted = new Set<string>();
      for (let k = 0; planted.size < 20; k++) {
        const label = classes[k % classes.length]!;
        const files = readdirSync(join(folder, "train", label)).sort();
        const file = join("train", label, files[random.integer(files.length)]!);
        const copy = join("test", label, `copy-${k}.${k % CHANGES.length === 4 ? "png" : "jpg"}`);
        const original = sharp(join(folder, file));
        const { width, height } = await original.metadata();
        await CHANGES[k % CHANGES.length]!(original, width, height).toFile(join(folder, copy));
        planted.add(`${file} ${copy}`);
      }
      const data = await open(folder, { validation: 0, image: { height: 64, width: 64 } });
      const { near } = await findDuplicates(data);
      const across = near.filter(({ a, b }) => a.part !== b.part);
      const found = across.map(({ a, b }) => `${placeName(data, a)} ${placeName(data, b)}`);
      expect(found.filter((pair) => planted.has(pair)).length).toBe(20);
      const others = found.filter((pair) => !planted.has(pair) && !pair.includes("copy-"));
      const names = others.map((pair) =>
        pair
          .split(" ")
          .map((name) => name.split("/").pop())
          .sort()
          .join(" "),
      );
      expect(names.filter((pair) => !OWN.has(pair)).length).toBeLessThanOrEqual(2);
    },
  );

  it("of drawings, which are alike by nature, are told from mere similarity", { tags: ["long"] }, async () => {
    const data = glyphs({ train: 1500, test: 300 });
    const size = 784;
    const test = await gather(data.test!);
    const train = await gather(data.train);
    const random = new Random(1, "plant");
    // Twenty test pictures become training pictures with noise; five stay exact copies.
    for (let k = 0; k < 25; k++) {
      const at = 40 * k * size;
      for (let i = 0; i < size; i++)
        test[k * size + i] = Math.min(
          255,
          Math.max(0, train[at + i]! + (k < 20 ? Math.round(4 * random.normal()) : 0)),
        );
    }
    const { exact, near } = await findDuplicates({ ...data, test: { ...data.test!, pixels: inMemory(size, test) } });
    expect(exact.map(({ a, b }) => [a.index, b.index])).toEqual([20, 21, 22, 23, 24].map((k) => [40 * k, k]));
    const pairs = near.filter(({ a, b }) => a.part !== b.part).map(({ a, b }) => `${a.index} ${b.index}`);
    for (let k = 0; k < 20; k++) expect(pairs).toContain(`${40 * k} ${k}`);
    expect(pairs.length).toBeLessThanOrEqual(22);
  });

  it("are looked for until a signal is given, which whoever gives it has the time to", { tags: ["long"] }, async () => {
    const data = glyphs({ train: 4100, test: 10 });
    const control = new AbortController();
    // What is compared takes seconds; a timer's turn comes before it is done.
    const search = checkData(data, { signal: control.signal });
    let isAsked = false;
    const timer = setTimeout(() => {
      isAsked = true;
      control.abort(new Error("enough"));
    }, 1);
    await expect(search).rejects.toThrowError("enough");
    expect(isAsked).toBe(true);
    clearTimeout(timer);
  });
});
