// MODEL_CARD.md of a run (Mitchell et al. 2019, "Model Cards for Model Reporting"): what its folder knows, in words, with the front
// matter that Hugging Face reads. What only people know has a line to fill in; nothing is claimed that was not measured.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { formatMetric, type MetricInfo } from "../metrics/metric.ts";
import { modelNamed } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { type Figures, isOfTraining, type PartFigures, readFigures } from "./figures.ts";
import { writeAtomically } from "./files.ts";
import type { RunConfig, RunFolder } from "./folder.ts";
import { withoutPlaces } from "./places.ts";
import { repeatCommand } from "./repeat.ts";

/** The name of the file in a run folder. */
export const CARD = "MODEL_CARD.md";

/** What a card says of a model besides its run. */
export interface CardModel {
  readonly model: Pick<Model, "title" | "cite">;
  /** Names of what it can do. */
  readonly heads: readonly string[];
  readonly metrics: readonly MetricInfo[];
}

/** That of a trained model. @param own its model, where it is not among `MODELS` */
export const cardModel = (
  name: string,
  { heads, metrics }: Pick<TrainedModel, "heads"> & Pick<CardModel, "metrics">,
  own?: Model,
): CardModel => ({ model: modelNamed(name, own), heads: Object.keys(heads), metrics });

const TO_FILL_IN = "*To be filled in.*";

/** Tasks in Hugging Face's words, by the head that does them: the first that a model has is the card's. */
const TASKS: readonly (readonly [head: string, task: string])[] = [
  ["classify", "image-classification"],
  ["translate", "image-to-image"],
  ["sample", "unconditional-image-generation"],
  ["encode", "image-feature-extraction"],
];

/**
 * Writes the card of a run whose training has ended. One that somebody has edited stays as it is: the last line of a written card is a
 * checksum of the rest.
 * @returns whether it was written
 * @throws `E_WRITE`
 */
export function writeCard(run: RunFolder, of: CardModel): boolean {
  const figures = readFigures(run);
  const file = run.file(CARD);
  if (!figures || (existsSync(file) && !isOwn(readFileSync(file, "utf8")))) return false;
  const text = modelCard(run.config, of, figures);
  writeAtomically(file, text + signature(text));
  return true;
}

const signature = (text: string): string =>
  `\n<!-- written by genclass; edit freely: an edited card is not written again. ${createHash("sha256").update(text).digest("hex")} -->\n`;

function isOwn(card: string): boolean {
  const end = card.lastIndexOf("\n<!-- ");
  return end >= 0 && card.slice(end) === signature(card.slice(0, end));
}

/** The text of a card, without its last line. */
export function modelCard(config: RunConfig, of: CardModel, figures: Figures): string {
  const { data } = config;
  const parts = Object.entries(figures.parts);
  const sections = [
    `# ${plain(`${config.model} on ${data.name}`)}`,
    ["## Model", ...modelLines(config, of, figures)],
    ["## Intended use and limits", ...useLines(config, of, figures)],
    ["## Training data", ...dataLines(config)],
    ["## Training", ...trainingLines(config, figures)],
    ["## Results", ...resultLines(parts, of)],
    ["## Calibration and novelty", ...trustLines(parts, of)],
    [
      "## Ethical considerations",
      `${TO_FILL_IN} Who may be affected, what the pictures show, and with whose consent they were taken.`,
    ],
    ["## Licence", `${TO_FILL_IN} Of the weights, and of the data that they were trained on.`],
  ].map((section) => (typeof section === "string" ? section : section.join("\n\n")));
  return `${frontMatter(config, of, figures)}\n${sections.join("\n\n")}\n`;
}

const taskOf = ({ heads }: CardModel): string | undefined => TASKS.find(([head]) => heads.includes(head))?.[1];

