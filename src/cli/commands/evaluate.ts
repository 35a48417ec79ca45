import { join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/errors.ts";
import { type Dataset, PARTS, type Part } from "../../data/dataset.ts";
import { open } from "../../data/open.ts";
import { formatMetric, type MetricInfo } from "../../metrics/metric.ts";
import { chooseBackend, load } from "../../node.ts";
import { type Evaluation, evaluate } from "../../predict/evaluate.ts";
import { estimateLikelihood, likelihoodText } from "../../predict/likelihood.ts";
import { RunFolder } from "../../run/folder.ts";
import { choice, integer, text } from "../../run/option-types.ts";
import { argument } from "../args.ts";
import { freeName } from "../files.ts";
import { bold, openLine, print, printJson, table, warn } from "../render.ts";
import { ownData, sourceOf } from "../sources.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .option("--data <source>", "other data than the run was trained on", argument(text("a name or a path")))
    .option("--split <name>", PARTS.join(", "), argument(choice(PARTS)), "test")
    .option(
      "--likelihood <draws>",
      "estimate the likelihood too, by so many latent vectors a picture",
      argument(integer(1, 1_000_000)),
    )
    .option("--pictures <n>", "of the part, whose likelihood is estimated (default: all)", argument(integer(1, 1e9)))
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nThe report and its pictures go to RUN/evaluations/, numbered.\n\nExample:\n  genclass evaluate runs/first\n",
    )
    .action(run);
}

interface Options {
  data?: string;
  split: Part;
  likelihood?: number;
  pictures?: number;
  json?: boolean;
}

async function run(path: string, options: Options): Promise<void> {
  const { split } = options;
  const folder = RunFolder.open(path);
  const source = options.data ?? sourceOf(folder);
  const model = await load(path, chooseBackend());
  const data = await (options.data === undefined
    ? ownData(folder, source, split, `evaluate on it as it is with --data ${source}`)
    : otherData(folder, source));
  const set = data[split];
  if (!set) fail("E_DATA_EMPTY", `${source} has no ${split} part; choose another --split`);
  const found = await evaluate(model, set, data.classes);
  const likelihood =
    options.likelihood === undefined
      ? undefined
      : await estimateLikelihood(model, set, options.likelihood, { pictures: options.pictures });
  if (options.json)
    printJson({
      run: path,
      split,
      n: found.n,
      metrics: found.metrics,
      ...(likelihood ? { likelihood } : {}),
      ...(found.classification
        ? { classes: found.classification.classes, confusion: found.classification.confusion }
        : {}),
    });
  else {
    showEvaluation(split, found, model.metrics);
    if (likelihood) print(`${likelihoodText(likelihood)}\n`);
  }
  const { writeReport } = await import("../../run/report.ts");
  const out = freeName(join(path, "evaluations", options.data === undefined ? split : `${split}-of-${data.name}`));
  // The report of the run itself, which training wrote, stays.
  const place = {
    config: folder.config,
    events: () => folder.events(),
    file: (...parts: string[]) => join(out, ...parts),
  };
  const report = await writeReport(place, model, data, split, found, warn);
  await model.dispose();
  if (!options.json && report) print(`report: ${bold(report)}`);
}

/** Other data, read as the run read its own. */
function otherData({ config: { data, seed } }: RunFolder, source: string): Promise<Dataset> {
  return open(source, {
    image: data.image ?? (data.channels === 3 ? { height: data.height, width: data.width } : undefined),
    resize: data.resize,
    validation: data.validation,
    seed,
    progress: openLine,
  });
}

/** The numbers as people read them. */
export function showEvaluation(
  split: string,
  { n, metrics, classification }: Evaluation,
  known: readonly MetricInfo[],
): void {
  const percent = (value: number) => (100 * value).toFixed(2);
  const first = known.find(({ name, headline }) => headline && metrics[name] !== undefined);
  print(
    `${first ? `${bold(`${first.title} ${formatMetric(first, metrics[first.name]!)}`)} on ` : ""}${n} ${split} pictures`,
  );
  print();
  if (classification) {
    const rows = classification.classes.map((c) => [
      c.name,
      percent(c.precision),
      percent(c.recall),
      percent(c.f1),
      String(c.support),
    ]);
    print(table([["class", "precision %", "recall %", "F1 %", "pictures"], ...rows]));
    print();
  }
  const meaning = ({ title, better, unit }: MetricInfo) =>
    `${title}${unit === "share" ? ", as a share of 1" : unit && `, ${unit}`}${better === "neither" ? "" : `; ${better} is better`}`;
  const told = new Map(known.map((metric) => [metric.name, meaning(metric)]));
  print(table(Object.entries(metrics).map(([name, value]) => [name, value.toPrecision(5), told.get(name) ?? ""])));
  print();
}
