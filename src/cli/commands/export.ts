import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/errors.ts";
import { exportModel, load, nativeBackend, VERSION } from "../../node.ts";
import { writeAtomically } from "../../train/checkpoint.ts";
import { bold, print, printJson } from "../render.ts";

export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .option("--out <file.onnx>", "where to write it (default: RUN/model.onnx)")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nInput pixels: uint8 [batch, height, width, channels]. Outputs: probabilities, label.\n\nExample:\n  genclass export runs/first --out digits.onnx\n",
    )
    .action(run);
}

async function run(path: string, options: { out?: string; json?: boolean }): Promise<void> {
  const out = options.out ?? join(path, "model.onnx");
  if (options.out && existsSync(out)) fail("E_WRITE", `${out} exists; nothing is overwritten. Choose another --out`);
  const backend = nativeBackend();
  const model = await load(path, { backend });
  const bytes = await exportModel(model, backend, VERSION);
  writeAtomically(out, [bytes]);
  const { height, width, channels, classes } = model.spec;
  await model.dispose();
  if (options.json)
    printJson({
      run: path,
      file: out,
      bytes: bytes.length,
      input: ["batch", height, width, channels],
      labels: classes,
    });
  else
    print(
      `${bold(out)}  ${(bytes.length / 2 ** 20).toFixed(1)} MB, pixels uint8 [batch, ${height}, ${width}, ${channels}] -> probabilities, label`,
    );
}
