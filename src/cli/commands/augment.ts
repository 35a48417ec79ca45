// genclass augment: new training pictures of each class, as a folder that train --add takes.
import type { Command } from "commander";
import { shellWord } from "../../base/shell.ts";
import { LARGEST_SEED } from "../../data/open-options.ts";
import { writeFolders } from "../../data/write.ts";
import { chooseBackend, load } from "../../node.ts";
import { RunFolder } from "../../run/folder.ts";
import { integer, text } from "../../run/option-types.ts";
import { VERDICTS } from "../../synthesis/filter.ts";
import { lackOf, synthesize } from "../../synthesis/synthesize.ts";
import { argument } from "../args.ts";
import { requireFreeFolder } from "../files.ts";
import { bold, countLine, print, printJson, table, warn } from "../render.ts";
import { ownData, sourceOf } from "../sources.ts";

interface Options {
  perClass: number;
  out: string;
  data?: string;
  seed: number;
  json?: boolean;
}

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder, of a model that encodes and decodes, or that generates pictures of a class")
    .requiredOption("--per-class <n>", "new pictures of each class", argument(integer(1, 100_000)))
    .requiredOption("--out <folder>", "a new folder for them, with a folder for each class", argument(text("a folder")))
    .option("--data <source>", "where the data of the run is now, if it was moved", argument(text("a name or a path")))
    .option("--seed <n>", "seed of the pictures and of the teachers", argument(integer(0, LARGEST_SEED)), 0)
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nPictures are kept that three classifiers, trained on halves of the real ones, take for the class, and that are about as\nfar from the nearest real picture as real ones are from each other.\n\nExample:\n  genclass augment runs/first --per-class 200 --out generated\n  genclass train cnn --data glyphs --labels 10 --add generated:0.5\n",
    )
    .action(run);
}

async function run(path: string, { perClass, out, data: moved, seed, json }: Options): Promise<void> {
  requireFreeFolder(out);
  const folder = RunFolder.open(path);
  const { backend, notes } = chooseBackend();
  for (const note of notes) warn(note);
  const model = await load(path, { backend });
  const source = await ownData(folder, moved ?? sourceOf(folder), "train");
  const lines = { teachers: countLine("teacher", "trained"), pictures: countLine("picture", "kept") };
  const { data, classes } = await synthesize(model, source, {
    ...{ perClass, seed, backend, augment: folder.config.augment },
    progress: (task, done) => lines[task](done),
  });
  await model.dispose();
  for (const one of classes)
    if (one.pictures < perClass)
      warn(
        `class "${one.name}": ${one.pictures} of ${perClass} pictures, after ${one.drawn} were drawn: ${lackOf([one])}, or take fewer a class`,
      );
  await writeFolders(data, out, countLine("picture", "written"));
  if (json) {
    printJson({ run: path, out, perClass, seed, classes });
    return;
  }
  const rows = classes.map(({ name, real, drawn, pictures, ...found }) => {
    const shares = VERDICTS.map((verdict) => `${((100 * found[verdict]) / drawn).toFixed(1)} %`);
    return [name, real, drawn, ...shares, pictures];
  });
  print(table([["class", "real", "drawn", "passed", "not its class", "copies", "unlike", "new"], ...rows]));
  print(
    `\n${data.train.labels.length} pictures: ${bold(out)}\ntrain with them: genclass train … --add ${shellWord(out)}`,
  );
}
