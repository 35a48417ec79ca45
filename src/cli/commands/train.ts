import type { Command } from "commander";
import { fail } from "../../base/errors.ts";
import { AUGMENTATIONS } from "../../data/augment.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { ClassWeighting } from "../../data/imbalance.ts";
import { open } from "../../data/open.ts";
import type { Sampling } from "../../data/order.ts";
import { RESIZES, type Resize } from "../../data/readers/decode.ts";
import type { LabelAmount } from "../../data/splits.ts";
import { BACKEND_CHOICES, chooseBackend, load, PRECISIONS, type Precision } from "../../node.ts";
import { evaluate } from "../../train/evaluate.ts";
import type { EndEvent, RunEvent } from "../../train/events.ts";
import { RunFolder } from "../../train/run.ts";
import { resumeRun, startRun } from "../../train/train.ts";
import { classWeighting, imageSize, integer, keyValues, labelAmount, number, oneOf, target } from "../args.ts";
import { bold, duration, openLine, Progress, print, printJson, warn } from "../render.ts";
import { showEvaluation } from "./evaluate.ts";

interface Options {
  data?: string;
  out?: string;
  labels?: LabelAmount;
  unlabelled?: string;
  epochs?: number;
  minutes?: number;
  until?: { metric: string; value: number };
  patience: number;
  batch?: number;
  image?: { height: number; width: number };
  resize: Resize;
  validation: number;
  seed?: number;
  augment?: string;
  sampling: Sampling;
  classWeights: ClassWeighting;
  set: string[];
  from?: string;
  resume?: boolean;
  backend: (typeof BACKEND_CHOICES)[number];
  threads: number;
  precision: Precision;
  json?: boolean;
}

export function define(command: Command): void {
  command
    .argument("<model>", 'a model, as in "genclass models"')
    .option("--data <source>", "a built-in name, a folder of class folders, a .npz, .csv, .tar or .parquet file, …")
    .option("--out <folder>", "run folder; numbered under runs/ when absent")
    .option(
      "--labels <n>",
      "labels to keep: 10 a class, 5%, or total=100; the rest is treated as unlabelled",
      labelAmount,
    )
    .option("--unlabelled <folder>", "more pictures for the training part, without labels")
    .option("--epochs <n>", "passes over the training part (default 20)", integer(1))
    .option("--minutes <m>", "train for so long instead", number(0.01))
    .option("--until <metric=value>", "stop when a validation metric reaches a value", target)
    .option("--patience <n>", "stop after n epochs without a better validation score; 0: never", integer(0), 0)
    .option("--batch <n>", "pictures a step (default 128)", integer(1, 65536))
    .option("--image <HxW>", "size to read pictures at", imageSize)
    .option(
      "--resize <how>",
      Object.entries(RESIZES)
        .map(([name, doc]) => `${name}: ${doc}`)
        .join("; "),
      oneOf(Object.keys(RESIZES)),
      "fit",
    )
    .option("--validation <share>", "share of the training part held out", number(0, 0.9), 0.1)
    .option("--seed <n>", "seed of weights, order, noise and splits (default 0)", integer(0, 2 ** 31 - 1))
    .option(
      "--augment <policy>",
      `auto, ${Object.keys(AUGMENTATIONS).join(", ")}, or changes as in light,rotate=5,cutmix; "genclass data augment-preview" shows them`,
    )
    .option(
      "--sampling <how>",
      "shuffled, or balanced: as many places in an epoch for each class",
      oneOf(["shuffled", "balanced"]),
      "shuffled",
    )
    .option("--class-weights <how>", "none, balanced, sqrt, or as in cat=2,dog=0.5", classWeighting, "none")
    .option(
      "--set <key=value>",
      "an option of the model; may be repeated",
      (word, all: string[]) => [...all, word],
      [] as string[],
    )
    .option("--from <run>", "begin from the weights of a trained run (tuning)")
    .option("--resume", "go on exactly where the run in --out stopped")
    .option(
      "--backend <name>",
      "onednn, onnx, or auto: oneDNN where its library is installed (see genclass doctor)",
      oneOf(BACKEND_CHOICES),
      "auto",
    )
    .option("--threads <n>", "0: as many as cores", integer(0, 1024), 0)
    .option(
      "--precision <type>",
      "of products: float32, or bf16 where the processor has it and oneDNN computes",
      oneOf(PRECISIONS),
      "float32",
    )
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass train vae --data glyphs --minutes 1 --out runs/first\n")
    .action((model: string, options: Options) => run(model, options));
}

