import { join } from "node:path";
import type { Command } from "commander";
import { toBytes } from "../../data/picture.ts";
import { requireHead } from "../../models/heads.ts";
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
      "--out <file.png>",
      "sheet of pictures and reconstructions (default: numbered in RUN/samples/)",
      argument(text("a file")),
    )
    .option("--canonical", "the pictures turned upright as well, and their angles, from a model that tells angles")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass reconstruct runs/first digit.png\n")
    .action(run);
}

interface ReconstructOptions {
  out?: string;
  canonical?: boolean;
  json?: boolean;
}

async function run(path: string, words: readonly string[], options: ReconstructOptions): Promise<void> {
  const out = freeFile(options.out, join(path, "samples", "reconstructed"), ".png");
  const asked = await pictureFiles(words);
  const model = await load(path);
  requireHead(model.heads, "reconstruct");
  if (options.canonical) requireHead(model.heads, "canonical");
  const { files, pixels } = await readPictures(model, asked);
  const again = (await model.reconstruct(pixels)).data;
  const elbo = model.has("elbo") ? (await model.elbo(pixels, 4)).data : undefined;
  const upright = options.canonical ? (await model.run("canonical", { picture: pixels })).data : undefined;
  // Of each picture: what a model that turns pictures upright tells of their angle.
  const told = options.canonical ? ["angle", "angleSpread"].filter((name) => model.has(name)) : [];
  const turns = await Promise.all(told.map(async (name) => (await model.run(name, { picture: pixels })).data));
  const size = pixels.length / files.length;
  const results = files.map((file, i) => {
    let mse = 0;
    for (let k = i * size; k < (i + 1) * size; k++) mse += (again[k]! - pixels[k]! / 255) ** 2 / size;
    const ofTurn: Record<string, number> = Object.fromEntries(told.map((name, k) => [name, turns[k]![i]!]));
    return { file, mse, ...(elbo ? { elbo: elbo[i]! } : {}), ...ofTurn };
  });
  const shown = [pixels, toBytes(again), ...(upright ? [toBytes(upright)] : [])];
  const row = (i: number) => shown.map((bytes) => bytes.subarray(i * size, (i + 1) * size));
  const sheet = Buffer.concat(files.flatMap((_, i) => row(i)));
  writeNew(out, [await gridPng(sheet, model.spec, shown.length)]);
  await model.dispose();
  if (options.json) printJson({ run: path, picture: out, files: results });
  else {
    print(
      table([
        ["file", "squared error a pixel", "ELBO (nats)", ...told.map((name) => TITLES[name]!)],
        ...results.map((result, i) => [
          result.file,
          result.mse.toFixed(5),
          elbo === undefined ? "" : elbo[i]!.toFixed(1),
          ...turns.map((values) => values[i]!.toFixed(1)),
        ]),
      ]),
    );
    print(`pictures beside reconstructions${upright ? ", and turned upright" : ""}: ${bold(out)}`);
  }
}

const TITLES: Readonly<Record<string, string>> = {
  angle: "angle (degrees)",
  angleSpread: "its standard deviation",
};
