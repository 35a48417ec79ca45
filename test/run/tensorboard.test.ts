import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PbfReader } from "pbf";
import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { imagePng } from "../../src/report/pictures.ts";
import { TensorBoardTracker } from "../../src/run/trackers/tensorboard.ts";
import { crc32c, tfRecord } from "../../src/run/trackers/tensorboard-records.ts";
import { histogramOf } from "../../src/run/trackers/tensorboard-values.ts";
import { trackersPython } from "./trackers-python.ts";

it("crc32c of 123456789 is the check value of CRC-32C/iSCSI", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
});

it("a record is length, masked checksum, data, masked checksum", () => {
  const record = tfRecord(Buffer.from("abc"));
  expect([record.length, record.readBigUInt64LE(0), record.toString("latin1", 12, 15)]).toEqual([19, 3n, "abc"]);
  const unmask = (masked: number) => {
    const rotated = (masked - 0xa282ead8) >>> 0;
    return ((rotated << 15) | (rotated >>> 17)) >>> 0;
  };
  expect(unmask(record.readUInt32LE(8))).toBe(crc32c(record.subarray(0, 8)));
  expect(unmask(record.readUInt32LE(15))).toBe(crc32c(Buffer.from("abc")));
});

it("an event file begins with its version and holds a step's scalars and pictures", async () => {
  const folder = mkdtempSync(join(tmpdir(), "genclass-tensorboard-"));
  const png = await imagePng(new Uint8Array(18).fill(90), { height: 2, width: 3, channels: 3 });
  const losses = { "joint/loss": 2.5 };
  const tracker = new TensorBoardTracker(folder);
  tracker.track({
    type: "step",
    step: 7,
    epoch: 1,
    progress: 0.5,
    seconds: 1,
    remaining: 1,
    imagesPerSecond: 100,
    losses,
    learningRate: 0.25,
  });
  tracker.image("samples", 7, png);
  tracker.flush();
  const bytes = readFileSync(join(folder, readdirSync(folder)[0]!));
  rmSync(folder, { recursive: true });
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 16 + messages.at(-1)!.length)
    messages.push(bytes.subarray(at + 12, at + 12 + Number(bytes.readBigUInt64LE(at))));
  const scalars: Record<string, number> = {};
  const image: unknown[] = [];
  let [version, step] = ["", 0];
  for (const message of messages)
    new PbfReader(message).readFields((tag, _, event) => {
      if (tag === 3) version = event.readString();
      if (tag === 2) step = event.readVarint();
      if (tag === 5)
        event.readMessage((_tag, __, summary) => {
          let name = "";
          summary.readMessage((field, ___, value) => {
            if (field === 1) name = value.readString();
            if (field === 2) scalars[name] = value.readFloat();
            if (field === 4)
              value.readMessage((part, ____, picture) => {
                image[part] = part < 4 ? picture.readVarint() : Buffer.from(picture.readBytes());
              }, null);
          }, null);
        }, null);
    }, null);
  expect([version, step]).toEqual(["brain.Event:2", 7]);
  // Height, width, three colours, and the file itself.
  expect(image.slice(1)).toEqual([2, 3, 3, png]);
  expect(scalars).toEqual({ "joint/loss": 2.5, learningRate: 0.25, imagesPerSecond: 100 });
});

describe("a histogram", () => {
  it("counts values in ranges of equal width, whose last end is the largest value", () => {
    const found = histogramOf(Float32Array.from({ length: 61 }, (_, i) => i / 2))!;
    // 0, 0.5, …, 30 in 30 ranges of width 1: two in each, and the largest value with the last.
    expect(found.counts).toEqual([...new Array(29).fill(2), 3]);
    expect(found.limits).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(found).toMatchObject({
      min: 0,
      max: 30,
      count: 61,
      sum: 915,
      squares: 61 * 15 ** 2 + (61 * (61 ** 2 - 1)) / 48,
    });
  });

  it("of equal values has one range, leaves out what is not finite, and is none of nothing", () => {
    expect(histogramOf([2, 2, Number.NaN])).toMatchObject({ limits: [2], counts: [2], sum: 4 });
    expect(histogramOf([Number.POSITIVE_INFINITY])).toBeUndefined();
  });

  it("of many values is of evenly spread ones", () => {
    const { count } = histogramOf(new Float32Array(250_000).map((_, i) => i))!;
    // Every third.
    expect(count).toBe(Math.ceil(250_000 / 3));
  });
});

const { python, skipped } = trackersPython("tensorboard");
describe.skipIf(!python)(`TensorBoard's own reader${skipped}`, () => {
  it("finds numbers, pictures, histograms and hyperparameters", async () => {
    const folder = mkdtempSync(join(tmpdir(), "genclass-tensorboard-"));
    const png = await imagePng(new Uint8Array(18).fill(90), { height: 2, width: 3, channels: 3 });
    const tracker = new TensorBoardTracker(folder, undefined, { seed: 3, model: "vae", mirror: true });
    const epoch = { epoch: 1, step: 7, seconds: 1, best: true };
    tracker.track({ type: "epoch", ...epoch, metrics: { "validation/accuracy": 0.5 } });
    tracker.parameters(7, new Map([["dense/weights", ndarray("float32", [4], [1, 2, 3, 5])]]));
    // Between epochs, and a second time, there are none.
    tracker.parameters(7, new Map([["dense/weights", ndarray("float32", [1], [9])]]));
    tracker.parameters(8, new Map([["dense/weights", ndarray("float32", [1], [9])]]));
    tracker.image("samples", 7, png);
    const ended = { epochsPerExample: { labelled: 1, unlabelled: 0 }, streams: {}, metrics: {} };
    tracker.track({ type: "end", reason: "planned", epoch: 1, step: 7, seconds: 1, ...ended });
    tracker.flush();
    const read = execFileSync(python!, [join(import.meta.dirname, "../reference/read_tensorboard.py"), folder]);
    rmSync(folder, { recursive: true });
    expect(JSON.parse(read.toString())).toEqual({
      scalars: { "validation/accuracy": [[7, 0.5]] },
      images: { samples: [[7, 3, 2, png.toString("base64")]] },
      histograms: { "parameters/dense/weights": [[7, 1, 5, 4, 11, 39]] },
      hparams: { seed: 3, model: "vae", mirror: true },
      status: 1,
    });
  });
});
