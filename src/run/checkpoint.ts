// Checkpoints in the safetensors format: a JSON header, then raw tensors. The state is there by path, what was fitted under
// `fitted/`, per-example tables under `table/`; progress, metrics, lengths of logs and checksums are in the header's metadata.
// What a trained model needs comes first and has a checksum of its own, so that the rest, several times as much, is read to train.
import { closeSync, openSync } from "node:fs";
import { z } from "zod";
import { type NdArray, ndarray, sizeOf } from "../base/array.ts";
import { fail, GenclassError } from "../base/errors.ts";
import { evaluatedState, type TrainedWeights } from "../predict/trained.ts";
import type { State } from "../runtime/program.ts";
import type { Snapshot } from "../train/fit-options.ts";
import { newProgress } from "../train/progress.ts";
import { checksum, METADATA, NO_CHECKSUM, readBytes, readHeader } from "./checkpoint-header.ts";
import { writeAtomically } from "./files.ts";

const entrySchema = z.object({
  dtype: z.literal("F32"),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
/** Nothing else may be there: a checksum under a damaged name would not be looked at. */
const metadataSchema = z.strictObject({
  /** Of the whole file. */
  sha256: z.string().optional(),
  /** Of the header and the first `weightsBytes` after it; checkpoints of 0.1 have neither. */
  weightsSha256: z.string().optional(),
  weightsBytes: z.string().optional(),
  genclass: z.string(),
});
const entriesSchema = z.record(z.string(), entrySchema);

const FITTED = "fitted/";
const TABLE = "table/";

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
  const evaluated = evaluatedState(state);
  const parts: Record<"first" | "later", Uint8Array[]> = { first: [], later: [] };
  const tensors = new Map<string, NdArray>(state);
  for (const [name, value] of fitted) tensors.set(FITTED + name, value);
  for (const [name, value] of tables) tensors.set(TABLE + name, value);
  const isFirst = (path: string) => evaluated.has(path) || path.startsWith(FITTED);
  const weightsBytes = [...tensors].reduce((sum, [path, { data }]) => sum + (isFirst(path) ? data.byteLength : 0), 0);
  const header: Record<string, unknown> = {
    [METADATA]: {
      ...{ sha256: NO_CHECKSUM, weightsSha256: NO_CHECKSUM, weightsBytes: String(weightsBytes) },
      genclass: JSON.stringify({ progress, metrics, logs }),
    },
  };
  const ends = { first: 0, later: weightsBytes };
  // The header keeps the order of the state, whatever the order of the bytes.
  for (const [path, { data, shape }] of tensors) {
    const part = isFirst(path) ? "first" : "later";
    const begin = ends[part];
    ends[part] += data.byteLength;
    header[path] = {
      dtype: "F32",
      shape: [...shape],
      data_offsets: [begin, ends[part]],
    } satisfies z.infer<typeof entrySchema>;
    parts[part].push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  // The sum of the weights comes first, so that the other is taken with it.
  const unsigned = JSON.stringify(header);
  const weights = checksum([Buffer.from(unsigned), ...parts.first]);
  const signed = unsigned.replace(`"weightsSha256":"${NO_CHECKSUM}"`, `"weightsSha256":"${weights}"`);
  const whole = checksum([Buffer.from(signed), ...parts.first, ...parts.later]);
  const text = Buffer.from(signed.replace(NO_CHECKSUM, whole));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeAtomically(file, [size, text, ...parts.first, ...parts.later]);
}

/** The snapshot in a file, also in one of an older version. @throws `E_DATA_FORMAT` when the file is damaged */
export function readCheckpoint(file: string): StoredSnapshot {
  return read(file, false);
}

/** What of a checkpoint a trained model needs, and where training stood. */
export type StoredWeights = TrainedWeights & Pick<StoredSnapshot, "progress">;

/** The weights in a checkpoint; what only training needs is not read. @throws `E_DATA_FORMAT` when they are damaged */
export function readWeights(file: string): StoredWeights {
  return read(file, true);
}

function read(file: string, onlyWeights: boolean): StoredSnapshot {
  const handle = openSync(file, "r");
  try {
    const { text, end, rest } = readHeader(handle);
    const { [METADATA]: metadata, ...entries } = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    const { sha256, weightsSha256, weightsBytes, genclass } = metadataSchema.parse(metadata);
    const isPart = onlyWeights && weightsSha256 !== undefined;
    const wanted = isPart ? Number(weightsBytes) : rest;
    if (!Number.isSafeInteger(wanted) || wanted < 0 || wanted > rest) throw new Error("size of the weights");
    const bytes = readBytes(handle, end, wanted);
    const sums = isPart ? [weightsSha256, sha256] : [sha256];
    if (sums[0] !== undefined) {
      const unsigned = sums.reduce<string>((all, sum) => all.replace(sum ?? NO_CHECKSUM, NO_CHECKSUM), text);
      if (checksum([Buffer.from(unsigned), bytes]) !== sums[0]) throw new Error("its checksum is another");
    }
    const state: State = new Map();
    const fitted = new Map<string, NdArray>();
    const tables = new Map<string, NdArray>();
    for (const [path, entry] of Object.entries(entriesSchema.parse(entries))) {
      const [begin, end] = entry.data_offsets;
      if (isPart && end > bytes.length) continue;
      if (end - begin !== 4 * sizeOf(entry.shape) || end > bytes.length) throw new Error(path);
      const from = bytes.byteOffset + begin;
      const data = new Float32Array(bytes.buffer.slice(from, from + end - begin));
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
  } finally {
    closeSync(handle);
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
