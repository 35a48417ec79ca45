// TensorBoard event files: TFRecords of the Event message (scalars and pictures), so that any TensorBoard reads a run folder.
import { hostname } from "node:os";
import { join } from "node:path";
import { PbfWriter } from "pbf";
import { now } from "../../base/clock.ts";
import type { RunEvent } from "../../train/events.ts";
import { append } from "../files.ts";

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c;
});

/** CRC-32C (Castagnoli), as the record format asks for. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** One record: length, its checksum, data, its checksum. */
export function tfRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(12 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(masked(crc32c(record.subarray(0, 8))), 8);
  record.set(data, 12);
  record.writeUInt32LE(masked(crc32c(data)), 12 + data.length);
  return record;
}

function eventMessage(seconds: number, step: number, body: (out: PbfWriter) => void): Uint8Array {
  const out = new PbfWriter();
  out.writeDoubleField(1, seconds);
  out.writeVarintField(2, step);
  body(out);
  return out.finish();
}

function writeScalar({ tag, value }: { tag: string; value: number }, out: PbfWriter): void {
  out.writeStringField(1, tag);
  out.writeFloatField(2, value);
}

function writeSummary(values: readonly { tag: string; value: number }[], out: PbfWriter): void {
  for (const value of values) out.writeMessage(1, writeScalar, value);
}

/** A picture of the Summary message: height, width, colour space (1: grey, 3: RGB) and the file, as PNG's own header has them. */
function writeImage(png: Buffer, out: PbfWriter): void {
  out.writeVarintField(1, png.readUInt32BE(20));
  out.writeVarintField(2, png.readUInt32BE(16));
  out.writeVarintField(3, png[25] === 0 ? 1 : 3);
  out.writeBytesField(4, png);
}

function writeImageValue({ tag, png }: { tag: string; png: Buffer }, out: PbfWriter): void {
  out.writeStringField(1, tag);
  out.writeMessage(4, writeImage, png);
}

/** Seconds for which records are gathered: a write a step would stand between the steps. */
const GATHER_SECONDS = 1;

/** What the names of event files begin with. */
export const TENSORBOARD_PREFIX = "events.out.tfevents.";

/** Appends a run's losses, metrics and samples to one event file. */
export class TensorBoardTracker {
  /** Of the event file, in its folder. */
  readonly name: string;
  private readonly file: string;
  private records: Buffer[] = [];
  private written = now();

  /** @param name the event file to go on with; a new one is begun without it */
  constructor(folder: string, name?: string) {
    const begun = Date.now() / 1000;
    this.name = name ?? `${TENSORBOARD_PREFIX}${Math.floor(begun)}.${hostname()}`;
    this.file = join(folder, this.name);
    if (name !== undefined) return;
    this.records.push(tfRecord(eventMessage(begun, 0, (out) => out.writeStringField(3, "brain.Event:2"))));
    this.flush();
  }

  track(event: RunEvent): void {
    if (event.type !== "step" && event.type !== "epoch") return;
    const values =
      event.type === "step"
        ? { ...event.losses, learningRate: event.learningRate, imagesPerSecond: event.imagesPerSecond }
        : event.metrics;
    const list = Object.entries(values).map(([tag, value]) => ({ tag, value }));
    this.records.push(
      tfRecord(eventMessage(Date.now() / 1000, event.step, (out) => out.writeMessage(5, writeSummary, list))),
    );
    if (event.type === "epoch" || now() - this.written > GATHER_SECONDS) this.flush();
  }

  /** Adds a picture. @param png a PNG file */
  image(tag: string, step: number, png: Buffer): void {
    const summary = (_: undefined, out: PbfWriter) => out.writeMessage(1, writeImageValue, { tag, png });
    const message = eventMessage(Date.now() / 1000, step, (out) => out.writeMessage(5, summary, undefined));
    this.records.push(tfRecord(message));
  }

  /** Writes what was gathered. */
  flush(): void {
    if (this.records.length === 0) return;
    append(this.file, Buffer.concat(this.records));
    this.records = [];
    this.written = now();
  }
}
