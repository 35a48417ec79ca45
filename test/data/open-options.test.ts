// Options of `open`: what is wrong is refused before anything is read, with what was given and what is expected.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { type OpenOptions, open } from "../../src/data/open.ts";
import { npy } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-open-options-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Twenty pictures of noise, of two classes. */
const small = join(root, "small.npz");
const pixels = Uint8Array.from({ length: 20 * 64 }, (_, i) => (i * 7919) % 256);
const labels = new Uint8Array(Int32Array.from({ length: 20 }, (_, i) => i % 2).buffer);
writeFileSync(
  small,
  zipSync({ "x_train.npy": npy("|u1", [20, 8, 8], pixels), "y_train.npy": npy("<i4", [20], labels) }),
);

/** As a program without types calls it. */
const opened = (...given: unknown[]) => open(...(given as [string, OpenOptions]));

describe("a source", () => {
  it.each([
    [[], /^open: the source is undefined; expected a name or a path, as in await open\("glyphs"\)$/],
    [[5], /^open: the source is 5; expected/],
    [[{ source: "glyphs" }], /^open: the source is \{ source: "glyphs" \}; expected/],
  ])("that is no text is refused: %j", async (given, message) => {
    await expect(opened(...given)).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringMatching(message),
    });
  });
});

describe("options of open", () => {
  it.each<[unknown, RegExp]>([
    [{ labels: -1 }, /^open: labels=-1: .*>=1$/],
    [{ labels: 0 }, /^open: labels=0: .*>=1$/],
    [{ labels: 2.5 }, /^open: labels=2\.5: expected a number a class as in 10, a share as in \{ share: 0\.05 \}, or/],
    [{ labels: "10" }, /^open: labels="10": expected a number a class/],
    [{ labels: { share: 0 } }, /^open: labels\.share=0: .*>0$/],
    [{ labels: { share: 1.5 } }, /^open: labels\.share=1\.5: .*<=1$/],
    [{ labels: { total: 0 } }, /^open: labels\.total=0: .*>=1$/],
    [{ labels: { share: 0.5, total: 3 } }, /^open: labels=\{ share: 0\.5, total: 3 \}: expected a number a class/],
    [{ labels: null }, /^open: labels=null: expected a number a class/],
    [{ unlabelled: 5 }, /^open: unlabelled=5: .*expected string/],
    [
      { add: "more" },
      /^open: add="more": expected a path and a share of each batch, as in \{ path: "more", share: 0\.5 \}/,
    ],
    [{ add: { path: "more", share: 0 } }, /^open: add\.share=0: .*>0$/],
    [
      { image: "28x28" },
      /^open: image="28x28": expected height and width in pixels, as in \{ height: 28, width: 28 \}/,
    ],
    [{ image: { height: 28 } }, /^open: image\.width=undefined: /],
    [{ image: { height: 28, width: 2 } }, /^open: image\.width=2: .*>=4$/],
    [{ photographs: 1e6 }, /^open: photographs=1000000: .*<=2048$/],
    [{ resize: "crop" }, /^open: resize="crop": .*"fit"\|"fill"\|"pad"$/],
    [{ pairs: "denoise" }, /^open: pairs="denoise": expected a change and its amount/],
    [{ pairs: { change: "denoise" } }, /^open: pairs=\{ change: "denoise" \}: expected an amount of 0\.01\.\.2$/],
    [{ pairs: { change: "edges", amount: 1 } }, /: expected no amount, as edges has none$/],
    [{ pairs: { change: "blur" } }, /^open: pairs\.change="blur": /],
    [{ validation: 5 }, /^open: validation=5: .*<1$/],
    [{ validation: 1 }, /^open: validation=1: .*<1$/],
    [{ validation: Number.NaN }, /^open: validation=NaN: /],
    [{ seed: -1 }, /^open: seed=-1: .*>=0$/],
    [{ seed: -1.5 }, /^open: seed=-1\.5: .*int/],
    [{ seed: 2 ** 31 }, /^open: seed=2147483648: .*<=2147483647$/],
    [{ memory: -1 }, /^open: memory=-1: .*>=0$/],
    [{ memory: "1 GB" }, /^open: memory="1 GB": expected a number of bytes$/],
    [{ maxUndecodable: 5 }, /^open: maxUndecodable=5: .*<=1$/],
    [{ emptyClasses: "yes" }, /^open: emptyClasses="yes": .*boolean/],
    [{ progress: true }, /^open: progress=true: expected a function$/],
    [{ label: 10 }, /^open has no option "label"; did you mean "labels"\? Known: labels, unlabelled, add, image, /],
    [{ cache: true }, /^open has no option "cache"\. Known: labels, /],
    [10, /^open: the options are 10; expected an object, as in \{ labels: 10 \}$/],
    [null, /^open: the options are null; expected an object/],
  ])("are refused: %j", async (options, message) => {
    // Before the source is looked for.
    await expect(opened("nowhere", options)).rejects.toMatchObject({
      code: "E_OPTION",
      message: expect.stringMatching(message),
    });
  });

  it("may be left out, one by one or all, also as undefined", async () => {
    const plain = await opened(small);
    const options = { labels: undefined, image: undefined, validation: undefined, progress: undefined };
    expect((await opened(small, options)).train.labels).toEqual(plain.train.labels);
    expect((await opened(small, undefined)).train.labels).toEqual(plain.train.labels);
  });

  it("at the ends of their ranges are taken", async () => {
    const options = { labels: { share: 1 }, validation: 0, seed: 2 ** 31 - 1, memory: Number.POSITIVE_INFINITY };
    const { train, validation } = await opened(small, { ...options, maxUndecodable: 0, photographs: 4 });
    expect([train.labels.includes(-1), validation]).toEqual([false, undefined]);
    // What else is known of pictures may come with their size.
    const { height, width, channels } = train;
    expect((await opened(small, { image: { height, width, channels } })).train.height).toBe(height);
  });

  it("leave each class a training picture, however large a part is held out", async () => {
    const { train } = await opened(small, { validation: 1 - 1e-9 });
    expect(new Set(train.labels).size).toBe(2);
  });
});
