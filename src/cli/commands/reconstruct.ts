import { join } from "node:path";
import type { Command } from "commander";
import { requireHead } from "../../models/heads.ts";
import { load } from "../../node.ts";
import { gridPng, toBytes } from "../../report/pictures.ts";
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
      "--out <file.png>",
      "sheet of pictures and reconstructions (default: numbered in RUN/samples/)",
      argument(text("a file")),
    )
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass reconstruct runs/first digit.png\n")
    .action(run);
}

async function run(path: string, words: readonly string[], options: { out?: string; json?: boolean }): Promise<void> {
  const out = freeFile(options.out, join(path, "samples", "reconstructed"), ".png");
  const asked = pictureFiles(words);
  const model = await load(path);
  requireHead(model.heads, "reconstruct");
  const { files, pixels } = await readPictures(model, asked);
  const again = (await model.reconstruct(pixels)).data;
  const elbo = model.has("elbo") ? (await model.elbo(pixels, 4)).data : undefined;
  const size = pixels.length / files.length;
  const results = files.map((file, i) => {
    let mse = 0;
    for (let k = i * size; k < (i + 1) * size; k++) mse += (again[k]! - pixels[k]! / 255) ** 2 / size;
    return { file, mse, ...(elbo ? { elbo: elbo[i]! } : {}) };
  });
  const pairs = new Uint8Array(2 * pixels.length);
  const bytes = toBytes(again);
  files.forEach((_, i) => {
    pairs.set(pixels.subarray(i * size, (i + 1) * size), 2 * i * size);
    pairs.set(bytes.subarray(i * size, (i + 1) * size), (2 * i + 1) * size);
  });
  writeNew(out, [await gridPng(pairs, model.spec, 2)]);
  await model.dispose();
  if (options.json) printJson({ run: path, picture: out, files: results });
  else {
    print(
      table([
        ["file", "squared error a pixel", "ELBO (nats)"],
        ...results.map((r) => [r.file, r.mse.toFixed(5), r.elbo === undefined ? "" : r.elbo.toFixed(1)]),
      ]),
    );
    print(`pictures beside reconstructions: ${bold(out)}`);
  }
}
