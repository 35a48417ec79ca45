// An exported file by itself, and the forms in which a picture may be given.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gather } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { ExportedClassifier, exportHead, load, type NodeModel, VERSION } from "../../src/node.ts";
import { startRun } from "../../src/run/train.ts";
import { NATIVE } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-exported-"));
const backend = NATIVE;
const data = glyphs({ train: 200, test: 20 });
let model: NodeModel;
let pixels: Uint8Array;
let path: string;

beforeAll(async () => {
  const options = { width: 4, hidden: 16, latent: 4 };
  const { events, run } = await startRun("vae", {
    ...{ data: { ...data, validation: data.test }, backend, out: join(root, "run"), epochs: 1, batch: 20, options },
  });
  for await (const _ of events);
  model = await load(run.path, { backend });
  const { width, height } = data.test!;
  pixels = await gather(data.test!, [0]);
  path = join(root, "digit.png");
  await sharp(pixels, { raw: { width, height, channels: 1 } })
    .png()
    .toFile(path);
});
afterAll(async () => {
  await model.dispose();
  rmSync(root, { recursive: true });
});

describe("an exported classifier", () => {
  it("says what the run says, with its labels, of one and of many", async () => {
    const { bytes } = await exportHead(model, backend, VERSION);
    const exported = await ExportedClassifier.load(bytes, backend);
    expect([exported.spec, exported.classes]).toEqual([{ height: 28, width: 28, channels: 1 }, data.classes]);
    const three = await gather(data.test!, [0, 1, 2]);
    const [expected, found] = [await model.classify(three), await exported.classify(three)];
    for (const [i, { label, probability, novelty }] of expected.entries()) {
      expect(found[i]!.label).toBe(label);
      // The file was checked against the run to this.
      expect(Math.abs(found[i]!.probability - probability)).toBeLessThan(1e-4);
      expect(Math.abs(found[i]!.novelty! - novelty!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(novelty!)));
    }
    await expect(exported.classify(pixels.subarray(1))).rejects.toThrowError(/783 bytes are not a whole number/);
    await exported.dispose();
  });

  it("is refused where the file is another model or none", async () => {
    await expect(ExportedClassifier.load(readFileSync(path), backend)).rejects.toMatchObject({ code: "E_ONNX" });
    const { bytes } = await exportHead(model, backend, VERSION, "encode");
    await expect(ExportedClassifier.load(bytes, backend)).rejects.toThrowError(/is no classifier of genclass/);
  });
});

describe("a picture", () => {
  it("may be a path, an address, a blob or the bytes of a file, and gives the same", async () => {
    const [decoded] = await model.classify(pixels);
    const bytes = readFileSync(path);
    expect(await model.classify(path)).toEqual(decoded);
    expect(await model.classify(pathToFileURL(path))).toEqual(decoded);
    expect(await model.classify(new Blob([bytes]))).toEqual(decoded);
    expect(await model.classify([bytes, path])).toEqual(
      [decoded, decoded].map(() => expect.objectContaining({ label: decoded!.label })),
    );
    expect(await model.classify(bytes)).toEqual([decoded]);
    expect(await model.encode(path)).toEqual(await model.encode(pixels));
    expect(await model.reconstruct([path])).toEqual(await model.reconstruct(pixels));
  });

  it("is refused by name where it does not decode, wherever it comes from", async () => {
    writeFileSync(join(root, "notes.png"), "text");
    await expect(model.classify(pathToFileURL(join(root, "notes.png")))).rejects.toThrowError(
      /notes\.png does not decode/,
    );
    await expect(model.classify([new Blob(["text"])])).rejects.toThrowError(/^picture 0 does not decode/);
  });

  it("may be decoded pixels of any size, grey or with colours and alpha, as ImageData has them", async () => {
    const [own] = await model.classify(pixels);
    expect(await model.classify({ data: pixels, width: 28, height: 28 })).toEqual(own);
    expect((await model.classify([pixels, { data: pixels, width: 28, height: 28, channels: 1 }]))[1]!.label).toBe(
      own!.label,
    );
    const rgba = Uint8ClampedArray.from({ length: 4 * pixels.length }, (_, i) => (i % 4 === 3 ? 255 : pixels[i >> 2]!));
    // Grey as three equal colours comes back as grey, up to a rounding of sRGB.
    const coloured = await model.read([{ data: rgba, width: 28, height: 28 }]);
    expect(Math.max(...coloured.map((value, i) => Math.abs(value - pixels[i]!)))).toBeLessThanOrEqual(1);
    const twice = await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
      .resize(56, 56)
      .raw()
      .toBuffer();
    expect((await model.classify({ data: twice, width: 56, height: 56 })).label).toEqual(expect.any(String));
  });

  it("is checked before anything is computed: pictures with an alpha channel are not taken for others", async () => {
    const rgba = new Uint8Array(3 * 4 * pixels.length).map((_, i) => (i % 4 === 3 ? 255 : i % 251));
    await expect(model.classify(rgba)).rejects.toThrowError(
      /every fourth of these bytes is 255.*\{ data, width, height \}/s,
    );
    await expect(model.encode(pixels.subarray(1))).rejects.toThrowError(
      /783 bytes are no picture file, and no whole number/,
    );
    await expect(model.classify({ data: pixels, width: 28, height: 27 })).rejects.toThrowError(
      /27 high and 28 wide has 784/,
    );
    await expect(model.classify({ data: pixels, width: 28, height: 28, channels: 3 })).rejects.toMatchObject({
      code: "E_SHAPE",
    });
    for (const [wrong, said] of [
      [[path, 3], /picture 1 is 3; expected a path/],
      [new URL("https://example.org/a.png"), /picture 0 is at https:/],
      [{ width: 28 }, /picture 0 is an object of Object/],
      [null, /picture 0 is null/],
    ] as const)
      await expect(model.classify(wrong as never)).rejects.toThrowError(said);
  });
});
