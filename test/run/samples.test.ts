// What a run of a generator leaves to look at: the samples of each epoch, a film of them, and sheets and alarms in its report.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { gather, range } from "../../src/data/dataset.ts";
import { toBytes } from "../../src/data/picture.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { defineModel } from "../../src/models/model.ts";
import { samplesBetween } from "../../src/predict/between.ts";
import { evaluate } from "../../src/predict/evaluate.ts";
import { gridPng } from "../../src/report/pictures.ts";
import { load } from "../../src/run/load.ts";
import { writeReport } from "../../src/run/report.ts";
import { nearestTraining } from "../../src/run/sample-sheets.ts";
import { resumeRun, startRun } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { allOf, expectClose } from "../helpers.ts";
import { denseGenerator, smallGan } from "../train/small-gan.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-samples-"));
afterAll(() => rmSync(root, { recursive: true }));
const backend = nativeBackend();
const data = withValidation(glyphs({ train: 320, test: 40 }), 0.25, 1);
const EPOCHS = 3;

/** With a learning rate at which its numbers run away. */
const model = defineModel({
  ...{ name: "wild", title: "a GAN", cite: "Written for the tests, 2026" },
  options: z.object({}),
  build: () => smallGan(denseGenerator(data), { generator: 0.1, discriminator: 0.1 }),
});

describe("a run of a generator", () => {
  const out = join(root, "run");
  let told: RunEvent[];
  let report: string;
  beforeAll(async () => {
    const { run, events } = await startRun(model, { data, backend, out, epochs: EPOCHS, batch: 16 });
    told = await allOf(events);
    const trained = await load(out, { model });
    const found = await evaluate(trained, data.test!, data.classes);
    const failures: string[] = [];
    const file = await writeReport(run, trained, data.train, "test", found, (line) => failures.push(line));
    expect(failures).toEqual([]);
    report = readFileSync(file!, "utf8");
    await trained.dispose();
  });

  it("keeps a sheet of each epoch, of what the event has, and none of it in its log", async () => {
    const samples = told.filter((event) => event.type === "samples");
    expect(samples.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    const folder = join(out, "samples", "epochs");
    expect(readdirSync(folder)).toEqual(["00001.png", "00002.png", "00003.png"]);
    const sheet = await gridPng(samples[1]!.pixels, data.train, 10);
    expect(readFileSync(join(folder, "00002.png")).equals(sheet)).toBe(true);
    expect(readFileSync(join(out, "events.jsonl"), "utf8")).not.toContain('"samples"');
  });

  it("makes a film of them, a frame an epoch, that begins with the first", async () => {
    const file = join(out, "samples", "training.webp");
    expect(await sharp(file, { pages: -1 }).metadata()).toMatchObject({
      pages: EPOCHS,
      delay: [200, 200, 2000],
      loop: 0,
    });
    const grey = (input: string) => sharp(input).greyscale().raw().toBuffer();
    const [frame, sheet] = [await grey(file), await grey(join(out, "samples", "epochs", "00001.png"))];
    // WebP loses a little: a few levels of 255 on average.
    const error = frame.reduce((sum, value, i) => sum + Math.abs(value - sheet[i]!), 0) / sheet.length;
    expect(frame.length).toBe(sheet.length);
    expect(error).toBeLessThan(6);
    expect(report).toContain("data:image/webp;base64,");
  });

  it("has in its report what lies between samples, what is nearest to them, and its alarms with what to try", () => {
    expect(told.some((event) => event.type === "alarm" && event.name === "runaway")).toBe(true);
    for (const text of [
      "nearest",
      "evenly between their noise",
      "Alarms",
      "numbers run away",
      "check the learning rates",
    ])
      expect(report).toContain(text);
    for (const name of ["nearest.png", "interpolations.png"]) expect(existsSync(join(out, "samples", name))).toBe(true);
    const [header] = readFileSync(join(out, "results.csv"), "utf8").split("\n");
    for (const name of ["validation/coverage", "watch/sampleChange", "train/generator/gradientNorm"])
      expect(header!.split(",")).toContain(name);
  });

  it("moves between samples from the first draw of each row to another, and stays real on the way", async () => {
    const trained = await load(out, { model });
    const size = 28 * 28;
    // More than are computed at once.
    const made = await samplesBetween(trained, 60, 5, 7);
    const picture = (i: number) => made.subarray(i * size, (i + 1) * size);
    const drawn = (await trained.sample(60, { seed: 7 })).data;
    // The same noise and weights, in a batch of another size.
    for (const row of [0, 1, 59])
      expectClose(picture(5 * row), drawn.subarray(row * size, (row + 1) * size), 1e-4, `${row}`);
    expect(picture(4)).not.toEqual(picture(0));
    await trained.dispose();
  });

  it("finds the training picture that a sample is a copy of", async () => {
    const trained = await load(out, { model });
    const copies = await gather(data.train, range(30, 50));
    trained.sample = async () => ({
      shape: [20, 28, 28, 1],
      dtype: "float32",
      data: Float32Array.from(copies, (b) => b / 255),
    });
    const { pixels } = await nearestTraining(trained, data.train);
    const row = (i: number) => pixels.subarray(i * 10 * 784, (i + 1) * 10 * 784);
    expect(row(1)).toEqual(row(0));
    expect(row(3)).toEqual(row(2));
    expect(row(0)).toEqual(toBytes(Array.from(copies.subarray(0, 7840), (b) => b / 255)));
    await trained.dispose();
  });
});

describe("samples that cannot be written", () => {
  it("are told in a line, and the run goes on; a run that goes on makes the same sheets", async () => {
    const out = join(root, "unwritable");
    const call = { data, backend, out, epochs: 2, batch: 16 };
    const { run, events } = await startRun(model, call);
    writeFileSync(run.file("samples", "epochs"), "in the way");
    let note: string | undefined;
    for await (const event of events) {
      if (event.type === "note") note = event.text;
      if (note) break;
    }
    expect(note).toMatch(/^the film is without the samples of epoch 1: /);
    rmSync(run.file("samples", "epochs"));
    // As of a run that was killed in a later epoch.
    mkdirSync(run.file("samples", "epochs"));
    writeFileSync(run.file("samples", "epochs", "00009.png"), "");
    const told = await allOf((await resumeRun(out, { data, backend, model })).events);
    expect(readdirSync(run.file("samples", "epochs"))).not.toContain("00009.png");
    expect(told.at(-1)).toMatchObject({ type: "end", reason: "planned" });
    const again = told.findLast((event) => event.type === "samples")!;
    const straight = await allOf((await startRun(model, { ...call, out: join(root, "straight") })).events);
    expect(again.pixels).toEqual(straight.findLast((event) => event.type === "samples")!.pixels);
  });
});
