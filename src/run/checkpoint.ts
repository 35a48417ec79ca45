// Checkpoints in the safetensors format: a JSON header, then raw tensors. The state is there by path, what was fitted under
// `fitted/`, per-example tables under `table/`; progress, metrics, lengths of logs and a checksum are in the header's metadata.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import type { State } from "../runtime/program.ts";
import type { Snapshot } from "../train/fit-options.ts";
import { newProgress } from "../train/progress.ts";
import { writeAtomically } from "./files.ts";

const METADATA = "__metadata__";
const entrySchema = z.object({
  dtype: z.literal("F32"),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
/** Nothing else may be there: a checksum under a damaged name would not be looked at. */
const metadataSchema = z.strictObject({ sha256: z.string().optional(), genclass: z.string() });
const entriesSchema = z.record(z.string(), entrySchema);

const HEADER_LIMIT = 100_000_000;
const FITTED = "fitted/";
const TABLE = "table/";
/** Stands in the header for the SHA-256 of the file, which is taken with it there. */
const NO_CHECKSUM = "0".repeat(64);

/** A snapshot as it is kept. */
export interface StoredSnapshot extends Snapshot {
  /** How long each log of the run was when it was saved, in bytes by file name; older versions did not note it. */
  readonly logs?: Readonly<Record<string, number>>;
}

/** Writes a snapshot, whole or not at all. @throws `E_WRITE` */
export function writeCheckpoint(
  file: string,
  { state, fitted, tables, progress, metrics, logs }: StoredSnapshot,
): void {
  const header: Record<string, unknown> = {
    [METADATA]: { sha256: NO_CHECKSUM, genclass: JSON.stringify({ progress, metrics, logs }) },
  };
  const parts: Uint8Array[] = [];
  let offset = 0;
  const put = (path: string, { data, shape }: NdArray) => {
    header[path] = {
      dtype: "F32",
      shape: [...shape],
      data_offsets: [offset, offset + data.byteLength],
    } satisfies z.infer<typeof entrySchema>;
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  };
  for (const [path, value] of state) put(path, value);
  for (const [name, value] of fitted) put(FITTED + name, value);
  for (const [name, value] of tables) put(TABLE + name, value);
  const unsigned = Buffer.from(JSON.stringify(header));
  const text = Buffer.from(unsigned.toString().replace(NO_CHECKSUM, checksum([unsigned, ...parts])));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeAtomically(file, [size, text, ...parts]);
}

function checksum(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** The snapshot in a file, also in one of an older version. @throws `E_DATA_FORMAT` when the file is damaged */
export function readCheckpoint(file: string): StoredSnapshot {
  try {
    const bytes = readFileSync(file);
    const size = Number(bytes.readBigUInt64LE(0));
    if (size > HEADER_LIMIT || size > bytes.length) throw new Error("header size");
    const text = bytes.toString("utf8", 8, 8 + size);
    const { [METADATA]: metadata, ...entries } = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    const { sha256, genclass } = metadataSchema.parse(metadata);
    if (sha256 !== undefined) {
      const unsigned = Buffer.from(text.replace(sha256, NO_CHECKSUM));
      if (checksum([unsigned, bytes.subarray(8 + size)]) !== sha256) throw new Error("its checksum is another");
    }
    const state: State = new Map();
    const fitted = new Map<string, NdArray>();
    const tables = new Map<string, NdArray>();
    for (const [path, entry] of Object.entries(entriesSchema.parse(entries))) {
      const [begin, end] = entry.data_offsets;
      if (end - begin !== 4 * sizeOf(entry.shape) || 8 + size + end > bytes.length) throw new Error(path);
      const data = new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + 8 + size + begin, bytes.byteOffset + 8 + size + end),
      );
      const value: NdArray = { shape: entry.shape, dtype: "float32", data };
      if (path.startsWith(FITTED)) fitted.set(path.slice(FITTED.length), value);
      else if (path.startsWith(TABLE)) tables.set(path.slice(TABLE.length), value);
      else state.set(path, value);
    }
    const told = JSON.parse(genclass) as Metadata | OldMetadata;
    if ("progress" in told) return { ...told, state, fitted, tables };
    return { ...fromOld(told), state, tables };
  } catch (cause) {
    if (cause instanceof GenclassError) throw cause;
    fail("E_DATA_FORMAT", `${file} is a damaged checkpoint (${(cause as Error).message})`, cause);
  }
}

type Metadata = Pick<StoredSnapshot, "progress" | "metrics" | "logs">;

/** Metadata of genclass 0.1, which knew one stage, and the temperature by field; its novelty was another. */
interface OldMetadata {
  cursor: {
    step: number;
    seconds: number;
    planned: number;
    bestScore: number | null;
    bestEpoch: number;
    seen: { labelled: number; unlabelled: number };
  };
  metrics: Snapshot["metrics"];
  temperature: number;
}

function fromOld({ cursor, metrics, temperature }: OldMetadata): Pick<Snapshot, "progress" | "metrics" | "fitted"> {
  const { step, seconds, planned, bestScore, bestEpoch, seen } = cursor;
  const progress = { ...newProgress(), step, seconds, seen };
  progress.stage = { index: 0, step, planned: planned > 0 ? planned : null, epochsBefore: 0 };
  // Its score was the accuracy, less a trace of the log-loss.
  if (bestScore !== null) progress.best = { epoch: bestEpoch, values: { accuracy: bestScore } };
  const scalar = (value: number) => ndarray("float32", [], [value]);
  const fitted = new Map([["temperature", scalar(temperature)]]);
  return { progress, metrics, fitted };
}
