import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/errors.ts";
import { chooseBackend, exportHead, load, VERSION } from "../../node.ts";
import { LABELS_FILE, labelsJson } from "../../run/labels.ts";
import { text } from "../../run/option-types.ts";
import { argument } from "../args.ts";
import { freeFile, writeNew } from "../files.ts";
import { bold, print, printJson, table } from "../render.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .option(
      "--head <name>",
      "what of the model: classify, sample, … (default: the classifier, else the generator)",
      argument(text("a head")),
    )
    .option(
      "--out <file.onnx>",
      "where to write it (default: RUN/model-1.onnx or RUN/HEAD-1.onnx, or the next number; training writes RUN/model.onnx)",
      argument(text("a file")),
    )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nOf a classifier, input pixels: uint8 [batch, height, width, channels], outputs: probabilities, label, novelty.\n\nExample:\n  genclass export runs/first --out digits.onnx\n  genclass export runs/first --head sample --out generator.onnx\n",
    )
    .action(run);
}

async function run(path: string, options: { head?: string; out?: string; json?: boolean }): Promise<void> {
  const out = freeFile(options.out, join(path, options.head ?? "model"), ".onnx");
  const { backend } = chooseBackend({ backend: "onnx" });
  const model = await load(path, { backend });
  const { bytes, inputs, outputs } = await exportHead(model, backend, VERSION, options.head);
  const { classes } = model.spec;
  const labels = writeLabels(dirname(out), classes);
  writeNew(out, [bytes]);
  await model.dispose();
  if (options.json)
    printJson({ run: path, file: out, labelsFile: labels, bytes: bytes.length, inputs, outputs, labels: classes });
  else
    print(
      `${bold(out)}  ${(bytes.length / 2 ** 20).toFixed(1)} MB\n${table([...inputs.map((text) => ["input", text]), ...outputs.map((text) => ["output", text]), ["labels", labels]])}`,
    );
}

/**
 * Writes the classes beside the model, unless they are there: one file serves all models of the folder.
 * @throws `E_WRITE` where the file there has other classes
 */
function writeLabels(folder: string, classes: readonly string[]): string {
  const file = join(folder, LABELS_FILE);
  const text = labelsJson(classes);
  if (!existsSync(file)) writeNew(file, text);
  else if (readFileSync(file, "utf8") !== text)
    fail(
      "E_WRITE",
      `${file} has the classes of another model; nothing is overwritten. Choose another folder with --out`,
    );
  return file;
}
