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
    expect(await model.encode(path)).toEqual(await model.encode(pixels));
    expect(await model.reconstruct([path])).toEqual(await model.reconstruct(pixels));
  });

  it("is refused by name where it does not decode, and as bytes of a file where decoded ones are expected", async () => {
    writeFileSync(join(root, "notes.png"), "text");
    await expect(model.classify(pathToFileURL(join(root, "notes.png")))).rejects.toThrowError(
      /notes\.png does not decode/,
    );
    await expect(model.classify([new Blob(["text"])])).rejects.toThrowError(/^picture 0 does not decode/);
    await expect(model.classify(readFileSync(path))).rejects.toThrowError(/bytes of a picture file.*\[bytes\]/);
  });
});
