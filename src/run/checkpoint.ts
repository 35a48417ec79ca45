// Checkpoints in the safetensors format: a JSON header, then raw tensors. The state is there by path, what was fitted under
// `fitted/`, per-example tables under `table/`; progress and metrics are in the header's metadata.
import { readFileSync } from "node:fs";
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import type { State } from "../runtime/program.ts";
import type { Snapshot } from "../train/fit-options.ts";
import { newProgress } from "../train/progress.ts";
import { writeAtomically } from "./files.ts";

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const METADATA = "__metadata__";
const HEADER_LIMIT = 100_000_000;
const FITTED = "fitted/";
const TABLE = "table/";

/** Writes a snapshot, whole or not at all. @throws `E_WRITE` */
export function writeCheckpoint(file: string, { state, fitted, tables, progress, metrics }: Snapshot): void {
  const header: Record<string, unknown> = { [METADATA]: { genclass: JSON.stringify({ progress, metrics }) } };
  const parts: Uint8Array[] = [];
  let offset = 0;
  const put = (path: string, { data, shape }: NdArray) => {
    header[path] = {
      dtype: "F32",
      shape: [...shape],
      data_offsets: [offset, offset + data.byteLength],
    } satisfies HeaderEntry;
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  };
  for (const [path, value] of state) put(path, value);
  for (const [name, value] of fitted) put(FITTED + name, value);
  for (const [name, value] of tables) put(TABLE + name, value);
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeAtomically(file, [size, text, ...parts]);
}

/** The snapshot in a file, also in one of an older version. @throws `E_DATA_FORMAT` when the file is damaged */
export function readCheckpoint(file: string): Snapshot {
  const bytes = readFileSync(file);
  try {
    const size = Number(bytes.readBigUInt64LE(0));
    if (size > HEADER_LIMIT || size > bytes.length) throw new Error("header size");
    const header = JSON.parse(bytes.toString("utf8", 8, 8 + size)) as Record<string, unknown>;
    const { [METADATA]: metadata, ...entries } = header as Record<string, HeaderEntry>;
    const state: State = new Map();
    const fitted = new Map<string, NdArray>();
    const tables = new Map<string, NdArray>();
    for (const [path, entry] of Object.entries(entries)) {
      const [begin, end] = entry.data_offsets;
      if (entry.dtype !== "F32" || end - begin !== 4 * sizeOf(entry.shape) || 8 + size + end > bytes.length)
        throw new Error(path);
      const data = new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + 8 + size + begin, bytes.byteOffset + 8 + size + end),
      );
      const value: NdArray = { shape: entry.shape, dtype: "float32", data };
      if (path.startsWith(FITTED)) fitted.set(path.slice(FITTED.length), value);
      else if (path.startsWith(TABLE)) tables.set(path.slice(TABLE.length), value);
      else state.set(path, value);
    }
    const told = JSON.parse((metadata as unknown as { genclass: string }).genclass) as Metadata | OldMetadata;
    if ("progress" in told) return { ...told, state, fitted, tables };
    return { ...fromOld(told), state, tables };
  } catch (cause) {
    if (cause instanceof GenclassError) throw cause;
    fail(
      "E_DATA_FORMAT",
      `${file}: damaged checkpoint (${(cause as Error).message}); use the other checkpoint of the run or train again`,
      cause,
    );
  }
}

type Metadata = Pick<Snapshot, "progress" | "metrics">;

/** Metadata of genclass 0.1, which knew one stage, and two fitted quantities by field. */
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
  novelty?: { median: number; p99: number };
}

function fromOld({
  cursor,
  metrics,
  temperature,
  novelty,
}: OldMetadata): Pick<Snapshot, "progress" | "metrics" | "fitted"> {
  const { step, seconds, planned, bestScore, bestEpoch, seen } = cursor;
  const progress = { ...newProgress(), step, seconds, seen };
  progress.stage = { index: 0, step, planned: planned > 0 ? planned : null, epochsBefore: 0 };
  // Its score was the accuracy, less a trace of the log-loss.
  if (bestScore !== null) progress.best = { epoch: bestEpoch, values: { accuracy: bestScore } };
  const scalar = (value: number) => ndarray("float32", [], [value]);
  const fitted = new Map([["temperature", scalar(temperature)]]);
  if (novelty) fitted.set("novelty/median", scalar(novelty.median)).set("novelty/p99", scalar(novelty.p99));
  return { progress, metrics, fitted };
}
