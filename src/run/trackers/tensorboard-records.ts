// Records of TensorBoard's event files: the TFRecord format around the Event message.
import { PbfWriter } from "pbf";

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

/** An Event message: wall time in seconds, step, and what `body` writes. */
export function eventMessage(seconds: number, step: number, body: (out: PbfWriter) => void): Uint8Array {
  const out = new PbfWriter();
  out.writeDoubleField(1, seconds);
  out.writeVarintField(2, step);
  body(out);
  return out.finish();
}