/** YAML, of which JSON strings are a part. */
function frontMatter(config: RunConfig, of: CardModel, { parts }: Figures): string {
  const task = taskOf(of);
  const name = `${config.model}-${config.data.name}`;
  // What it does on pictures that it was trained on is no result.
  const told = Object.entries(parts).filter(([part]) => part !== "train");
  const results = told.map(([part, { metrics }]) =>
    [
      `      - task: { type: ${task} }`,
      `        dataset: { name: ${yaml(config.data.name)}, type: ${yaml(config.data.name)}, split: ${yaml(part)} }`,
      "        metrics:",
      ...Object.entries(metrics).map(
        ([metric, value]) =>
          `          - { type: ${yaml(metric)}, name: ${yaml(titleOf(of, metric))}, value: ${value} }`,
      ),
    ].join("\n"),
  );
  return [
    "---",
    "library_name: genclass",
    ...(task ? [`pipeline_tag: ${task}`] : []),
    "license: unknown # to be filled in, as in apache-2.0",
    `tags: [genclass, onnx, ${yaml(config.model)}]`,
    "metrics:",
    ...[...new Set(told.flatMap(([, { metrics }]) => Object.keys(metrics)))].map((m) => `  - ${yaml(m)}`),
    ...(task && results.length > 0 ? ["model-index:", `  - name: ${yaml(name)}`, "    results:", ...results] : []),
    "---",
    "",
  ].join("\n");
}

const yaml = (text: string): string =>
  JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");

function modelLines({ model, data }: RunConfig, { model: { title, cite }, heads }: CardModel, figures: Figures) {
  const able = heads.map((head) => `\`${head}\``).join(", ");
  return [
    bullets([
      `Model: ${model}, ${plain(title)}`,
      `After: ${plain(cite)}`,
      `Takes: pictures of ${data.height} by ${data.width} pixels, ${data.channels === 1 ? "grey" : "colour"}`,
      `Gives: ${able}`,
      `Files: \`model.onnx\` runs wherever ONNX does; \`checkpoints/\` is read by genclass`,
      `Trained until: ${figures.training.ended.slice(0, 10)}`,
    ]),
  ];
}

function useLines({ data }: RunConfig, { heads }: CardModel, { parts }: Figures): string[] {
  const limits = [
    "Pictures of another kind than the training data were not evaluated.",
    ...(heads.includes("classify")
      ? [
          `Every picture is given one of ${data.classes.length} classes, also one that shows none of them${heads.includes("novelty") ? "; its novelty may tell" : ""}.`,
        ]
      : []),
    ...(heads.includes("sample")
      ? ["Generated pictures show what training pictures show; they are no evidence of anything."]
      : []),
    ...(parts.validation && !parts.test
      ? [
          "The numbers of validation pictures are of those by which the checkpoint was chosen: on new pictures expect lower ones.",
        ]
      : []),
    ...(parts.train
      ? ["The numbers of the part train are of pictures that it was trained on: they tell nothing of new pictures."]
      : []),
  ];
  return [`What it is meant for, and what not: ${TO_FILL_IN}`, "What is known of its limits:", bullets(limits)];
}

function dataLines({ data, seed }: RunConfig): string[] {
  const { examples, classes } = data;
  const counts = examples
    ? `${examples.labelled.toLocaleString("en")} pictures with a label${examples.unlabelled > 0 ? `, ${examples.unlabelled.toLocaleString("en")} without one` : ""}`
    : "not known: an older genclass trained it";
  return [
    bullets([
      `Name: ${plain(data.name)}`,
      `Training part: ${counts}`,
      `Classes: ${classes.length} (${classes.map(plain).join(", ")})`,
      `Fingerprint: \`${data.fingerprint}\``,
      `Seed of splits: ${seed}`,
    ]),
    `Where it comes from, and how it was labelled: ${TO_FILL_IN}`,
  ];
}

