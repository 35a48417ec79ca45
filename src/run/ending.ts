// What a run leaves when its training ends, besides checkpoints and logs: the exported network, its figures and its card.
import { VERSION } from "../base/version.ts";
import { decoded, type ImageSet } from "../data/dataset.ts";
import type { Model } from "../models/model.ts";
import { exportHead } from "../predict/export.ts";
import { TrainedModel } from "../predict/trained.ts";
import type { Backend } from "../runtime/backend.ts";
import type { EndEvent } from "../train/events.ts";
import { CARD, type CardModel, cardModel, writeCard } from "./card.ts";
import { writeExported } from "./exported.ts";
import { FIGURES, writeTrainingFigures } from "./figures.ts";
import { writeAtomically } from "./files.ts";
import type { RunFolder } from "./folder.ts";
import { LABELS_FILE, labelsJson } from "./labels.ts";

/**
 * Writes model.onnx, metrics.json and the model card.
 * @param validation the part of the data whose metrics training told
 * @returns what people should know where the last two failed: the run is none the worse
 * @throws `E_EXPORT`; `E_WRITE` for model.onnx
 */
export async function writeEnding(
  run: RunFolder,
  model: Model,
  backend: Backend,
  end: EndEvent,
  validation: ImageSet | undefined,
): Promise<string | undefined> {
  const of = await writeModel(run, model, backend);
  try {
    const pictures = validation ? (await decoded(validation)).labels.length : 0;
    writeTrainingFigures(run, end, run.events(), pictures);
    writeCard(run, of);
    return undefined;
  } catch (cause) {
    return `the run is without ${FIGURES} or ${CARD}: ${(cause as Error).message}`;
  }
}

/** model.onnx, the head that is exported by default, with what it was made from, and labels.json, its classes by number. */
async function writeModel(run: RunFolder, model: Model, backend: Backend): Promise<CardModel> {
  const trained = new TrainedModel(run.modelConfig(model), run.weights(), backend, model);
  if (Object.keys(trained.heads).length > 0)
    writeExported(run.path, (await exportHead(trained, backend, VERSION)).bytes);
  writeAtomically(run.file(LABELS_FILE), labelsJson(trained.spec.classes));
  await trained.dispose();
  return cardModel(run.config.model, trained, model);
}
