// genclass train: the options of a run come from their table; the rest of the call says where, and with what.
import { type Command, Option } from "commander";
import { fail } from "../../base/errors.ts";
import { shellWord } from "../../base/shell.ts";
import { requireWritable } from "../../base/writing.ts";
import type { Dataset } from "../../data/dataset.ts";
import { findModel, MODELS } from "../../models/index.ts";
import { BACKEND_CHOICES, type Backend, chooseBackend, load } from "../../node.ts";
import { evaluate, withFindings } from "../../predict/evaluate.ts";
import { RunFolder } from "../../run/folder.ts";
import { lossFindings } from "../../run/held-out-losses.ts";
import { fetchBackbone } from "../../run/named-backbones.ts";
import { openForModel } from "../../run/open-data.ts";
import { choice, text } from "../../run/option-types.ts";
import { RUN_OPTION_LIST, type RunOptions, type StoredOptions } from "../../run/options.ts";
import { recordEvaluation } from "../../run/record.ts";
import { useCommands } from "../../run/repeat.ts";
import { planResume, planRun, resumeRun, startRun, type Training } from "../../run/train.ts";
import type { EndEvent } from "../../train/events.ts";
import { argument, keyValues } from "../args.ts";
import { interruptSwitch } from "../interrupt.ts";
import { bold, duration, openLine, Progress, print, printJson, warn } from "../render.ts";
import { setupHint } from "../setup-hint.ts";
import { openAgain, sourceOf, warnOf } from "../sources.ts";
import { showEvaluation } from "./evaluate.ts";

interface Options extends RunOptions {
  data?: string;
  out?: string;
  set?: string[];
  resume?: boolean;
  backend?: (typeof BACKEND_CHOICES)[number];
  json?: boolean;
}

