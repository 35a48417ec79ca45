// genclass tune: searches a model's options, judged on validation pictures.

import { type Command, Option } from "commander";
import { shellWord } from "../../base/shell.ts";
import { LARGEST_SEED } from "../../data/open-options.ts";
import { NOT_OF_TRIALS, SEARCH_METHODS, type SearchMethod } from "../../experiments/search.ts";
import { bestOf, sharesOf, trialTable } from "../../experiments/search-report.ts";
import type { Trial } from "../../experiments/trial-results.ts";
import { type TuneCall, type TuneEvent, tune } from "../../experiments/tune.ts";
import { BACKEND_CHOICES } from "../../node.ts";
import { fetchBackbone } from "../../run/named-backbones.ts";
import { choice, integer, number, text } from "../../run/option-types.ts";
import { type OptionName, RUN_OPTION_LIST, type RunOptions } from "../../run/options.ts";
import { argument, keyValues } from "../args.ts";
import { freeName } from "../files.ts";
import { interruptSwitch } from "../interrupt.ts";
import { bold, duration, ManyRuns, openLine, print, printJson, table, warn } from "../render.ts";

interface Options extends Omit<RunOptions, "minutes"> {
  data: string;
  trials: number;
  minutes?: number;
  trialMinutes?: number;
  method: SearchMethod;
  search?: string;
  seed: number;
  set?: string[];
  out?: string;
  backend?: (typeof BACKEND_CHOICES)[number];
  json?: boolean;
}

/** Options of a run that the command does not pass on to trials: `--minutes` is of the search. */
const NOT_PASSED: readonly string[] = [...NOT_OF_TRIALS, "minutes"] satisfies OptionName[];

/** Trials that are shown, at most. */
const SHOWN = 10;

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<model>", 'a model, as in "genclass models"')
    .requiredOption(
      "--data <source>",
      "what it is trained on; its validation part judges",
      argument(text("a name or a path")),
    )
    .option("--trials <n>", "how many points are tried", argument(integer(1, 100_000)), 20)
    .option("--minutes <m>", "begin no further trial after so many minutes of training in all", argument(number(0.01)))
    .option(
      "--method <name>",
      "tpe: where good trials were; random: anywhere; halving: all a little, the better ones on",
      argument(choice(SEARCH_METHODS)),
      "tpe",
    )
    .option(
      "--search <space>",
      "what is searched: rate=1e-4..1e-2,width=16|32|64, also batch, augment, emaDecay, classWeights, sampling (default: the model's options, around their defaults)",
      argument(text("option=low..high or option=a|b|c, with commas between them")),
    )
    .option("--trial-minutes <m>", "how many minutes a trial trains, instead of --epochs", argument(number(0.01)))
    .option("--seed <n>", "seed of the points and of all runs", argument(integer(0, LARGEST_SEED)), 0)
    .option(
      "--out <folder>",
      "folder of the search; given again, it goes on. Numbered under runs/ when absent",
      argument(text("a folder")),
    );
  for (const [name, { flag, type, default: usual, help }] of RUN_OPTION_LIST) {
    if (NOT_PASSED.includes(name)) continue;
    const usually = usual === null ? "" : ` (default: ${type.write(usual)})`;
    command.addOption(new Option(flag, `${help}${usually}`).argParser(argument(type)));
  }
  command
    .option(
      "--set <key=value>",
      "an option of the model that is not searched; may be repeated",
      (word, all: string[] = []) => [...all, word],
    )
    .option("--backend <name>", "onednn, onnx or auto (default: auto)", argument(choice(BACKEND_CHOICES)))
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nThe test part is not looked at. A search that was stopped goes on when it is called again, also with more --trials.\nThe best options are in best.json, with the command that trains with them.\n\nExample:\n  genclass tune cnn --data glyphs --trials 20 --epochs 3 --search rate=1e-4..1e-2,width=8|16|32 --out search\n",
    )
    .action(run);
}

async function run(model: string, options: Options): Promise<void> {
  const {
    data,
    trials,
    minutes,
    trialMinutes,
    method,
    search,
    seed,
    set = [],
    out = freeName(`runs/search-${model}`),
    backend,
    json,
    ...runOptions
  } = options;
  const stop = interruptSwitch();
  stop.trains();
  try {
    const fixed = {
      options: keyValues(set),
      run: { ...runOptions, seed, ...(trialMinutes ? { minutes: trialMinutes } : {}) },
      backend,
    };
    const call: TuneCall = {
      ...{ model, data, trials, minutes, method, search, seed, out, ...fixed },
      interrupted: () => stop.pressed,
    };
    await fetchBackbone(runOptions.backbone, (file, bytes, total) => openLine("fetch", file, bytes, total));
    const show = progressOf(trials, out);
    for await (const event of tune(call)) {
      show(event);
      if (event.type !== "end") continue;
      const { search: found, reason, report } = event;
      const best = bestOf(found, fixed);
      const shares = sharesOf(found);
      if (json)
        printJson({ out, reason, best: best ?? null, importance: Object.fromEntries(shares), trials: found.trials });
      else {
        const { head, rows } = trialTable(found);
        print(table([head, ...rows.slice(0, SHOWN)]));
        if (rows.length > SHOWN) print(`… and ${rows.length - SHOWN} more`);
        if (shares.length > 0)
          print(
            `\nwhat mattered (share of variance that an option explains alone, by a forest of the trials): ${shares.map(([name, share]) => `${name} ${(100 * share).toFixed(0)} %`).join(", ")}`,
          );
        if (best) print(`\nthe best, trial ${best.trial}, chosen on validation pictures:\n  ${best.command}`);
        print(`\nreport: ${bold(report)}`);
      }
      if (reason === "interrupted") warn(`stopped; call the same again with --out ${shellWord(out)} to go on`);
      if (reason === "interrupted" || !best) process.exitCode = 1;
    }
  } finally {
    stop.release();
  }
}

/** Shows what happens on standard error. */
function progressOf(trials: number, out: string): (event: TuneEvent) => void {
  const lines = new ManyRuns();
  const nameOf = ({ number, rung }: Trial) => `trial ${number} of ${trials}${rung > 0 ? `, rung ${rung + 1}` : ""}`;
  return (event) => {
    if (event.type === "note") lines.note(event.text);
    else if (event.type === "start")
      lines.line(`searching ${event.space.map(({ name }) => name).join(", ")}; trials in ${out}`);
    else if (event.type === "run") lines.run(nameOf(event.trial), event.event, event.remaining);
    else if (event.type === "trial" && event.state !== "begins") {
      const { trial } = event;
      const values = Object.entries(trial.point).map(([name, value]) => `${name} ${value}`);
      const objective = trial.trained?.objective;
      const result = objective
        ? `${objective.metric} ${objective.value.toPrecision(4)}, ${duration(trial.trained!.seconds)}`
        : `failed: ${trial.failed?.message}`;
      lines.line(`${nameOf(trial)}: ${result}  (${values.join(", ")})`);
    }
  };
}