async function run(model: string, options: Options): Promise<void> {
  const stop = interruptSwitch();
  const { backend, note } = chooseBackend(options.resume ? { ...options, backend: backendOfRun(options) } : options);
  if (note) warn(note);
  const { folder, events, data } = options.resume ? await resume(model, options) : await start(model, options);
  const progress = new Progress();
  let end: EndEvent | undefined;
  for await (const event of events()) {
    progress.show(event);
    if (event.type === "end") end = event;
  }
  stop.release();
  if (!end) fail("E_USAGE", "internal: training ended without an end event");
  if (end.reason === "interrupted") {
    warn(`stopped at step ${end.step}; go on with: genclass train ${model} --out ${folder().path} --resume`);
    process.exitCode = 1;
  }
  const metrics: Record<string, number> = { ...end.metrics };
  let report: string | undefined;
  if (end.reason !== "interrupted") {
    const split = data.test ? "test" : "validation";
    const set = data.test ?? data.validation;
    if (set && set.labels.length > 0) {
      const trained = await load(folder().path, { backend });
      const found = await evaluate(trained, set, data.classes);
      if (!options.json) showEvaluation(split, found);
      // The chart library loads only now.
      const { writeReport } = await import("../../train/report.ts");
      report = await writeReport(folder(), trained, data, split, found);
      await trained.dispose();
      for (const [name, value] of Object.entries(found.metrics)) metrics[`${split}/${name}`] = value;
    }
  }
  const { passes } = end;
  if (options.json)
    printJson({ run: folder().path, epochs: end.epoch, seconds: end.seconds, reason: end.reason, passes, metrics });
  else
    print(
      `${bold(folder().path)}  trained ${duration(end.seconds)}, ${end.epoch} epochs${passes.unlabelled > 0 ? ` (each labelled picture seen ${passes.labelled.toFixed(1)} times, each unlabelled one ${passes.unlabelled.toFixed(1)} times)` : ""}, ended: ${end.reason}${report ? `\nreport: ${bold(report)}` : ""}`,
    );

  function interruptible() {
    return stop.pressed;
  }

  async function start(name: string, o: Options) {
    if (!o.data) fail("E_USAGE", 'train needs --data SRC: a built-in name such as "glyphs", or a folder');
    if (o.epochs !== undefined && o.minutes !== undefined)
      fail("E_USAGE", "--epochs and --minutes exclude each other; give one");
    const opened = await open(o.data, {
      labels: o.labels,
      unlabelled: o.unlabelled,
      image: o.image,
      resize: o.resize,
      validation: o.validation,
      seed: o.seed ?? 0,
      progress: openLine,
    });
    warnings(opened);
    const begun = await startRun(name, {
      ...o,
      data: opened,
      source: o.data,
      backend,
      options: keyValues(o.set),
      interrupted: interruptible,
    });
    return { folder: () => begun.run, events: (): AsyncGenerator<RunEvent, void> => begun.events, data: opened };
  }

  async function resume(name: string, o: Options) {
    if (!o.out) fail("E_USAGE", "--resume needs --out RUN: the run folder to go on with");
    const { config } = RunFolder.open(o.out);
    if (config.model !== name) fail("E_RUN_CONFLICT", `${o.out} is a run of "${config.model}", not of "${name}"`);
    for (const key of ["labels", "unlabelled", "batch", "seed", "augment", "from"] as const)
      if (o[key] !== undefined)
        fail(
          "E_RUN_CONFLICT",
          `--${key} cannot change when a run goes on; leave it out, or start a new run with --from ${o.out}`,
        );
    if (o.set.length > 0)
      fail(
        "E_RUN_CONFLICT",
        `--set cannot change when a run goes on; leave it out, or start a new run with --from ${o.out}`,
      );
    const saved = config.data;
    const opened = await open(o.data ?? saved.source, {
      labels: saved.labels ?? undefined,
      unlabelled: saved.unlabelled ?? undefined,
      image: saved.image ?? undefined,
      resize: saved.resize,
      progress: openLine,
      validation: saved.validation,
      seed: config.seed,
    });
    const begun = await resumeRun(o.out, {
      data: opened,
      backend,
      epochs: o.epochs,
      minutes: o.minutes,
      interrupted: interruptible,
    });
    return { folder: () => begun.run, events: (): AsyncGenerator<RunEvent, void> => begun.events, data: opened };
  }
}

/** A run goes on with the backend that it began on, when nothing else is asked for: its weights repeat bit for bit. */
function backendOfRun({ backend, out }: Options): Options["backend"] {
  if (backend !== "auto" || out === undefined) return backend;
  return RunFolder.open(out).config.backend === "onednn" ? "auto" : "onnx";
}

function warnings(data: Dataset): void {
  for (const line of data.warnings.slice(0, 20)) warn(line);
  if (data.warnings.length > 20) warn(`${data.warnings.length - 20} more`);
}

/** Ctrl-C: the first ends after the steps under way, the second at once. */
function interruptSwitch(): { readonly pressed: boolean; release(): void } {
  const state = { pressed: false };
  const press = () => {
    if (state.pressed) process.exit(1);
    state.pressed = true;
    warn("stopping after the steps under way; press Ctrl-C again to stop at once");
  };
  process.on("SIGINT", press).on("SIGTERM", press);
  return {
    get pressed() {
      return state.pressed;
    },
    release() {
      process.off("SIGINT", press).off("SIGTERM", press);
    },
  };
}
