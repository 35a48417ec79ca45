import { extname, join } from "node:path";
import type { Command } from "commander";
import { LARGEST_SEED } from "../../data/open-options.ts";
import { generate, SAMPLERS, type Sampler } from "../../predict/generate.ts";
import { gridPng, imagePng } from "../../report/pictures.ts";
import { load } from "../../run/load.ts";
import { choice, integer, text } from "../../run/option-types.ts";
import { argument } from "../args.ts";
import { freeFile, requireFreeFolder, writeNew } from "../files.ts";
import { bold, print, printJson } from "../render.ts";

interface Options {
  class?: string;
  sampler?: Sampler;
  count: number;
  out?: string;
  seed: number;
  json?: boolean;
}

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .option("--class <name>", "pictures of this class alone", argument(text("a class")))
    .option(
      "--sampler <name>",
      "prior: as the model was trained to; mixture: latent vectors like those of real pictures, a mixture of Gaussians a class (default: mixture, where there is one and the model cannot be asked for a class)",
      argument(choice(SAMPLERS)),
    )
    .option("--count <n>", "how many", argument(integer(1, 100_000)), 40)
    .option(
      "--out <path>",
      "a .png for one sheet, else a folder of single pictures (default: numbered in RUN/samples/)",
      argument(text("a file or a folder")),
    )
    .option("--seed <n>", "seed of the noise", argument(integer(0, LARGEST_SEED)), 0)
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass generate runs/first --class 3 --count 20 --out threes.png\n")
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const isFolder = options.out !== undefined && extname(options.out).toLowerCase() !== ".png";
  if (isFolder) requireFreeFolder(options.out!, ", or let it end in .png for one sheet");
  const out = isFolder
    ? options.out!
    : freeFile(options.out, join(path, "samples", `generated-${options.seed}`), ".png");
  const model = await load(path);
  const { height, width, channels } = model.spec;
  const { count } = options;
  const { pixels, sampler } = await generate(model, count, options);
  const size = height * width * channels;
  const files: string[] = [];
  const write = (file: string, png: Buffer) => {
    writeNew(file, [png]);
    files.push(file);
  };
  if (isFolder)
    for (let i = 0; i < count; i++)
      write(
        join(out, `${String(i).padStart(5, "0")}.png`),
        await imagePng(pixels.subarray(i * size, (i + 1) * size), model.spec),
      );
  else write(out, await gridPng(pixels, model.spec, Math.min(10, count)));
  await model.dispose();
  if (options.json) printJson({ run: path, count, class: options.class ?? null, sampler, files });
  else print(`${count} pictures from the ${sampler}: ${bold(out)}`);
}
