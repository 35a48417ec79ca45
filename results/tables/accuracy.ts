// Accuracies of trained models, as README.md has them.
import type { ComparisonRow } from "../../src/experiments/comparison.ts";
import { markdownTable } from "../../src/experiments/comparison-table.ts";
import { records } from "../csv.ts";
import { EXPERIMENTS } from "../experiments.ts";
import { SYSTEMS } from "../systems.ts";
import { leastToMost, meanAndDeviation, medianAndRange, percent, table } from "./cells.ts";
import { IN_SHORT } from "./generators.ts";
import { json } from "./json.ts";

/** A budget by the machine's speed, and what it was in minutes: from the least to the most of these runs. */
export function budgetOf(runs: readonly Readonly<Record<string, string>>[]): string {
  const of = (name: string) => leastToMost(runs.map((run) => Number(run[name])));
  const spent = leastToMost(
    runs.map(({ seconds }) => Number(seconds) / 60),
    (minutes) => minutes.toFixed(1),
  );
  // What is solved has no budget, and older runs do not say how fast the machine was.
  if (runs.every(({ minutes_at_250 }) => minutes_at_250))
    return `${of("minutes_at_250")} min@250: ${spent} min at ${of("gflops")} GFLOP/s`;
  return `${spent} min, ${[...new Set(runs.map(({ machine }) => machine))].join(" or ")}`;
}

/** The five systems: how each is called, and test accuracies of it, mean ± sd over seeds. */
export function systemsTable(): string {
  const runs = records("classifiers.csv");
  const accuracies = (id: string) => {
    const { task, system } = EXPERIMENTS.find((experiment) => experiment.id === id)!;
    const own = runs.filter((run) => run.id === id);
    const values = own.map((run) => Number(run.accuracy));
    return own.length === 0
      ? []
      : [
          `${system.replace(/^S\d /, "")}, ${task}: ${meanAndDeviation(values, percent)} % (${own.length === 1 ? "one run" : `${own.length} runs`})`,
        ];
  };
  return table(
    ["", "system", "command", "measured"],
    SYSTEMS.map(({ name, what, commands, measured, alsoFrom = [] }) => [
      name,
      what,
      commands,
      [...measured.flatMap(accuracies), ...alsoFrom.flatMap((file) => IN_SHORT[file]())].join("; "),
    ]),
  );
}

/** Mean ± sd over seeds of each experiment. */
export function resultsTable(): string {
  const runs = records("classifiers.csv");
  const rows = EXPERIMENTS.flatMap((experiment) => {
    const own = runs.filter((run) => run.id === experiment.id);
    if (own.length === 0) return [];
    const of = (name: string, show: (value: number) => string) => {
      const values = own.map((run) => run[name]!);
      const several = experiment.byMedian ? medianAndRange : meanAndDeviation;
      return values.includes("") ? "" : several(values.map(Number), show);
    };
    return [
      [
        experiment.system,
        experiment.task,
        of("accuracy", percent),
        of("mse", (v) => v.toFixed(4)),
        of("ece", percent),
        budgetOf(own),
        own.map((run) => run.seed).join(", "),
        experiment.published,
      ],
    ];
  });
  return table(
    [
      "system",
      "task",
      "test accuracy %",
      "squared error a pixel",
      "calibration error %",
      "budget",
      "seeds",
      "published",
    ],
    rows,
  );
}

/** What `genclass compare` made of several models on equal data, as its compare.json has it. */
export function comparisonTable(): string {
  const made = json<{ command: string; machine: string; rows: ComparisonRow[] }>("comparison.json");
  if (!made) return "";
  return `\`${made.command}\` on ${made.machine}, from \`results/comparison.json\`:\n\n${markdownTable(made.rows).trim()}`;
}

/** Test accuracies that had been seen while what is measured was being made. */
export function seenList(): string {
  const runs = records("seen.csv");
  const tasks = [...new Set(runs.map(({ task, while: made }) => `${made}: ${task}`))];
  return tasks
    .map((task) => {
      const own = runs.filter((run) => `${run.while}: ${run.task}` === task);
      const seeds = [...new Set(own.map(({ seed }) => seed))].map((seed) => {
        const values = own.filter((run) => run.seed === seed).map((run) => percent(Number(run.accuracy)));
        return `${values.join(", ")} % (seed ${seed})`;
      });
      return `- ${task}, ${seeds.join(", ")}`;
    })
    .join("\n");
}

/** That the backend does not matter for what is learned. */
export function backendsTable(): string {
  const runs = records("backends.csv");
  const names = [...new Set(runs.map((run) => run.backend!))];
  return table(
    ["backend", "test accuracy %, ten epochs of MNIST", "log-loss", "seeds"],
    names.map((name) => {
      const own = runs.filter((run) => run.backend === name);
      const of = (column: string, show: (v: number) => string) =>
        meanAndDeviation(
          own.map((run) => Number(run[column])),
          show,
        );
      return [name, of("accuracy", percent), of("nll", (v) => v.toFixed(4)), own.map((run) => run.seed).join(", ")];
    }),
  );
}
