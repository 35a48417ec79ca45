import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PbfReader } from "pbf";
import { expect, it } from "vitest";
import { imagePng } from "../../src/report/pictures.ts";
import { crc32c, TensorBoardTracker, tfRecord } from "../../src/run/trackers/tensorboard.ts";

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
