// Checkpoints in the safetensors format: a JSON header, then raw tensors. Written whole or not at all.
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { type NdArray, sizeOf } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import type { State } from "../runtime/program.ts";
import type { Snapshot } from "./fit.ts";

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const METADATA = "__metadata__";
const HEADER_LIMIT = 100_000_000;

/** Writes a file so that a crash at any moment leaves the old one or the new one, never a part. */
export function writeAtomically(file: string, parts: readonly Uint8Array[] | string): void {
  replace(file, (draft) => {
    const handle = openSync(draft, "w");
    try {
      for (const part of typeof parts === "string" ? [Buffer.from(parts)] : parts)
        for (let at = 0; at < part.byteLength; ) at += writeSync(handle, part, at);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  });
}

/** Makes `file` another name of what `source` holds now, as atomically. */
export function linkAtomically(source: string, file: string): void {
  replace(file, (draft) => {
    try {
      linkSync(source, draft);
    } catch {
      // Not every file system has links.
      copyFileSync(source, draft);
    }
  });
}

function replace(file: string, make: (draft: string) => void): void {
  const draft = `${file}.draft`;
  try {
    // One left by a crash may be another name of a file in use.
    rmSync(draft, { force: true });
    make(draft);
    renameSync(draft, file);
  } catch (cause) {
    rmSync(draft, { force: true });
    fail(
      "E_WRITE",
      `${file} could not be written (${(cause as Error).message}); what was there before is kept. Free some space or choose another --out`,
      cause,
    );
  }
}

/** Adds to a file of a run. */
export function append(file: string, data: Uint8Array | string): void {
  try {
    appendFileSync(file, data);
  } catch (cause) {
    fail(
      "E_WRITE",
      `${file} could not be written (${(cause as Error).message}); the last checkpoint is kept: free some space and --resume`,
      cause,
    );
  }
}

export function writeCheckpoint(file: string, { state, ...rest }: Snapshot): void {
  const header: Record<string, unknown> = { [METADATA]: { genclass: JSON.stringify(rest) } };
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [path, { data, shape }] of state) {
    header[path] = {
      dtype: "F32",
      shape: [...shape],
      data_offsets: [offset, offset + data.byteLength],
    } satisfies HeaderEntry;
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeAtomically(file, [size, text, ...parts]);
}

/** @throws `E_DATA_FORMAT` when the file is damaged */
export function readCheckpoint(file: string): Snapshot {
  const bytes = readFileSync(file);
  try {
    const size = Number(bytes.readBigUInt64LE(0));
    if (size > HEADER_LIMIT || size > bytes.length) throw new Error("header size");
    const header = JSON.parse(bytes.toString("utf8", 8, 8 + size)) as Record<string, unknown>;
    const { [METADATA]: metadata, ...entries } = header as Record<string, HeaderEntry>;
    const state: State = new Map();
    for (const [path, entry] of Object.entries(entries)) {
      const [begin, end] = entry.data_offsets;
      if (entry.dtype !== "F32" || end - begin !== 4 * sizeOf(entry.shape) || 8 + size + end > bytes.length)
        throw new Error(path);
      const data = new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + 8 + size + begin, bytes.byteOffset + 8 + size + end),
      );
      state.set(path, { shape: entry.shape, dtype: "float32", data } satisfies NdArray);
    }
    return {
      ...(JSON.parse((metadata as unknown as { genclass: string }).genclass) as Omit<Snapshot, "state">),
      state,
    };
  } catch (cause) {
    if (cause instanceof GenclassError) throw cause;
    fail(
      "E_DATA_FORMAT",
      `${file}: damaged checkpoint (${(cause as Error).message}); use the other checkpoint of the run or train again`,
      cause,
    );
  }
}
