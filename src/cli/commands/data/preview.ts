import { join } from "node:path";
import { type Augmentation, chooseAugmentation } from "../../../data/augment.ts";
import { open, sourceName } from "../../../data/open.ts";
import { Random } from "../../../random/random.ts";
import { gridPng } from "../../../report/pictures.ts";
import { augmentationPreview } from "../../../train/preview.ts";
import { freeFile, writeNew } from "../../files.ts";
import { bold, openLine, print, printJson } from "../../render.ts";
import type { SourceOptions } from "./info.ts";

interface Options extends SourceOptions {
  augment: string;
  out?: string;
  seed: number;
}

const ROWS = 8;
const COLUMNS = 10;

/** A policy as `chooseAugmentation` takes it. */
const policyText = (policy: Augmentation): string =>
  Object.entries(policy)
    .map(([name, strength]) => `${name}=${strength}`)
    .join(",") || "none";

/** `genclass data augment-preview`: a sheet of changed pictures. */
export async function preview(source: string, options: Options): Promise<void> {
  const out = freeFile(options.out, join("runs", `augment-preview-${sourceName(source)}`), ".png");
  const data = await open(source, {
    image: options.image,
    resize: options.resize,
    validation: 0,
    progress: openLine,
  });
  const policy = chooseAugmentation(options.augment, data.train.channels, data.mirror);
  const rows = new Random(options.seed, "preview").permutation(data.train.labels.length).slice(0, ROWS);
  const pictures = await augmentationPreview(data.train, policy, rows, COLUMNS, options.seed);
  writeNew(out, [await gridPng(pictures, data.train, COLUMNS)]);
  if (options.json) printJson({ source, policy, picture: out });
  else print(`--augment ${policyText(policy)}\nfirst column: as they are; the others: changed copies: ${bold(out)}`);
}
