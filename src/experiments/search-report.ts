// What a search leaves in its folder: best.json, trials.csv, plots, and tune.html, which has all of it.
import { join } from "node:path";
import { csvLine } from "../base/csv.ts";
import { shellLine } from "../base/shell.ts";
import { makeFolder } from "../base/writing.ts";
import { findModel } from "../models/index.ts";
import { type ReportChart, type ReportSection, reportHtml } from "../report/html.ts";
import { type MeasuredSeries, measured } from "../report/plots.ts";
import { writeAtomically } from "../run/files.ts";
import { optionWords } from "../run/repeat.ts";
import { importance } from "./importance.ts";
import { type Fixed, lossOf, type Search } from "./search.ts";
import type { Dimension } from "./space.ts";
import type { Trial } from "./trial-results.ts";
import { optionsAt } from "./varied.ts";

/** Options whose effect is drawn, at most. */
const MOST_DRAWN = 6;

/** Writes the files. @param fixed what all trials have @returns the path of the page @throws `E_WRITE` */
export function writeSearch(search: Search, fixed: Fixed): string {
  const { out } = search;
  const write = (name: string, text: string) => writeAtomically(join(out, name), text);
  makeFolder(join(out, "plots"));
  const best = bestOf(search, fixed);
  if (best) write("best.json", `${JSON.stringify(best, null, 2)}\n`);
  write("trials.csv", csv(search));
  const shares = sharesOf(search);
  const charts = chartsOf(search, shares).map(({ name, svg, caption }): ReportChart => {
    write(join("plots", `${name}.svg`), svg);
    return { svg, caption };
  });
  write("tune.html", page(search, best, shares, charts));
  return join(out, "tune.html");
}

/** The best options, as `train` takes them. */
export interface BestOptions {
  readonly model: string;
  readonly data: string;
  readonly metric: string;
  /** On validation pictures, by which it was chosen: a fresh look at other pictures will most often find a little less. */
  readonly value: number;
  readonly trial: number;
  /** Options of the model, and of the run. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly run: Readonly<Record<string, unknown>>;
  /** The command that trains with them. */
  readonly command: string;
}

/** The best options of a search; undefined where no trial came to its end. */
export function bestOf({ model, data, best }: Search, fixed: Fixed): BestOptions | undefined {
  const objective = best?.trained?.objective;
  if (!best || !objective) return undefined;
  const point = optionsAt(findModel(model), best.point);
  const options = { ...fixed.options, ...point.options };
  const run = { ...fixed.run, ...point.run };
  const sets = Object.entries(options).flatMap(([name, value]) => ["--set", `${name}=${String(value)}`]);
  // Where nothing is said, a model may choose what is not the table's default.
  const words = ["genclass", "train", model, "--data", data, ...optionWords(run, Object.keys(run)), ...sets];
  const { backend = "auto" } = fixed;
  const command = shellLine([...words, ...(backend === "auto" ? [] : ["--backend", backend])]);
  return { model, data, metric: objective.metric, value: objective.value, trial: best.number, options, run, command };
}

/** The trials, the best first: those that were trained further come before the others. */
export const ranked = (trials: readonly Trial[]): Trial[] =>
  [...trials].sort((a, b) => b.rung - a.rung || lossOf(a) - lossOf(b) || a.number - b.number);

/** How much each option explains of the objective, the most first; see `importance`. */
export function sharesOf({ space, trials }: Search): (readonly [name: string, share: number])[] {
  const told = trials.flatMap(({ point, trained }) =>
    trained?.objective ? [{ point, value: trained.objective.value }] : [],
  );
  // Values of runs that were trained unequally far differ by that too.
  const equal = new Set(trials.map(({ rung }) => rung)).size === 1;
  return Object.entries((equal && importance(space, told)) || {}).sort(([, a], [, b]) => b - a);
}

const shown = (value: unknown): string =>
  typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);

