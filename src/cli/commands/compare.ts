// genclass compare: several models on equal data, in one table.
import { type Command, Option } from "commander";
import { fail } from "../../base/errors.ts";
import { shellWord } from "../../base/shell.ts";
import { type CompareCall, type CompareEvent, compare, NOT_SHARED } from "../../experiments/compare.ts";
import type { Comparison } from "../../experiments/comparison.ts";
import { readingOf } from "../../experiments/comparison-report.ts";
import { TABLE_HEAD, tableRows } from "../../experiments/comparison-table.ts";
import { splitVariants } from "../../experiments/variant.ts";
import { BACKEND_CHOICES } from "../../node.ts";
import { fetchBackbone } from "../../run/named-backbones.ts";
import { choice, integer, labelAmount, type OptionType, text } from "../../run/option-types.ts";
import { RUN_OPTION_LIST, type RunOptions } from "../../run/options.ts";
import { argument, modelValues, words } from "../args.ts";
import { freeName } from "../files.ts";
import { interruptSwitch } from "../interrupt.ts";
import { bold, duration, ManyRuns, openLine, print, printJson, table, warn } from "../render.ts";

interface Options extends Omit<RunOptions, "labels"> {
  data: string;
  models: string[];
  labels?: string[];
  seeds: number;
  set?: string[];
  out?: string;
  backend?: (typeof BACKEND_CHOICES)[number];
  json?: boolean;
}

const VARIANTS: OptionType<string[]> = { ...words("model names"), read: splitVariants };

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .requiredOption(
      "--data <source>",
      "what all are trained on; it needs a test part",
      argument(text("a name or a path")),
    )
    .requiredOption(
      "--models <names>",
      'models, as in "genclass models"; options of a model or of its runs may follow after colons: vae,cnn,cnn:net=fast:augment=none',
      argument(VARIANTS),
    )
    .option(
      "--labels <amounts>",
      "numbers of labels to keep, each compared apart: 10,100,5%,all (default: all)",
      argument(words("numbers of labels, as in 10,100,all")),
    )
    .option("--seeds <n>", "how many times each is trained: with the seeds 0 to n - 1", argument(integer(1, 1000)), 3)
    .option(
      "--out <folder>",
      "folder of the comparison; given again, it goes on. Numbered under runs/ when absent",
      argument(text("a folder")),
    );
  for (const [name, { flag, type, default: usual, help }] of RUN_OPTION_LIST) {
    if ((NOT_SHARED as readonly string[]).includes(name)) continue;
    const usually = usual === null ? "" : ` (default: ${type.write(usual)})`;
    command.addOption(new Option(flag, `${help}${usually}`).argParser(argument(type)));
  }
  command
    .option(
      "--set <model.key=value>",
      "an option of a model, as in cnn.width=16; may be repeated",
      (word, all: string[] = []) => [...all, word],
    )
    .option("--backend <name>", "onednn, onnx or auto (default: auto)", argument(choice(BACKEND_CHOICES)))
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nEach run has a process and a folder of its own below the one of the comparison. A comparison that was stopped goes on when\nit is called again; more models, labels or seeds may be asked for then. --epochs gives all models equally many visits to\nthe pictures, --minutes equally much time.\n\nExample:\n  genclass compare --data glyphs --models vae,cnn --labels 10,all --seeds 3 --minutes 1 --out comparison\n",
    )
    .action(run);
}

async function run({
  json,
  set = [],
  labels,
  models,
  out = freeName("runs/comparison"),
  ...options
}: Options): Promise<void> {
  const stop = interruptSwitch();
  stop.trains();
  try {
    const call: CompareCall = {
      ...options,
      ...{ models, out },
      labels: labels?.map(amount),
      options: modelValues(set),
      interrupted: () => stop.pressed,
    };
    await fetchBackbone(options.backbone, (file, bytes, total) => openLine("fetch", file, bytes, total));
    const show = progressOf(out);
    for await (const event of compare(call)) {
      show(event);
      if (event.type !== "end") continue;
      const { comparison, report, reason } = event;
      if (json) printJson(comparison.rows);
      else showComparison(comparison, report);
      if (reason === "interrupted") warn(`stopped; call the same again with --out ${shellWord(out)} to go on`);
      if (reason === "interrupted" || comparison.failed.length > 0) process.exitCode = 1;
    }
  } finally {
    stop.release();
  }
}

function amount(word: string) {
  if (word === "all") return word;
  const parsed = labelAmount.schema.safeParse(labelAmount.read(word));
  if (!parsed.success) fail("E_OPTION", `--labels ${word}: expected ${labelAmount.expected}, or all`);
  return parsed.data;
}

/** Shows what happens on standard error. */
function progressOf(out: string): (event: CompareEvent) => void {
  const lines = new ManyRuns();
  let cells = 0;
  return (event) => {
    if (event.type === "start") {
      cells = event.cells;
      lines.line(`${cells} runs in ${out}${event.done > 0 ? `, of which ${event.done} are done` : ""}`);
    } else if (event.type === "note") lines.note(event.text);
    else if (event.type === "timing") lines.line(`measuring how fast ${event.models} models answer`);
    else if (event.type === "run") lines.run(`run ${event.index + 1} of ${cells}`, event.event, event.remaining);
    else if (event.type === "cell") {
      const { state, cell, index } = event;
      const name = `run ${index + 1} of ${cells}: ${cell.model}, ${cell.labels} labels, seed ${cell.seed}`;
      if (state === "failed") warn(`${name} failed: ${cell.message}`);
      else if (state === "done") {
        const { test, seconds } = cell.trained;
        lines.line(`${name}: accuracy ${(100 * test!.metrics.accuracy!).toFixed(2)} %, ${duration(seconds)}`);
      } else if (state === "goes on") lines.line(`${name} goes on`);
    }
  };
}

function showComparison(comparison: Comparison, report: string): void {
  print(table([TABLE_HEAD, ...tableRows(comparison.rows)]));
  print(`\n${readingOf(comparison).join("\n")}\n\nreport: ${bold(report)}`);
}
