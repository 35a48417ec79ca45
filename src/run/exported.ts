// The classifier of a run as training exported it: answers from model.onnx come sooner than from a checkpoint, whose model has to be
// built and lowered first. The two are one as long as the sums in exported.json hold.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { NOVELTY_VERSION } from "../metrics/novelty.ts";
import { ExportedClassifier } from "../predict/exported.ts";
import { nativeLoader } from "../runtime/native-library.ts";
import { weightsSum } from "./checkpoint-header.ts";
import { writeAtomically } from "./files.ts";

const [MODEL, RECORD] = ["model.onnx", "exported.json"];

/** SHA-256 of the exported file, and of what it was made from: the configuration, and the weights that are used; and which novelty it tells. */
interface Sums {
  readonly novelty: number;
  readonly model: string;
  readonly config: string;
  readonly weights: string | undefined;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The sums of a run whose exported file has these bytes. */
function sumsOf(run: string, model: Uint8Array): Sums {
  const [best, last] = ["best", "last"].map((name) => join(run, "checkpoints", `${name}.safetensors`)) as [
    string,
    string,
  ];
  return {
    novelty: NOVELTY_VERSION,
    model: sha256(model),
    config: sha256(readFileSync(join(run, "config.json"))),
    weights: weightsSum(existsSync(best) ? best : last),
  };
}

/** Writes what a run exports, and what it was made from. @throws `E_WRITE` */
export function writeExported(run: string, model: Uint8Array): void {
  writeAtomically(join(run, MODEL), [model]);
  writeAtomically(join(run, RECORD), `${JSON.stringify(sumsOf(run, model), null, 2)}\n`);
}

/**
 * The exported classifier of a run, where it says what the run itself would say: it is of the configuration and the weights that are
 * there now, whole, and tells novelty as this version does. Undefined otherwise: why that is so, `load` tells.
 */
export async function exportedClassifier(run: string): Promise<ExportedClassifier | undefined> {
  try {
    const told = JSON.parse(readFileSync(join(run, RECORD), "utf8")) as Partial<Sums>;
    const bytes = readFileSync(join(run, MODEL));
    const now = sumsOf(run, bytes);
    if (now.weights === undefined || !isDeepStrictEqual(told, now)) return undefined;
    const classifier = await ExportedClassifier.load(bytes, nativeLoader());
    if (classifier.falseAlarms !== undefined) return classifier;
    await classifier.dispose();
    return undefined;
  } catch {
    // There is none, or it is of another head, or of a run of an older version, or something is damaged.
    return undefined;
  }
}
