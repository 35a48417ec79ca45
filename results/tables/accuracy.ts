// Accuracies of trained models, as README.md has them.
import type { ComparisonRow } from "../../src/experiments/comparison.ts";
import { markdownTable } from "../../src/experiments/comparison-table.ts";
import { EXPERIMENTS } from "../experiments.ts";
import { SYSTEMS } from "../systems.ts";
import { meanAndDeviation, row } from "./cells.ts";
import { json, records } from "./files.ts";
import { IN_SHORT } from "./generators.ts";

/** A budget by the machine's speed, and what it was in minutes. */
function budgetOf(runs: readonly Record<string, string>[]): string {
  const { minutes_at_250: minutes, gflops, machine } = runs[0]!;
  const spent = runs.reduce((total, run) => total + Number(run.seconds) / 60 / runs.length, 0).toFixed(1);
  // What is solved has no budget, and older runs do not say how fast the machine was.
  return minutes ? `${minutes} min@250: ${spent} min at ${gflops} GFLOP/s` : `${spent} min, ${machine}`;
}

/** The five systems: how each is called, and test accuracies of it, mean ± sd over seeds. */
export function systemsTable(): string {
  const runs = records("classifiers.csv");
  const accuracies = (id: string) => {
    const { task, system } = EXPERIMENTS.find((experiment) => experiment.id === id)!;
    const own = runs.filter((run) => run.id === id);
    const percent = (v: number) => (100 * v).toFixed(2);
    const values = own.map((run) => Number(run.accuracy));
    return own.length === 0
      ? []
      : [
          `${system.replace(/^S\d /, "")}, ${task}: ${meanAndDeviation(values, percent)} % (${own.length === 1 ? "one run" : `${own.length} runs`})`,
        ];
  };
  return [
    row(["", "system", "command", "measured"]),
    row(Array(4).fill("---")),
    ...SYSTEMS.map(({ name, what, commands, measured, alsoFrom = [] }) =>
      row([
        name,
        what,
        commands,
        [...measured.flatMap(accuracies), ...alsoFrom.flatMap((file) => IN_SHORT[file]())].join("; "),
      ]),
    ),
  ].join("\n");
}

/** Mean ± sd over seeds of each experiment. */
export function resultsTable(): string {
  const runs = records("classifiers.csv");
  const rows = EXPERIMENTS.flatMap((experiment) => {
    const own = runs.filter((run) => run.id === experiment.id);
    if (own.length === 0) return [];
    const of = (name: string, show: (value: number) => string) => {
      const values = own.map((run) => run[name]!);
      return values.includes("") ? "" : meanAndDeviation(values.map(Number), show);
    };
    return [
      row([
        experiment.system,
        experiment.task,
        of("accuracy", (v) => `${(100 * v).toFixed(2)}`),
        of("mse", (v) => v.toFixed(4)),
        of("ece", (v) => `${(100 * v).toFixed(2)}`),
        budgetOf(own),
        own.map((run) => run.seed).join(", "),
        experiment.published,
      ]),
    ];
  });
  return [
    row([
      "system",
      "task",
      "test accuracy %",
      "squared error a pixel",
      "calibration error %",
      "budget",
      "seeds",
      "published",
    ]),
    row(Array(8).fill("---")),
    ...rows,
  ].join("\n");
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
        const values = own.filter((run) => run.seed === seed).map((run) => (100 * Number(run.accuracy)).toFixed(2));
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
  return [
    row(["backend", "test accuracy %, ten epochs of MNIST", "log-loss", "seeds"]),
    row(Array(4).fill("---")),
    ...names.map((name) => {
      const own = runs.filter((run) => run.backend === name);
      const of = (column: string, show: (v: number) => string) =>
        meanAndDeviation(
          own.map((run) => Number(run[column])),
          show,
        );
      return row([
        name,
        of("accuracy", (v) => (100 * v).toFixed(2)),
        of("nll", (v) => v.toFixed(4)),
        own.map((run) => run.seed).join(", "),
      ]);
    }),
  ].join("\n");
}
