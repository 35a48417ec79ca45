import { extname, join } from "node:path";
import type { Command } from "commander";
import { fail, unknownName } from "../../base/errors.ts";
import { toBytes } from "../../data/picture.ts";
import { argmax, softmaxRows } from "../../metrics/classification.ts";
import { requireHead } from "../../models/heads.ts";
import { hasMixture, sampleMixture } from "../../predict/mixture-sampler.ts";
import { gridPng, imagePng } from "../../report/pictures.ts";
import { load, type NodeModel } from "../../run/load.ts";
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

/** What pictures are drawn from: the model's own distribution, or the mixture fitted to the codes of validation pictures. */
const SAMPLERS = ["prior", "mixture"] as const;
type Sampler = (typeof SAMPLERS)[number];

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
    .option("--seed <n>", "seed of the noise", argument(integer(0, 2 ** 31 - 1)), 0)
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass generate runs/first --class 3 --count 20 --out threes.png\n")
    .action(run);
}

/** Draws per wanted picture before giving up on a class, and draws at a time. */
const TRIES = 200;
const ROUND = 256;
/** Between the seeds of two rounds, per draw: odd and large, so that rounds of neighbouring seeds are not the same. */
const SEED_STEP = 40_503;

async function run(path: string, options: Options): Promise<void> {
  const isFolder = options.out !== undefined && extname(options.out).toLowerCase() !== ".png";
  if (isFolder) requireFreeFolder(options.out!);
  const out = isFolder
    ? options.out!
    : freeFile(options.out, join(path, "samples", `generated-${options.seed}`), ".png");
  const model = await load(path);
  const { classes, height, width, channels } = model.spec;
  const sampler = options.sampler ?? defaultSampler(model);
  if (sampler === "prior") requireHead(model.heads, "sample");
  const wanted = options.class === undefined ? undefined : classes.indexOf(options.class);
  if (wanted === -1) unknownName("class", options.class!, classes);
  const { count, seed } = options;
  const images =
    sampler === "mixture"
      ? toBytes((await sampleMixture(model, count, { seed, wanted })).data)
      : await draw(model, count, wanted, seed);
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
        await imagePng(images.subarray(i * size, (i + 1) * size), model.spec),
      );
  else write(out, await gridPng(images, model.spec, Math.min(10, count)));
  await model.dispose();
  if (options.json) printJson({ run: path, count, class: options.class ?? null, sampler, files });
  else print(`${count} pictures from the ${sampler}: ${bold(out)}`);
}

/** A model that is asked for a class has learnt to draw it; else codes like those of real pictures give better ones. */
const defaultSampler = (model: NodeModel): Sampler =>
  hasMixture(model) && !model.heads.sample?.takes.includes("label") ? "mixture" : "prior";

/** New pictures of the model's own; of one class by asking for it, or where the model cannot be asked, those that its classifier is surest of. */
async function draw(model: NodeModel, count: number, wanted: number | undefined, seed: number): Promise<Uint8Array> {
  const { classes, height, width, channels } = model.spec;
  const asked = model.heads.sample!.takes.includes("label");
  if (wanted === undefined) return toBytes((await model.sample(count, { seed })).data);
  if (asked) return toBytes((await model.sample(count, { seed, label: new Int32Array(count).fill(wanted) })).data);
  if (!model.has("classify"))
    fail("E_HEAD", "this model can be asked for no class, and does not classify what it generates; leave --class out");
  const size = height * width * channels;
  const kept: Uint8Array[] = [];
  for (let drawn = 0; kept.length < count; drawn += ROUND) {
    if (drawn > TRIES * count + 10 * ROUND)
      fail(
        "E_HEAD",
        `only ${kept.length} of ${count} generated pictures are of class "${classes[wanted]}" after ${drawn} draws; ask for fewer, or train longer`,
      );
    // Each round has a seed of its own, far from those of other seeds.
    const pixels = toBytes((await model.sample(ROUND, { seed: (seed + drawn * SEED_STEP) % 2 ** 31 })).data);
    const p = softmaxRows((await model.logits(pixels)).data, classes.length, model.temperature);
    for (let i = 0; i < ROUND && kept.length < count; i++)
      if (argmax(p, i * classes.length, classes.length) === wanted && p[i * classes.length + wanted]! > 0.5)
        kept.push(pixels.slice(i * size, (i + 1) * size));
  }
  return Buffer.concat(kept);
}
