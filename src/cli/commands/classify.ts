import type { Command } from "commander";
import { formatMetric } from "../../metrics/metric.ts";
import { FALSE_ALARMS } from "../../metrics/novelty.ts";
import { requireHead } from "../../models/heads.ts";
import { load } from "../../run/load.ts";
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
      "\nNovelty is 0 for a typical picture; above 1 it is an alarm, which 1 % of pictures like the training data raise.\n\nExample:\n  genclass classify runs/first photos/*.jpg\n",
    )
    .action(run);
}

async function run(path: string, words: readonly string[], options: { json?: boolean }): Promise<void> {
  const asked = await pictureFiles(words);
  const model = await load(path);
  requireHead(model.heads, "classify");
  const { files, pixels } = await readPictures(model, asked);
  const predictions = await model.classify(pixels);
  if ("lacking" in model.novelty) warn(`no novelty is told: ${model.novelty.lacking}`);
  else if (model.novelty.falseAlarms > FALSE_ALARMS)
    warn(
      `up to ${formatMetric({ unit: "share" }, model.novelty.falseAlarms)} of typical pictures are marked as novel: there were few validation pictures`,
    );
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
