// What an evaluation adds to the folder of a trained run: its numbers in metrics.json and on the model card, and for its trackers.
import { existsSync, readFileSync } from "node:fs";
import type { Model } from "../models/model.ts";
import type { Evaluation } from "../predict/evaluate.ts";
import { FINDINGS } from "../predict/finding.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { CARD, cardModel, writeCard } from "./card.ts";
import { addEvaluation, evaluatedMetrics, type Figures, readFigures } from "./figures.ts";
import type { RunFolder } from "./folder.ts";
import { RunLock } from "./lock.ts";
import { MlflowTracker } from "./trackers/mlflow/tracker.ts";
import { eventFiles, TensorBoardTracker } from "./trackers/tensorboard.ts";

/** Sheets of the report that TensorBoard shows too, where they were made. */
const SHEETS = ["reconstructions", "translations"];

/**
 * Keeps in a run folder what its model was found to do on a part of the run's own data. Nothing is kept while the run has not ended.
 * @param part `test`, `validation` or `train`
 * @param tell is called with a line for what could not be written or sent: the evaluation is none the worse
 * @param own the run's model, where it is not among `MODELS`
 */
export async function recordEvaluation(
  run: RunFolder,
  model: TrainedModel,
  part: string,
  found: Evaluation,
  tell: (line: string) => void,
  own?: Model,
): Promise<void> {
  if (!readFigures(run)) return;
  try {
    const lock = RunLock.acquire(run.path);
    try {
      const figures = addEvaluation(run, part, found);
      if (
        !writeCard(
          run,
          cardModel(run.config.model, { heads: model.heads, metrics: [...found.known, ...FINDINGS] }, own),
        )
      )
        tell(`${run.file(CARD)} was edited and stays as it is; delete it, and the next evaluation writes a new one`);
      addToTensorBoard(run, part, figures);
      await track(run, figures, tell);
    } finally {
      lock.release();
    }
  } catch (cause) {
    tell((cause as Error).message);
  }
}

/** The numbers as `PART/METRIC`, and sheets of pictures, in the newest event file. */
function addToTensorBoard(run: RunFolder, part: string, { training: { step }, parts }: Figures): void {
  const tracker = new TensorBoardTracker(run.path, eventFiles(run.path).at(-1));
  tracker.scalars(step, evaluatedMetrics(part, parts[part]!.metrics));
  for (const sheet of SHEETS) {
    const file = run.file("samples", `${sheet}.png`);
    if (existsSync(file)) tracker.image(sheet, step, readFileSync(file));
  }
  tracker.flush();
}

/** Sends what is new to the tracking server of the run, if it has one. */
async function track(run: RunFolder, { training }: Figures, tell: (line: string) => void): Promise<void> {
  const tracker = MlflowTracker.of(run);
  await tracker?.finish(training.reason === "interrupted" ? "KILLED" : "FINISHED");
  for (const line of tracker?.notes() ?? []) tell(line);
}
