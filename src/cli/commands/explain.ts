import { join } from "node:path";
import type { Command } from "commander";
import { unknownName } from "../../base/errors.ts";
import { type Explanation, explain } from "../../predict/explain.ts";
import { explanationRow } from "../../report/explanation.ts";
import { gridPng } from "../../report/pictures.ts";
import { load } from "../../run/load.ts";
import { text } from "../../run/option-types.ts";
import { argument } from "../args.ts";
import { freeFile, pictureFiles, readPictures, writeNew } from "../files.ts";
import { bold, print, printJson, table } from "../render.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .argument("<file...>", "pictures, folders of pictures, or patterns")
    .option(
      "--to <class>",
      "the class that pictures are changed to (default: the second likeliest of each)",
      argument(text("a class")),
    )
    .option("--out <file.png>", "a row for each picture (default: numbered in RUN/samples/)", argument(text("a file")))
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nEach row: the picture, steps to the nearest picture that the model takes for the other class, that picture, and where\nthe two differ (lighter: brighter there).\n\nExample:\n  genclass explain runs/first four.png --to 9 --out four-as-nine.png\n",
    )
    .action(run);
}

interface Options {
  to?: string;
  out?: string;
  json?: boolean;
}

async function run(path: string, words: readonly string[], options: Options): Promise<void> {
  const out = freeFile(options.out, join(path, "samples", "explained"), ".png");
  const asked = await pictureFiles(words);
  const model = await load(path);
  const { classes } = model.spec;
  const to = options.to === undefined ? undefined : classes.indexOf(options.to);
  if (to === -1) unknownName("class", options.to!, classes);
  const { files, pixels } = await readPictures(model, asked);
  const found = await explain(model, pixels, to === undefined ? undefined : new Int32Array(files.length).fill(to));
  const size = pixels.length / files.length;
  const rows = found.map((one, i) => explanationRow(pixels.subarray(i * size, (i + 1) * size), one));
  writeNew(out, [await gridPng(Buffer.concat(rows), model.spec, rows[0]!.length / size)]);
  await model.dispose();
  if (options.json) printJson({ run: path, picture: out, files: found.map((one, i) => told(files[i]!, one, classes)) });
  else {
    const percent = (p: number) => `${(100 * p).toFixed(1)} %`;
    const lines = found.map(({ from, to, valid, distance, before, after }, i) => [
      files[i]!,
      `${classes[from]} ${percent(before[from]!)}`,
      `${classes[to]} ${percent(before[to]!)} -> ${percent(after[to]!)}${valid ? "" : "  not reached"}`,
      distance.toFixed(4),
    ]);
    print(table([["file", "taken for", "changed to", "mean change (of 1)"], ...lines]));
    print(`from each picture to the other class: ${bold(out)}`);
  }
}

function told(file: string, { from, to, valid, distance, before, after }: Explanation, classes: readonly string[]) {
  const named = (p: Float64Array) => Object.fromEntries(classes.map((name, k) => [name, p[k]!]));
  return { file, from: classes[from], to: classes[to], valid, distance, before: named(before), after: named(after) };
}
