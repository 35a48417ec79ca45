import type { Command } from "commander";
import { fail } from "../../base/errors.ts";
import { open } from "../../data/open.ts";
import { formatMetric, type MetricInfo } from "../../metrics/metric.ts";
import { chooseBackend, load } from "../../node.ts";
import { type Evaluation, evaluate } from "../../predict/evaluate.ts";
import { RunFolder } from "../../run/folder.ts";
import { bold, openLine, print, printJson, table, warn } from "../render.ts";

type Split = "train" | "validation" | "test";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<run>", "a run folder")
    .option("--data <source>", "other data than the run was trained on")
    .option("--split <name>", "train, validation or test", "test")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass evaluate runs/first\n")
    .action(run);
}

async function run(path: string, options: { data?: string; split: string; json?: boolean }): Promise<void> {
  if (!["train", "validation", "test"].includes(options.split))
    fail("E_OPTION", `--split ${options.split}: expected train, validation or test`);
  const folder = RunFolder.open(path);
  const { data: saved, seed } = folder.config;
  const model = await load(path, chooseBackend());
  const data = await open(options.data ?? saved.source, {
    image:
      saved.image ?? (options.data && saved.channels === 3 ? { height: saved.height, width: saved.width } : undefined),
    resize: saved.resize,
    validation: saved.validation,
    seed,
    progress: openLine,
  });
  const split = options.split as Split;
  const set = data[split];
  if (!set) fail("E_DATA_EMPTY", `${options.data ?? saved.source} has no ${split} part; choose another --split`);
  const found = await evaluate(model, set, data.classes);
  if (options.json)
    printJson({
      run: path,
      split,
      n: found.n,
      metrics: found.metrics,
      ...(found.classification
        ? { classes: found.classification.classes, confusion: found.classification.confusion }
        : {}),
    });
  else showEvaluation(split, found, model.metrics);
  const { writeReport } = await import("../../run/report.ts");
  const report = await writeReport(folder, model, data, split, found, warn);
  await model.dispose();
  if (!options.json && report) print(`report: ${bold(report)}`);
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
  print(table(Object.entries(metrics).map(([name, value]) => [name, value.toPrecision(5)])));
  print();
}
