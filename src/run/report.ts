// The report of an evaluated run: numbers, curves, confusion, calibration, pictures. Files go into the run folder.

import { type Dataset, gather, type ImageSet } from "../data/dataset.ts";
import { argmax } from "../metrics/classification.ts";
import { formatMetric, type MetricInfo } from "../metrics/metric.ts";
import type { ClassEvaluation, Evaluation } from "../predict/evaluate.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { Random } from "../random/random.ts";
import { type ReportSection, reportHtml } from "../report/html.ts";
import { gridPng, toBytes } from "../report/pictures.ts";
import { type Curve, confusion, curves, reliability } from "../report/plots.ts";
import type { RunEvent } from "../train/events.ts";
import { writeAtomically } from "./files.ts";
import type { RunFolder } from "./folder.ts";

/** Pictures on a sheet, and in a row of it. */
const PICTURES = 40;
const COLUMNS = 10;

/** A chart of the report, also kept as `plots/NAME.svg`. */
interface Plot {
  readonly name: string;
  readonly svg: string;
}

/** A sheet of pictures of the report, also kept as `samples/FILE`. */
interface Sheet {
  readonly file: string;
  readonly caption: string;
  readonly png: Buffer;
}

/** Writes `report.html`, plots and sample pictures; returns the path of the report. @throws `E_WRITE` */
export async function writeReport(
  run: Pick<RunFolder, "config" | "events" | "file">,
  model: TrainedModel,
  data: Dataset,
  split: string,
  found: Evaluation,
): Promise<string> {
  const events = run.events();
  const { classification } = found;
  const classPlots = classification ? plotsOf(classification, data.classes) : [];
  const training = trainingCurves(events);
  const sheets = await samplePictures(model, found);
  for (const { name, svg } of [...classPlots, ...training]) writeAtomically(run.file("plots", `${name}.svg`), svg);
  for (const { file, png } of sheets) writeAtomically(run.file("samples", file), [png]);
  const values = model.metrics.flatMap((metric): [MetricInfo, number][] => {
    const value = found.metrics[metric.name];
    return value === undefined ? [] : [[metric, value]];
  });
  const notes = events.flatMap((event) => (event.type === "note" ? [event.text] : []));
  const sections: ReportSection[] = [
    ...(classification ? [classSection(classification, classPlots)] : []),
    ...(sheets.length > 0 ? [{ title: "Pictures", pngs: sheets }] : []),
    {
      title: "Training",
      svgs: training.map(({ svg }) => svg),
      ...(notes.length > 0 ? { table: { head: ["what happened"], rows: notes.map((text) => [text]) } } : {}),
    },
    {
      title: "All numbers",
      note: `Split: ${split}, ${found.n} pictures. The checkpoint was chosen, and the temperature fitted, on the validation part of the training data, where there is one.`,
      table: {
        head: ["metric", "value"],
        rows: values.map(([metric, value]) => [metric.name, value.toPrecision(5)]),
      },
    },
    ...costSection(events),
    { title: "How to repeat", table: { head: ["setting", "value"], rows: settingsRows(run.config) } },
  ];
  const { config } = run;
  const lead = `${config.model} on ${config.data.name} (${config.data.height}x${config.data.width}x${config.data.channels}, ${config.data.classes.length} classes), seed ${config.seed}`;
  const cards = values
    .filter(([{ headline }]) => headline)
    .map(([metric, value]): [string, string] => [metric.title, formatMetric(metric, value)]);
  writeAtomically(
    run.file("report.html"),
    reportHtml(`genclass: ${config.model} on ${config.data.name}`, lead, cards, sections),
  );
  return run.file("report.html");
}

const plotsOf = ({ confusion: matrix, calibration }: ClassEvaluation, classes: readonly string[]): Plot[] => [
  { name: "confusion", svg: confusion(matrix, classes) },
  { name: "reliability", svg: reliability(calibration) },
];

function classSection({ classes }: ClassEvaluation, plots: readonly Plot[]): ReportSection {
  const share = (value: number) => formatMetric({ unit: "share" }, value);
  return {
    title: "Classes",
    svgs: plots.map(({ svg }) => svg),
    table: {
      head: ["class", "precision", "recall", "F1", "pictures"],
      rows: classes.map((c) => [c.name, share(c.precision), share(c.recall), share(c.f1), c.support]),
    },
  };
}

