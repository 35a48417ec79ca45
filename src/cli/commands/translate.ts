import { basename, extname, join } from "node:path";
import type { Command } from "commander";
import { fail, unknownName } from "../../base/errors.ts";
import { toBytes } from "../../data/picture.ts";
import { requireHead } from "../../models/heads.ts";
import { gridPng, imagePng } from "../../report/pictures.ts";
import { load } from "../../run/load.ts";
import { text } from "../../run/option-types.ts";
import { argument } from "../args.ts";
import { freeFile, pictureFiles, readPictures, requireFreeFolder, writeNew } from "../files.ts";
import { bold, print, printJson } from "../render.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .argument("<file...>", "pictures, folders of pictures, or patterns")
    .option(
      "--to <class>",
      "the class that pictures become, of a model that is told one (default: each class in turn)",
      argument(text("a class")),
    )
    .option(
      "--out <path>",
      "a .png for one sheet, a row for each picture; else a folder of single pictures (default: a sheet, numbered in RUN/samples/)",
      argument(text("a file or a folder")),
    )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nExample:\n  genclass translate runs/denoised noisy.png --out clean.png\n  genclass translate runs/digits four.png --to 9 --out nines\n",
    )
    .action(run);
}

interface Options {
  to?: string;
  out?: string;
  json?: boolean;
}

async function run(path: string, words: readonly string[], options: Options): Promise<void> {
  const isFolder = options.out !== undefined && extname(options.out).toLowerCase() !== ".png";
  if (isFolder) requireFreeFolder(options.out!, ", or let it end in .png for one sheet");
  const out = isFolder ? options.out! : freeFile(options.out, join(path, "samples", "translated"), ".png");
  const asked = await pictureFiles(words);
  const model = await load(path);
  const { classes } = model.spec;
  const isTold = requireHead(model.heads, "translate").takes.includes("label");
  if (!isTold && options.to !== undefined)
    fail(
      "E_USAGE",
      `--to ${options.to}: this model is told no class, it translates every picture alike; leave --to out`,
    );
  if (options.to !== undefined && !classes.includes(options.to)) unknownName("class", options.to, classes);
  // Undefined: to what the model translates everything.
  const targets = !isTold ? [undefined] : options.to === undefined ? classes : [options.to];
  const { files, pixels } = await readPictures(model, asked);
  const size = pixels.length / files.length;
  const translated = await Promise.all(
    targets.map(async (to) => {
      const label = to === undefined ? undefined : new Int32Array(files.length).fill(classes.indexOf(to));
      return { to, pictures: toBytes((await model.translate(pixels, label)).data) };
    }),
  );
  const written: { file: string; to: string | null; picture: string }[] = [];
  const of = (bytes: Uint8Array, i: number) => bytes.subarray(i * size, (i + 1) * size);
  if (isFolder)
    for (const [i, file] of files.entries())
      for (const { to, pictures } of translated) {
        const picture = join(out, nameOf(file, i, to));
        writeNew(picture, [await imagePng(of(pictures, i), model.spec)]);
        written.push({ file, to: to ?? null, picture });
      }
  else {
    const sheet = files.flatMap((_, i) => [of(pixels, i), ...translated.map(({ pictures }) => of(pictures, i))]);
    writeNew(out, [await gridPng(Buffer.concat(sheet), model.spec, 1 + targets.length)]);
    for (const file of files) for (const { to } of translated) written.push({ file, to: to ?? null, picture: out });
  }
  await model.dispose();
  if (options.json) printJson({ run: path, out, files: written });
  else if (isFolder) print(`${written.length} pictures: ${bold(out)}`);
  else
    print(
      `each picture${isTold ? ` and what it becomes (${targets.join(", ")})` : " beside its translation"}: ${bold(out)}`,
    );
}

/** The name of a translation's file: numbered, since pictures of several folders may have one name. */
function nameOf(file: string, i: number, to: string | undefined): string {
  const stem = basename(file, extname(file));
  // A class may be called as no file can be.
  const target = to === undefined ? "" : `-as-${to.replaceAll(/[^\p{L}\p{N}_.-]/gu, "_")}`;
  return `${String(i).padStart(5, "0")}-${stem}${target}.png`;
}
