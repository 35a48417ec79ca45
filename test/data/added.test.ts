// Pictures that are added to a training part: which batches they are in, which data takes them, and that a run goes on with them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { withAdded } from "../../src/data/added.ts";
import { type Dataset, fingerprint, fingerprintDifferences, gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { OWN_ALONE_FROM, StreamBatches } from "../../src/data/streams.ts";
import { writeFolders } from "../../src/data/write.ts";

const own = glyphs({ train: 100, test: 10 });
const more: Dataset = { ...glyphs({ train: 40, test: 10, seed: 3 }), name: "more" };
const data = withAdded(own, more, 0.25);
const streamOf = (set: Dataset["train"], options: object = {}) =>
  new StreamBatches(set, { size: 32, seed: 1, augmentation: {}, ...options });

describe("added pictures in batches", () => {
  it("take their share of the places, and leave the others to the pictures that would be there without them", () => {
    const [plain, mixed] = [streamOf(own.train), streamOf(data.train)];
    // The last batch of an epoch has the four pictures that are left of 100.
    const places = [24, 24, 24, 3];
    for (let step = 0; step < 8; step++) {
      const [without, having] = [[...plain.examples(step)], [...mixed.examples(step)]];
      const kept = places[step % 4]!;
      expect(having.slice(0, kept)).toEqual(without.slice(0, kept));
      expect(having.length).toBe(without.length);
      expect(having.slice(kept).every((i) => i >= 100 && i < 140)).toBe(true);
    }
  });

  it("are each seen once before any is seen again", () => {
    const stream = streamOf(data.train, { endless: true });
    // Five batches of eight added pictures: all forty.
    const seen = [0, 1, 2, 3, 4].flatMap((step) => [...stream.examples(step).subarray(24)]);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => 100 + i));
  });

  it("take no place in the last steps of a stage, nor in a stream of unlabelled pictures", () => {
    const [plain, mixed] = [streamOf(own.train), streamOf(data.train)];
    expect(mixed.examples(5, OWN_ALONE_FROM)).toEqual(plain.examples(5));
    expect(mixed.examples(5, OWN_ALONE_FROM - 1e-6)).not.toEqual(plain.examples(5));
    const labels = data.train.labels.map((label, i) => (i < 50 ? -1 : label));
    const unlabelled = streamOf({ ...data.train, labels }, { from: "unlabelled" });
    for (let step = 0; step < 4; step++) expect(unlabelled.examples(step).every((i) => i < 50)).toBe(true);
  });

  it("come in order of a window where pictures are slow to read at random", () => {
    const pixels = { ...data.train.pixels, window: 16 };
    const stream = streamOf({ ...data.train, pixels }, { endless: true });
    const seen = [0, 1, 2, 3, 4].flatMap((step) => [...stream.examples(step).subarray(24)]);
    expect(new Set(seen).size).toBe(40);
    expect(seen.every((i) => i >= 100 && i < 140)).toBe(true);
  });
});

describe("a training part with added pictures", () => {
  it("has them last, with their classes by name, and leaves the other parts as they are", async () => {
    const [b, a] = [own.classes[3]!, own.classes[7]!];
    const other = {
      ...more,
      classes: [a, b],
      train: { ...more.train, labels: more.train.labels.map((label) => label % 2) },
    };
    const { train, test } = withAdded(own, other, 0.5);
    expect([...train.labels.subarray(0, 100)]).toEqual([...own.train.labels]);
    expect([...train.labels.subarray(100)]).toEqual([...other.train.labels].map((label) => (label === 0 ? 7 : 3)));
    expect(await gather(train, [105])).toEqual(await gather(more.train, [5]));
    expect(test).toBe(own.test);
  });

  it.each([
    [
      "classes",
      { classes: ["q", ...more.classes.slice(1)] },
      "E_DATA_LABEL",
      /of more have the class "q"; expected those of glyphs: 0, /,
    ],
    [
      "labels",
      { train: { ...more.train, labels: more.train.labels.map(() => -1) } },
      "E_DATA_LABEL",
      /^40 of the 40 added pictures of more have no label/,
    ],
    [
      "sizes",
      { train: { ...more.train, height: 14 } },
      "E_DATA_FORMAT",
      /of more are 14x28x1, the training pictures 28x28x1/,
    ],
  ] as const)("refuses pictures of other %s", (_what, wrong, code, message) => {
    expect(() => withAdded(own, { ...more, ...wrong }, 0.5)).toThrowError(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it("is recognised by its own pictures, the added ones and their share, each told apart", async () => {
    const differences = async (is: Dataset, parts?: ["test"]) =>
      fingerprintDifferences(await fingerprint(data), await fingerprint(is), parts);
    const added = ["the added pictures are others, or take another share of a batch"];
    expect(await differences(withAdded(own, more, 0.25))).toEqual([]);
    expect(await differences(own)).toEqual(added);
    expect(await differences(withAdded(own, more, 0.5))).toEqual(added);
    expect(await differences(withAdded(own, glyphs({ train: 40, test: 10, seed: 4 }), 0.25))).toEqual(added);
    // What is trained on does not matter to the test part.
    expect(await differences(own, ["test"])).toEqual([]);
  });
});

describe("a source that is added", () => {
  const root = mkdtempSync(join(tmpdir(), "genclass-added-"));
  afterAll(() => rmSync(root, { recursive: true }));

  it("may have a few of the classes, and is read at the size and in the colours of the data", async () => {
    const folder = join(root, "sevens");
    mkdirSync(join(folder, "7"), { recursive: true });
    const grey = { create: { width: 50, height: 30, channels: 3, background: "#808080" } } as const;
    writeFileSync(join(folder, "7", "grey.png"), await sharp(grey).toColourspace("b-w").png().toBuffer());
    const { train, test } = await open("glyphs-colour", { add: { path: folder, share: 0.5 } });
    expect(train.added).toEqual({ count: 1, share: 0.5 });
    expect(train.labels.at(-1)).toBe(7);
    expect(new Set(await gather(train, [train.labels.length - 1]))).toEqual(new Set([128]));
    expect(test!.labels.length).toBeGreaterThan(0);
  });

  it("has no class that the data lacks, and names the picture that says so", async () => {
    const folder = join(root, "letters");
    await writeFolders(
      { ...own, classes: own.classes.map((name) => (name === "9" ? "z" : name)), test: undefined },
      folder,
    );
    await expect(open("glyphs", { add: { path: folder, share: 0.5 } })).rejects.toMatchObject({
      code: "E_DATA_LABEL",
      message: expect.stringMatching(
        /letters: train.z.\d+\.png has the label "z", which the data does not name; expected one of 0, /,
      ),
    });
  });
});
