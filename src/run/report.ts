// The report of an evaluated run: numbers, curves, confusion, calibration, pictures. Files go into the run folder.
import { mkdirSync } from "node:fs";
import type { ImageSet } from "../data/dataset.ts";
import { formatMetric, type MetricInfo } from "../metrics/metric.ts";
import type { ClassEvaluation, Evaluation } from "../predict/evaluate.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { type ReportChart, type ReportPictures, type ReportSection, reportHtml } from "../report/html.ts";
import type { RunEvent } from "../train/events.ts";
import { type Chart, classCharts, trainingCharts } from "./charts.ts";
import { writeAtomically } from "./files.ts";
import type { RunConfig, RunFolder } from "./folder.ts";
import { repeatCommand } from "./repeat.ts";
import { EPOCHS, trainingFilm } from "./sample-sheets.ts";
import { sheetsOf } from "./sheets.ts";

/**
 * Writes `report.html`, and its charts and sheets of pictures as files of their own. What of it fails is left out and told:
 * the run that it shows is none the worse.
 * @param train the pictures that the model was trained on, where they are at hand
 * @param split name of the part that was evaluated
 * @param tell is called with a line for each part that failed
 * @returns the path of the report; undefined when it could not be written
 */
export async function writeReport(
  run: Pick<RunFolder, "config" | "events" | "file">,
  model: TrainedModel,
  train: ImageSet | undefined,
  split: string,
  found: Evaluation,
  tell: (line: string) => void,
): Promise<string | undefined> {
  const attempt = async <T>(part: string, make: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await make();
    } catch (cause) {
      tell(`the report is without ${part}: ${(cause as Error).message}`);
      return undefined;
    }
  };
  await attempt("its folders", () => {
    for (const part of ["plots", "samples"]) mkdirSync(run.file(part), { recursive: true });
  });
  const drawn = async (charts: readonly Chart[]) => {
    const made: ReportChart[] = [];
    for (const { name, draw, caption, wide } of charts) {
      const svg = await attempt(`the chart ${name}`, () => {
        const text = draw();
        writeAtomically(run.file("plots", `${name}.svg`), text);
        return text;
      });
      if (svg !== undefined) made.push({ svg, caption, wide });
    }
    return made;
  };
  const pictures: ReportPictures[] = [];
  const film = await attempt("the film of training", async () => {
    const made = await trainingFilm(run.file("samples", EPOCHS));
    if (made) writeAtomically(run.file("samples", "training.webp"), [made.webp]);
    return made;
  });
  if (film) pictures.push({ data: film.webp, type: "image/webp", caption: film.caption });
  for (const { file, make } of sheetsOf(model, found, train)) {
    const sheet = await attempt(`the pictures ${file}`, async () => {
      const made = await make();
      if (made) writeAtomically(run.file("samples", file), [made.png]);
      return made;
    });
    if (sheet) pictures.push({ data: sheet.png, type: "image/png", caption: sheet.caption });
  }
  const events = (await attempt("the curves of training", () => run.events())) ?? [];
  const { classification } = found;
  const parts: ReportParts = {
    events,
    pictures,
    ofClasses: classification ? await drawn(classCharts(classification, model.spec.classes)) : [],
    ofTraining: await drawn(trainingCharts(events)),
  };
  return attempt("its page", () => {
    const file = run.file("report.html");
    writeAtomically(file, page(run.config, model, split, found, parts));
    return file;
  });
}

/** What the page is made of besides the evaluation's numbers: all that could be made. */
interface ReportParts {
  readonly events: readonly RunEvent[];
  readonly ofClasses: readonly ReportChart[];
  readonly ofTraining: readonly ReportChart[];
  readonly pictures: readonly ReportPictures[];
}

function page(
  config: RunConfig,
  { metrics }: TrainedModel,
  split: string,
  { n, metrics: found, classification }: Evaluation,
  { events, ofClasses, ofTraining, pictures }: ReportParts,
): string {
  const notes = events.flatMap((event) => (event.type === "note" ? [event.text] : []));
  const values = metrics.flatMap((metric): [MetricInfo, number][] => {
    const value = found[metric.name];
    return value === undefined ? [] : [[metric, value]];
  });
  const sections: ReportSection[] = [
    ...(classification ? [classSection(classification, ofClasses)] : []),
    ...(pictures.length > 0 ? [{ title: "Pictures", pictures }] : []),
    ...alarmSection(events),
    {
      title: "Training",
      charts: ofTraining,
      ...(notes.length > 0 ? { table: { head: ["what happened"], rows: notes.map((text) => [text]) } } : {}),
    },
    {
      title: "All numbers",
      note: `Split: ${split}, ${n} pictures. The checkpoint was chosen, and the temperature fitted, on the validation part of the training data, where there is one.`,
      table: {
        head: ["metric", "value"],
        rows: values.map(([metric, value]) => [metric.name, value.toPrecision(5)]),
      },
    },
    ...costSection(events),
    {
      title: "How to repeat",
      command: repeatCommand(config),
      table: { head: ["setting", "value"], rows: settingsRows(config) },
    },
  ];
  const { model, data, seed } = config;
  const lead = `${model} on ${data.name} (${data.height}x${data.width}x${data.channels}, ${data.classes.length} classes), seed ${seed}`;
  const cards = values
    .filter(([{ headline }]) => headline)
    .map(([metric, value]): [string, string] => [metric.title, formatMetric(metric, value)]);
  return reportHtml(`genclass: ${model} on ${data.name}`, lead, cards, sections);
}

function classSection({ classes }: ClassEvaluation, charts: readonly ReportChart[]): ReportSection {
  const share = (value: number) => formatMetric({ unit: "share" }, value);
  return {
    title: "Classes",
    charts,
    table: {
      head: ["class", "precision", "recall", "F1", "pictures"],
      rows: classes.map((c) => [c.name, share(c.precision), share(c.recall), share(c.f1), c.support]),
    },
  };
}

/** What went wrong in training, when, and what to try. */
function alarmSection(events: readonly RunEvent[]): ReportSection[] {
  const alarms = events.filter((event) => event.type === "alarm");
  const rows = alarms.flatMap(({ name, state, epoch, title, text, advice }, i) => {
    if (state === "ends") return [];
    const end = alarms.slice(i).find((later) => later.name === name && later.state === "ends");
    return [[`${epoch} to ${end ? end.epoch : "the end"}`, `${title}: ${text}`, advice.join("; ")]];
  });
  return rows.length === 0
    ? []
    : [{ title: "Alarms", table: { head: ["epochs", "what was seen", "what to try, in this order"], rows } }];
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

function settingsRows(config: RunConfig): [string, string][] {
  const { options, data, ...rest } = config;
  const flat = { ...rest, source: data.source, fingerprint: data.fingerprint, ...options };
  return Object.entries(flat).map(([name, value]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
}