/** Names and cells of the table of trials. */
export function trialTable({ space, objective, trials }: Search): { head: string[]; rows: string[][] } {
  return {
    head: ["trial", objective?.metric ?? "value", "epochs", "fit s", ...space.map(({ name }) => name)],
    rows: ranked(trials).map(({ number, point, trained, failed }) => [
      String(number),
      trained?.objective ? trained.objective.value.toPrecision(5) : (failed?.code ?? ""),
      shown(trained?.epochs ?? ""),
      trained ? trained.seconds.toFixed(0) : "",
      ...space.map(({ name }) => shown(point[name])),
    ]),
  };
}

function csv({ space, trials }: Search): string {
  const head = ["trial", "rung", "value", "epochs", "seconds", "failed", ...space.map(({ name }) => name)];
  const rows = trials.map(({ number, rung, point, trained, failed }) => [
    ...[number, rung, trained?.objective?.value, trained?.epochs, trained?.seconds],
    ...[failed?.code, ...space.map(({ name }) => point[name])],
  ]);
  return [head, ...rows].map((cells) => `${csvLine(cells)}\n`).join("");
}

function page(
  search: Search,
  best: BestOptions | undefined,
  shares: readonly (readonly [string, number])[],
  charts: readonly ReportChart[],
): string {
  const { model, data, method, trials } = search;
  const sections: ReportSection[] = [
    ...(best
      ? [
          {
            title: "Best options",
            note: `Chosen by ${best.metric} on validation pictures; evaluate the run on the test part for a number that was not chosen by.`,
            command: best.command,
          },
        ]
      : []),
    { title: "Trials", charts },
    ...(shares.length === 0
      ? []
      : [
          {
            title: "Which options mattered",
            note: "The share of the variance over all that was searched which each option explains alone, by a random forest of the trials (as functional ANOVA). The rest is of options together. With few trials it is a hint.",
            table: {
              head: ["option", "share"],
              rows: shares.map(([name, share]) => [name, `${(100 * share).toFixed(0)} %`]),
            },
          },
        ]),
    { title: "All trials", table: trialTable(search) },
  ];
  const cards: [string, string][] = best
    ? [
        [`best ${best.metric}`, best.value.toPrecision(4)],
        ["trial", `${best.trial} of ${trials.length}`],
      ]
    : [];
  const lead = `${model} on ${data}: ${trials.length} trials, method ${method}, judged on validation pictures.`;
  return reportHtml(`genclass: options of ${model}`, lead, cards, sections);
}

function chartsOf(
  { space, objective, trials }: Search,
  shares: readonly (readonly [string, number])[],
): (ReportChart & { name: string })[] {
  const told = trials.flatMap(({ number, point, trained }) =>
    trained?.objective ? [{ number, point, value: trained.objective.value }] : [],
  );
  if (!objective || told.length === 0) return [];
  let least = Number.POSITIVE_INFINITY;
  const sign = objective.better === "higher" ? -1 : 1;
  const bestSoFar = told.map(({ number, value }) => {
    least = Math.min(least, sign * value);
    return { x: number, y: sign * least };
  });
  const byTrial: MeasuredSeries[] = [
    // What comes later is drawn above.
    { name: "the best so far", joined: true, points: bestSoFar },
    { name: "a trial", points: told.map(({ number, value }) => ({ x: number, y: value })) },
  ];
  const order = shares.length > 0 ? shares.map(([name]) => name) : space.map(({ name }) => name);
  const drawn = order
    .flatMap((name) => space.filter((dimension) => dimension.name === name && dimension.kind === "range"))
    .slice(0, MOST_DRAWN);
  const svg = measured("Trials", byTrial, { xName: "trial", yName: objective.metric });
  return [
    { name: "trials", svg, caption: `${objective.metric} on validation pictures; ${objective.better} is better.` },
    ...drawn.map((dimension: Dimension) => {
      const { name } = dimension;
      const points = told.map(({ point, value }) => ({ x: Number(point[name]), y: value })).sort((a, b) => a.x - b.x);
      const axes = {
        ...{ xName: name, yName: objective.metric },
        logarithmic: dimension.kind === "range" && dimension.logarithmic,
      };
      return {
        name: `option-${name}`,
        svg: measured(`By ${name}`, [{ name: "a trial", points }], axes),
        caption: `The other options differ from point to point.`,
      };
    }),
  ];
}