/** Under so many steps, a run is told to be short: the smallest sets give sharp pictures after some thousand. */
const FEW_STEPS = 500;

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("<model>", 'a model, as in "genclass models"')
    .option(
      "--data <source>",
      "a built-in name, a folder of class folders, a .npz, .csv, .tar, .zip or .parquet file, …",
      argument(text("a name or a path")),
    )
    .option("--out <folder>", "run folder; numbered under runs/ when absent", argument(text("a folder")));
  for (const [, { flag, type, default: usual, help }] of RUN_OPTION_LIST) {
    // The value itself stays absent: what is not given must not be checked against a run that goes on.
    const usually = usual === null ? "" : ` (default: ${type.write(usual)})`;
    command.addOption(new Option(flag, `${help}${usually}`).argParser(argument(type)));
  }
  command
    .option("--set <key=value>", "an option of the model; may be repeated", (word, all: string[] = []) => [
      ...all,
      word,
    ])
    .option("--resume", "go on exactly where the run in --out stopped")
    .option(
      "--backend <name>",
      "onednn, onnx, or auto: oneDNN where its library is installed (see genclass doctor) (default: auto)",
      argument(choice(BACKEND_CHOICES)),
    )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nExample:\n  genclass train ${MODELS[0]!.name} --data glyphs --minutes 1 --out runs/first\n`,
    )
    .action((model: string, options: Options) => run(model, options));
}

async function run(model: string, options: Options): Promise<void> {
  const { training, data, backend, end, stepped } = await train(model, options);
  const folder = training.run;
  if (end.reason === "interrupted") {
    warn(`stopped at step ${end.step}; go on with: genclass train ${model} --out ${shellWord(folder.path)} --resume`);
    process.exitCode = 1;
  }
  const metrics: Record<string, number> = { ...end.metrics };
  let report: string | undefined;
  if (end.reason !== "interrupted") {
    const split = data.test ? "test" : "validation";
    const set = data.test ?? data.validation;
    if (set && set.labels.length > 0) {
      const trained = await load(folder.path, { backend });
      const evaluated = await evaluate(trained, set, data.classes);
      const found = withFindings(evaluated, await lossFindings(folder, { data, set }, backend));
      if (!options.json) showEvaluation(split, found);
      // The chart library loads only now.
      const { writeReport } = await import("../../run/report.ts");
      report = await writeReport(folder, trained, data.train, split, found, warn);
      await recordEvaluation(folder, trained, split, found, warn);
      await trained.dispose();
      for (const [name, value] of Object.entries(found.metrics)) metrics[`${split}/${name}`] = value;
    }
  }
  const { epochsPerExample } = end;
  if (options.json)
    printJson({
      run: folder.path,
      epochs: end.epoch,
      seconds: end.seconds,
      reason: end.reason,
      epochsPerExample,
      metrics,
    });
  else
    print(
      `${bold(folder.path)}  trained ${duration(end.seconds)}, ${end.epoch} ${end.epoch === 1 ? "epoch" : "epochs"}${epochsPerExample.unlabelled > 0 ? ` (each labelled picture seen ${epochsPerExample.labelled.toFixed(1)} times, each unlabelled one ${epochsPerExample.unlabelled.toFixed(1)} times)` : ""}, ended: ${end.reason}${report ? `\nreport: ${bold(report)}` : ""}`,
    );
  if (options.json || end.reason === "interrupted") return;
  const own = folder.modelConfig(findModel(model));
  const heads = Object.keys(findModel(model).build(own.options, own.data).heads);
  const poor = [
    ...(["decode", "sample", "translate"].some((head) => heads.includes(head)) ? ["pictures will be blurred"] : []),
    ...(heads.includes("classify") ? ["classes mixed up"] : []),
  ];
  // A layer above a network that was trained before needs no more.
  if (stepped && end.step < FEW_STEPS && !folder.config.backbone)
    print(
      `few steps (${end.step}): ${poor.join(" and ")}; train longer: genclass train ${model} --out ${shellWord(folder.path)} --resume --epochs ${epochsFor(2 * FEW_STEPS, end)}`,
    );
  print(
    `\nwhat to do with it:\n${useCommands(folder.path, heads)
      .map((line) => `  ${line}`)
      .join("\n")}`,
  );
}

/** How many epochs have at least so many steps, as a run took them. */
const epochsFor = (steps: number, { step, epoch }: EndEvent): number =>
  Math.ceil((steps * Math.max(1, epoch)) / Math.max(1, step));

/** Trains until the run ends or a signal stops it; signals are as usual again afterwards. */
async function train(model: string, options: Options): Promise<Begun & { end: EndEvent; stepped: boolean }> {
  const stop = interruptSwitch();
  try {
    const begun = await (options.resume ? resume : start)(model, options, () => stop.pressed);
    stop.trains();
    const progress = new Progress();
    let end: EndEvent | undefined;
    let stepped = false;
    for await (const event of begun.training.events) {
      progress.show(event);
      if (event.type === "end") end = event;
      // What is solved has a step that says nothing of how long it took.
      stepped ||= event.type === "step";
    }
    if (!end) fail("E_USAGE", "internal: training ended without an end event");
    return { ...begun, end, stepped };
  } finally {
    stop.release();
  }
}

/** The size of photographs: that of the pictures of the run whose weights it begins from, if they are square, else what the model asks for. */
function sizeWish(model: string, { from }: StoredOptions): { photographs?: number } {
  const beginning = from === null ? undefined : RunFolder.configOf(from).data;
  return beginning && beginning.height === beginning.width ? { photographs: beginning.height } : findModel(model);
}

/** A run about to train, and what it trains with. */
interface Begun {
  readonly training: Training;
  readonly data: Dataset;
  readonly backend: Backend;
}

async function start(model: string, options: Options, interrupted: () => boolean): Promise<Begun> {
  const { data: source, set = [], resume: _, backend: wish = "auto", json: __, ...given } = options;
  if (!source) fail("E_USAGE", 'train needs --data SRC: a built-in name such as "glyphs", or a folder');
  const call = { ...given, options: keyValues(set) };
  if (call.out === undefined) requireWritable("runs");
  await fetchBackbone(call.backbone, (file, bytes, total) => openLine("fetch", file, bytes, total));
  const { options: wanted } = planRun(model, call);
  const backend = backendFor(wish, wanted);
  const { data, ...size } = await openForModel(source, wanted, sizeWish(model, wanted), openLine);
  warnOf(data, source);
  return { training: await startRun(model, { ...call, ...size, data, source, backend, interrupted }), data, backend };
}

async function resume(model: string, options: Options, interrupted: () => boolean): Promise<Begun> {
  const { data: source, out, set = [], resume: _, backend: wish = "auto", json: __, ...given } = options;
  if (!out) fail("E_USAGE", "--resume needs --out RUN: the run folder to go on with");
  const run = RunFolder.open(out);
  const { config } = run;
  if (config.model !== model) fail("E_RUN_CONFLICT", `${out} is a run of "${config.model}", not of "${model}"`);
  const call = { ...given, options: keyValues(set) };
  const wanted = planResume(out, call);
  // When nothing else is asked for, the run goes on with the backend that it began on.
  const backend = backendFor(wish === "auto" && config.backend !== "onednn" ? "onnx" : wish, wanted);
  const data = await openAgain(out, source ?? sourceOf(run), wanted);
  return { training: await resumeRun(out, { ...call, data, backend, interrupted }), data, backend };
}

function backendFor(name: Options["backend"], { threads, precision }: StoredOptions): Backend {
  const { backend, notes } = chooseBackend({ backend: name, threads, precision });
  for (const note of notes) warn(note);
  const hint = name === "auto" && backend.name !== "onednn" ? setupHint() : undefined;
  if (hint) warn(hint);
  return backend;
}