/** What the batches cost, made beside the steps. */
function costSection(events: readonly RunEvent[]): ReportSection[] {
  const end = events.findLast((event) => event.type === "end");
  const rows = Object.entries(end?.streams ?? {}).map(([name, { size, milliseconds }]) => [
    name,
    size,
    milliseconds.toFixed(2),
  ]);
  return rows.length === 0
    ? []
    : [{ title: "Batches", table: { head: ["stream", "pictures a step", "ms to make, beside the steps"], rows } }];
}

function settingsRows(config: RunFolder["config"]): [string, string][] {
  const { options, data, ...rest } = config;
  const flat = { ...rest, source: data.source, fingerprint: data.fingerprint, ...options };
  return Object.entries(flat).map(([name, value]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
}

/** The losses by step, and each of the first metrics of validation by epoch. */
function trainingCurves(events: readonly RunEvent[]): Plot[] {
  const steps = events.filter((event) => event.type === "step");
  const epochs = events.filter((event) => event.type === "epoch");
  const metrics = events.findLast((event) => event.type === "start")?.metrics ?? [];
  const losses = new Map<string, [number, number][]>();
  const stride = Math.max(1, Math.floor(steps.length / 400));
  steps.forEach((event, i) => {
    if (i % stride !== 0) return;
    for (const [name, value] of Object.entries(event.losses))
      losses.set(name, [...(losses.get(name) ?? []), [event.step, value]]);
  });
  const lines = [...losses].map(([name, points]): Curve => ({ name, points }));
  const plots: Plot[] = [];
  if (lines.length > 0) plots.push({ name: "training-losses", svg: curves("Training losses", lines, "step") });
  for (const { name, title, headline } of metrics) {
    const key = `validation/${name}`;
    const points = epochs.flatMap((e) => (e.metrics[key] === undefined ? [] : [[e.epoch, e.metrics[key]] as const]));
    if (headline && points.length > 0)
      plots.push({ name: `training-${name}`, svg: curves(`Validation: ${title}`, [{ name, points }], "epoch") });
  }
  return plots;
}

/** Sheets of what the model's heads show. */
async function samplePictures(model: TrainedModel, { set, classification }: Evaluation): Promise<Sheet[]> {
  const sheets: Sheet[] = [];
  const add = async (file: string, caption: string, pixels: Uint8Array) => {
    sheets.push({ file, caption, png: await gridPng(pixels, model.spec, COLUMNS) });
  };
  if (model.has("reconstruct")) {
    const order = new Random(0, "report pictures").permutation(set.labels.length).slice(0, PICTURES);
    const pixels = await gather(set, order);
    const again = toBytes((await model.reconstruct(pixels)).data);
    await add(
      "reconstructions.png",
      "Pictures, and below each row its reconstructions",
      inRows(pixels, again, order.length),
    );
  }
  if (model.has("sample")) {
    const caption = model.heads.sample!.takes.includes("label") ? "Generated, all classes in turn" : "Generated";
    await add("generated.png", caption, toBytes((await model.sample(PICTURES)).data));
  }
  if (classification) {
    const { caption, index } = worstMistakes(set, classification, model.spec.classes);
    if (index.length > 0) await add("mistakes.png", caption, await gather(set, index));
  }
  return sheets;
}

/** Rows of pictures, each above the row of what belongs to them; places that are left over in the last row stay black. */
function inRows(above: Uint8Array, below: Uint8Array, n: number): Uint8Array {
  const size = above.length / n;
  const pairs = new Uint8Array(2 * Math.ceil(n / COLUMNS) * COLUMNS * size);
  for (let i = 0; i < n; i++) {
    const at = (Math.floor(i / COLUMNS) * 2 * COLUMNS + (i % COLUMNS)) * size;
    pairs.set(above.subarray(i * size, (i + 1) * size), at);
    pairs.set(below.subarray(i * size, (i + 1) * size), at + COLUMNS * size);
  }
  return pairs;
}

/** The pictures whose label the classifier believes least among its mistakes. */
function worstMistakes({ labels }: ImageSet, { probabilities: p }: ClassEvaluation, classes: readonly string[]) {
  const k = classes.length;
  const answer = (i: number) => argmax(p, i * k, k);
  const index = Array.from(labels, (_, i) => i)
    .filter((i) => labels[i]! >= 0 && answer(i) !== labels[i])
    .sort((a, b) => p[a * k + labels[a]!]! - p[b * k + labels[b]!]!)
    .slice(0, PICTURES);
  const text = index.slice(0, COLUMNS).map((i) => `${classes[labels[i]!]} as ${classes[answer(i)]}`);
  return { index, caption: `The most confident mistakes (first row: ${text.join(", ")})` };
}