function trainingLines(config: RunConfig, { training, machine }: Figures): string[] {
  const command = repeatCommand(withoutPlaces(config));
  const options = { ...config.options, batch: config.batch, augment: config.augment, emaDecay: config.emaDecay };
  return [
    ...(command ? ["The command that trains it again:", fenced(command)] : []),
    bullets([
      `Took: ${training.epoch} epochs, ${training.step.toLocaleString("en")} steps, ${training.seconds < 120 ? `${training.seconds.toFixed(1)} seconds` : `${(training.seconds / 60).toFixed(1)} minutes`}; ended: ${training.reason}`,
      `On: ${plain(machine.processor)}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; Node ${machine.node}; ${config.backend}${config.computeThreads === null ? "" : `, threads: ${config.computeThreads}`}`,
      `genclass ${config.genclass}, seed ${config.seed}`,
    ]),
    table(
      ["option", "value"],
      Object.entries(options).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
  ];
}

/** Code between fences that it cannot close. */
function fenced(code: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = "`".repeat(longest + 1);
  return `${fence}sh\n${code}\n${fence}`;
}

type Parts = readonly (readonly [part: string, figures: PartFigures])[];

function resultLines(parts: Parts, of: CardModel): string[] {
  if (parts.length === 0) return ["Nothing was evaluated."];
  return parts.flatMap(([part, figures]) => {
    const { pictures, metrics, intervals, classes } = figures;
    return [
      `### ${plain(part)}${pictures === null ? "" : `, ${pictures.toLocaleString("en")} ${pictures === 1 ? "picture" : "pictures"}`}${isOfTraining(figures) ? ", as training told it" : ""}`,
      table(
        ["metric", "value", "95 % interval"],
        Object.entries(metrics).map(([name, value]) => [
          titleOf(of, name),
          shown(of, name, value),
          intervals?.[name]?.map((end) => shown(of, name, end)).join(" to ") ?? "",
        ]),
      ),
      ...(classes
        ? [
            table(
              ["class", "precision", "recall", "F1", "pictures"],
              classes.map((c) => [c.name, ...[c.precision, c.recall, c.f1].map(share), String(c.support)]),
            ),
          ]
        : []),
      ...(intervals
        ? [
            "Intervals of 95 %: Wilson's of the accuracy and of other shares of pictures, the normal distribution's of means over pictures, else percentile bootstrap of 1,000 resamples, stratified by class. They tell how far the numbers may be off for other pictures of the same kind, not for those of another.",
          ]
        : []),
    ];
  });
}

/** How far probabilities and novelty can be trusted. */
function trustLines(parts: Parts, of: CardModel): string[] {
  const told = parts.flatMap(([part, { metrics, intervals }]) => {
    const { ece, eceUncalibrated: before, temperature, noveltyAlarms: alarms } = metrics;
    const ends = intervals?.ece?.map(share).join(" to ");
    return [
      ...(ece === undefined
        ? []
        : [
            `${part}: the probability of an answer is off by ${share(ece)} on average${ends ? ` (95 % interval ${ends})` : ""}${before === undefined || temperature === undefined ? "" : `, ${share(before)} before it was calibrated on validation pictures (temperature ${temperature.toPrecision(4)})`}`,
          ]),
      ...(alarms === undefined ? [] : [`${part}: ${share(alarms)} of the pictures are past the threshold of novelty`]),
    ];
  });
  return told.length > 0
    ? [bullets(told.map(plain))]
    : [of.heads.includes("classify") ? "Not evaluated." : "It gives no probabilities of classes."];
}

const share = (value: number): string => formatMetric({ unit: "share" }, value);
const infoOf = ({ metrics }: CardModel, name: string): MetricInfo | undefined => metrics.find((m) => m.name === name);
const titleOf = (of: CardModel, name: string): string => infoOf(of, name)?.title ?? name;
const shown = (of: CardModel, name: string, value: number): string =>
  formatMetric(infoOf(of, name) ?? { unit: "" }, value);

const bullets = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join("\n");

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows.map((row) => row.map(plain))].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Text that Markdown and HTML show as it is: names of classes and data may hold anything. */
export const plain = (text: string): string =>
  text.replace(/\s+/g, " ").replace(/[\\`*_[\]{}<>#|&!~]/g, (character) => `&#${character.charCodeAt(0)};`);
