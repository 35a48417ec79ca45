// An exported file by itself, and the forms in which a picture may be given.
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PbfWriter } from "pbf";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { zeros } from "../../src/base/array.ts";
import { gather } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { ExportedClassifier, exportHead, load, type NodeModel, VERSION } from "../../src/node.ts";
import { rowsAtOnce } from "../../src/predict/rows.ts";
import { exportedClassifier, writeExported } from "../../src/run/exported.ts";
import { resumeRun, startRun } from "../../src/run/train.ts";
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

  it("is refused where it names another file for its weights", async () => {
    const { bytes } = await exportHead(model, backend, VERSION);
    // What comes later in a file is added to what came before: a graph with one more tensor, whose values lie elsewhere.
    const writer = new PbfWriter();
    writer.writeMessage(
      7,
      (_: null, graph) =>
        graph.writeMessage(
          5,
          (_: null, tensor) => {
            tensor.writeStringField(8, "more");
            tensor.writeVarintField(14, 1);
          },
          null,
        ),
      null,
    );
    await expect(ExportedClassifier.load(Buffer.concat([bytes, writer.finish()]), backend)).rejects.toThrowError(
      /is no classifier of genclass/,
    );
  });
});

describe("an exported class-vae", () => {
  it.each(["none", "dynamic"])(
    "takes pictures alone, although its answers are drawn, and says what the run says (binarise=%s)",
    async (binarise) => {
      const out = join(root, `class-vae-${binarise}`);
      const options = { ...{ width: 4, depth: 1, hidden: 16, latent: 4, flowSteps: 2, flowHidden: 8 }, binarise };
      const { events } = await startRun("class-vae", {
        ...{ data: { ...data, validation: data.test }, backend, out, epochs: 1, batch: 20, options },
      });
      for await (const _ of events);
      const run = await load(out, { backend });
      const { inputs, outputs } = await exportHead(run, backend, VERSION);
      expect(inputs).toEqual(["pixels: uint8 [batch, 28, 28, 1], 0..255"]);
      expect(outputs.map((told) => told.split(":")[0])).toEqual(["probabilities", "label", "novelty"]);
      const pictures = await gather(data.test!, [0, 1, 2, 3, 4]);
      const executable = await backend.load(readFileSync(join(out, "model.onnx")));
      const found = { probabilities: zeros([5, 10]), label: zeros([5], "int32"), novelty: zeros([5]) };
      await executable.run({ pixels: { shape: [5, 28, 28, 1], dtype: "uint8", data: pictures } }, found);
      for (const [i, { label, probability, novelty }] of (await run.classify(pictures)).entries()) {
        const answer = found.label.data[i]!;
        expect(data.classes[answer]).toBe(label);
        // The file was checked against the run to this.
        expect(Math.abs(found.probabilities.data[10 * i + answer]! - probability)).toBeLessThan(1e-4);
        expect(Math.abs(found.novelty.data[i]! - novelty!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(novelty!)));
      }
      for (const used of [executable, run]) await used.dispose();
    },
  );
});

describe("a run's exported classifier", () => {
  const copy = (name: string): string => {
    const folder = join(root, name);
    cpSync(join(root, "run"), folder, { recursive: true });
    return folder;
  };
  /** Changes one byte of a file. */
  const harm = (file: string, at: number): void => {
    const bytes = readFileSync(file);
    bytes[at]! ^= 1;
    writeFileSync(file, bytes);
  };

  it("says what the run says, of more pictures than are computed at once too", async () => {
    const exported = (await exportedClassifier(join(root, "run")))!;
    expect([exported.spec, exported.resize, exported.classes]).toEqual([
      { height: 28, width: 28, channels: 1 },
      model.resize,
      data.classes,
    ]);
    expect(exported.falseAlarms).toBe("falseAlarms" in model.novelty ? model.novelty.falseAlarms : undefined);
    const many = await gather(
      data.train,
      Array.from({ length: rowsAtOnce(data.train) + 3 }, (_, i) => i % data.train.labels.length),
    );
    const [expected, found] = [await model.classify(many), await exported.classify(many)];
    expect(found.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
    const gaps = found.map(({ probability }, i) => Math.abs(probability - expected[i]!.probability));
    // The file was checked against the run to this.
    expect(Math.max(...gaps)).toBeLessThan(1e-4);
    await exported.dispose();
  });

  it.each([
    ["a file that was changed", (run: string) => harm(join(run, "model.onnx"), 5000)],
    ["another configuration", (run: string) => appendFileSync(join(run, "config.json"), " ")],
    // 64 hexadecimal digits after this name.
    [
      "other weights",
      (run: string) => {
        const file = join(run, "checkpoints", "best.safetensors");
        harm(file, readFileSync(file).indexOf('"weightsSha256":"') + 20);
      },
    ],
    [
      "weights that were changed",
      (run: string) => {
        const file = join(run, "checkpoints", "best.safetensors");
        harm(file, Number(readFileSync(file).readBigUInt64LE(0)) + 100);
      },
    ],
    ["a checkpoint that is cut short", (run: string) => truncateSync(join(run, "checkpoints", "best.safetensors"), 20)],
    ["weights that are gone", (run: string) => rmSync(join(run, "checkpoints"), { recursive: true })],
    ["a record that is none", (run: string) => writeFileSync(join(run, "exported.json"), "[]")],
    [
      "a record of another novelty, as runs of older versions have it",
      (run: string) => {
        const record = join(run, "exported.json");
        const { novelty: _, ...told } = JSON.parse(readFileSync(record, "utf8"));
        writeFileSync(record, JSON.stringify(told));
      },
    ],
    ["no record, as runs of older versions have none", (run: string) => rmSync(join(run, "exported.json"))],
    [
      "another head, whatever the record says",
      async (run: string) => writeExported(run, (await exportHead(model, backend, VERSION, "encode")).bytes),
    ],
  ])("is not used with %s", async (what, change) => {
    const run = copy(what);
    expect(await exportedClassifier(run)).toBeDefined();
    await change(run);
    expect(await exportedClassifier(run)).toBeUndefined();
  });

  it("is not used once the run has better weights, and is used again when that training ends", async () => {
    const run = copy("longer");
    const { events } = await resumeRun(run, { data: { ...data, validation: data.test }, backend, epochs: 3 });
    let before: unknown = "none";
    for await (const event of events)
      if (event.type === "epoch" && event.epoch === 3) before = await exportedClassifier(run);
    expect(before).toBeUndefined();
    const exported = (await exportedClassifier(run))!;
    const longer = await load(run, { backend });
    const [expected, found] = [await longer.classify(pixels), await exported.classify(pixels)];
    expect(Math.abs(found[0]!.probability - expected[0]!.probability)).toBeLessThan(1e-4);
    for (const used of [exported, longer]) await used.dispose();
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
