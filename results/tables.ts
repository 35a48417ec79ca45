// The tables of README.md and docs/, made from the files of results/: npx tsx results/tables.ts writes them between marks.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { backendsTable, comparisonTable, resultsTable, seenList, systemsTable } from "./tables/accuracy.ts";
import { askedLines, denoiseLine, styleLines } from "./tables/generators.ts";
import {
  angleTable,
  explanationsTable,
  likelihoodLines,
  likelihoodTable,
  memoryTable,
  noveltyTable,
  samplersTable,
} from "./tables/heads.ts";
import { pretrainedLines, unseenLine } from "./tables/pretrained.ts";
import { benchTable, readingLines, timeLine } from "./tables/speed.ts";
import { generatedTable, imbalanceTable, noiseLine, spreadTable, transferTable } from "./tables/training-data.ts";

/** A file of the project as a path. */
const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The model that shows how one is written. */
const exampleModel = () => `\`\`\`ts\n${readFileSync(here("examples/own-model.ts"), "utf8")}\`\`\``;

/** The files that hold tables, and what stands between the marks of each. */
export const FILLED: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  "README.md": {
    systems: systemsTable,
    results: resultsTable,
    unseen: unseenLine,
    denoise: denoiseLine,
    asked: askedLines,
    style: styleLines,
    nats: likelihoodLines,
    comparison: comparisonTable,
    bench: benchTable,
    time: timeLine,
  },
  "docs/architecture.md": { example: exampleModel },
  "docs/backbones.md": { pretrained: pretrainedLines },
  "docs/onednn.md": { backends: backendsTable },
  "docs/results.md": {
    seen: seenList,
    novelty: noveltyTable,
    explanations: explanationsTable,
    samplers: samplersTable,
    angle: angleTable,
    likelihood: likelihoodTable,
    transfer: transferTable,
    memory: memoryTable,
  },
  "docs/data.md": {
    spread: spreadTable,
    generated: generatedTable,
    imbalance: imbalanceTable,
    noise: noiseLine,
    reading: readingLines,
  },
};

/** A file's text with its tables as the result files say. */
export function fill(file: string): string {
  let text = readFileSync(here(file), "utf8");
  for (const [mark, make] of Object.entries(FILLED[file]!)) {
    const place = new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(<!-- /${mark} -->)`);
    if (!place.test(text)) throw new Error(`${file} has no marks for the table "${mark}"`);
    text = text.replace(place, (_, open, close) => `${open}${make()}\n${close}`);
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const file of Object.keys(FILLED)) writeFileSync(here(file), fill(file));
