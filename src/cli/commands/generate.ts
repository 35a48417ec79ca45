import { existsSync, mkdirSync } from "node:fs";
import { extname, join } from "node:path";
import type { Command } from "commander";
import { fail, unknownName } from "../../base/errors.ts";
import { argmax, softmaxRows } from "../../metrics/classification.ts";
import { load, type NodeModel } from "../../node.ts";
import { Random } from "../../random/random.ts";
import { gridPng, imagePng, toBytes } from "../../report/pictures.ts";
import { writeAtomically } from "../../train/checkpoint.ts";
import { integer } from "../args.ts";
import { bold, print, printJson } from "../render.ts";

interface Options {
  class?: string;
  count: number;
  out?: string;
  seed: number;
  json?: boolean;
}

export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .option("--class <name>", "only pictures that the classifier gives this class")
    .option("--count <n>", "how many", integer(1, 100_000), 40)
    .option(
      "--out <path>",
      "a .png for one sheet, else a folder of single pictures (default: RUN/samples/generated-SEED.png)",
    )
    .option("--seed <n>", "seed of the codes", integer(0, 2 ** 31 - 1), 0)
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass generate runs/first --class 3 --count 20 --out threes.png\n")
    .action(run);
}

/** Draws per wanted picture before giving up on a class. */
const TRIES = 200;

async function run(path: string, options: Options): Promise<void> {
  const model = await load(path);
  const { classes, height, width, channels } = model.spec;
  if (!model.has("decode")) fail("E_HEAD", `the model of ${path} cannot generate`);
  const wanted = options.class === undefined ? undefined : classes.indexOf(options.class);
  if (wanted === -1) unknownName("class", options.class!, classes);
  const images = await draw(model, options.count, wanted, options.seed);
  const size = height * width * channels;
  const out =
    options.out ??
    join(path, "samples", `generated-${options.seed}${options.class === undefined ? "" : `-${wanted}`}.png`);
  const files: string[] = [];
  if (extname(out).toLowerCase() === ".png") {
    if (options.out && existsSync(out)) fail("E_WRITE", `${out} exists; nothing is overwritten. Choose another --out`);
    writeAtomically(out, [await gridPng(images, model.spec, Math.min(10, options.count))]);
    files.push(out);
  } else {
    mkdirSync(out, { recursive: true });
    for (let i = 0; i < options.count; i++) {
      const file = join(out, `${String(i).padStart(5, "0")}.png`);
      if (existsSync(file)) fail("E_WRITE", `${file} exists; nothing is overwritten. Choose another --out`);
      writeAtomically(file, [await imagePng(images.subarray(i * size, (i + 1) * size), model.spec)]);
      files.push(file);
    }
  }
  await model.dispose();
  if (options.json) printJson({ run: path, count: options.count, class: options.class ?? null, files });
  else print(`${options.count} pictures: ${bold(out)}`);
}

/** Pictures from the prior; with a class, those that the classifier is surest of among its draws. */
async function draw(model: NodeModel, count: number, wanted: number | undefined, seed: number): Promise<Uint8Array> {
  const random = new Random(seed, "generate");
  const round = async (n: number) => {
    const codes = new Float32Array(n * model.codeSize);
    random.fillNormal(codes);
    return toBytes((await model.decode(codes)).data);
  };
  if (wanted === undefined) return round(count);
  const { classes, height, width, channels } = model.spec;
  const size = height * width * channels;
  const kept: Uint8Array[] = [];
  for (let drawn = 0; kept.length < count; drawn += 256) {
    if (drawn > TRIES * count + 2560)
      fail(
        "E_HEAD",
        `only ${kept.length} of ${count} generated pictures are of class "${classes[wanted]}" after ${drawn} draws; ask for fewer, or train longer`,
      );
    const pixels = await round(256);
    const p = softmaxRows((await model.logits(pixels)).data, classes.length, model.temperature);
    for (let i = 0; i < 256 && kept.length < count; i++)
      if (argmax(p, i * classes.length, classes.length) === wanted && p[i * classes.length + wanted]! > 0.5)
        kept.push(pixels.slice(i * size, (i + 1) * size));
  }
  return Buffer.concat(kept);
}
