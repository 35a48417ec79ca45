import type { Command } from "commander";
import { formatMetric } from "../../metrics/metric.ts";
import { FALSE_ALARMS } from "../../metrics/novelty.ts";
import type { Prediction } from "../../predict/prediction.ts";
import { exportedClassifier } from "../../run/exported.ts";
import type { PictureReader } from "../../run/pictures.ts";
import { pictureFiles, readPictures } from "../files.ts";
import { print, printJson, table, warn } from "../render.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .argument("<file...>", "pictures, folders of pictures, or patterns")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nNovelty says how unlike the training data a picture is: 0 for the median of validation pictures, below 0\nfor a more typical one, above 1 for an alarm, which 1 % of pictures like these raise.\n\nExample:\n  genclass classify runs/first photos/*.jpg\n",
    )
    .action(run);
}

/** What answers: which pictures it takes, what it says of them, and what people should know of that. */
interface Answering extends PictureReader {
  readonly warning: string | undefined;
  classify(pixels: Uint8Array): Promise<Prediction[]>;
  dispose(): Promise<void>;
}

/** The model of a run. @throws `E_HEAD` for one that does not classify; as `load` */
async function answering(path: string): Promise<Answering> {
  const exported = await exportedClassifier(path);
  if (exported) return Object.assign(exported, { warning: alarmWarning(exported.falseAlarms!) });
  // All that makes models is loaded where it is needed alone.
  const [{ load }, { requireHead }] = await Promise.all([import("../../run/load.ts"), import("../../models/heads.ts")]);
  const model = await load(path);
  requireHead(model.heads, "classify");
  const { novelty } = model;
  const warning = "lacking" in novelty ? `no novelty is told: ${novelty.lacking}` : alarmWarning(novelty.falseAlarms);
  return {
    spec: model.spec,
    resize: model.resize,
    warning,
    classify: (pixels) => model.classify(pixels),
    dispose: () => model.dispose(),
  };
}

const alarmWarning = (falseAlarms: number): string | undefined =>
  falseAlarms > FALSE_ALARMS
    ? `up to ${formatMetric({ unit: "share" }, falseAlarms)} of typical pictures are marked as novel: there were few validation pictures`
    : undefined;

async function run(path: string, words: readonly string[], options: { json?: boolean }): Promise<void> {
  const asked = await pictureFiles(words);
  const model = await answering(path);
  const { files, pixels } = await readPictures(model, asked);
  const predictions = await model.classify(pixels);
  if (model.warning !== undefined) warn(model.warning);
  await model.dispose();
  if (options.json) {
    printJson(predictions.map((prediction, i) => ({ file: files[i], ...prediction })));
    return;
  }
  const rows = predictions.map(({ label, probability, novelty }, i) => [
    files[i]!,
    label,
    probability.toFixed(4),
    novelty === undefined ? "" : `${novelty.toFixed(2)}${novelty > 1 ? "  novel" : ""}`,
  ]);
  print(table([["file", "label", "probability", "novelty"], ...rows]));
}
