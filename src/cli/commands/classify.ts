import type { Command } from "commander";
import { requireHead } from "../../models/heads.ts";
import { load } from "../../node.ts";
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
      "\nNovelty is 0 for a typical picture of the training data, above 1 for one less likely than 99 % of them.\n\nExample:\n  genclass classify runs/first photos/*.jpg\n",
    )
    .action(run);
}

async function run(path: string, words: readonly string[], options: { json?: boolean }): Promise<void> {
  const asked = pictureFiles(words);
  const model = await load(path);
  requireHead(model.heads, "classify");
  const { files, pixels } = await readPictures(model, asked);
  const predictions = await model.classify(pixels);
  const lacking = model.has("elbo") ? await model.novelty.lacks() : undefined;
  if (lacking !== undefined) warn(`no novelty is told: ${lacking}`);
  await model.dispose();
  if (options.json) {
    printJson(predictions.map((prediction, i) => ({ file: files[i], ...prediction })));
    return;
  }
  const rows = predictions.map(({ label, probability, novelty }, i) => [
    files[i]!,
    label,
    probability.toFixed(4),
    novelty === undefined ? "" : novelty.toFixed(2),
  ]);
  print(table([["file", "label", "probability", "novelty"], ...rows]));
}
