// A whole run: opens or makes the run folder, lets `fit` train, and writes what its events tell.
import { fail } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { chooseAugmentation } from "../data/augment.ts";
import { type Dataset, fingerprint } from "../data/dataset.ts";
import { type ClassWeighting, classWeights } from "../data/imbalance.ts";
import type { Sampling } from "../data/order.ts";
import type { LabelAmount } from "../data/splits.ts";
import { findModel, parseOptions } from "../models/index.ts";
import type { Backend } from "../runtime/backend.ts";
import { writeAtomically } from "./checkpoint.ts";
import type { EpochEvent, RunEvent } from "./events.ts";
import { exportModel } from "./export.ts";
import { fit } from "./fit.ts";
import { RUN_VERSION, type RunConfig, RunFolder } from "./run.ts";
import { TensorBoardTracker } from "./trackers/tensorboard.ts";
import { TrainedModel } from "./trained.ts";

export interface TrainOptions {
  readonly data: Dataset;
  /** How the data was named, to open it again. */
  readonly source?: string;
  readonly backend: Backend;
  /** Run folder; numbered under `runs/` when absent. */
  readonly out?: string;
  /** Options of the model; the rest keeps its default. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly seed?: number;
  readonly batch?: number;
  readonly epochs?: number;
  readonly minutes?: number;
  readonly until?: { readonly metric: string; readonly value: number };
  readonly patience?: number;
  /** A policy as `chooseAugmentation` reads it. Default `auto`. */
  readonly augment?: string;
  /** Default `shuffled`. */
  readonly sampling?: Sampling;
  /** Default `none`. */
  readonly classWeights?: ClassWeighting;
  readonly averageDecay?: number;
  /** A run whose weights to begin from. */
  readonly from?: string;
  /** How the data was opened: remembered, to open it again. */
  readonly labels?: LabelAmount;
  readonly unlabelled?: string;
  readonly image?: { height: number; width: number };
  readonly resize?: "fit" | "fill" | "pad";
  readonly validation?: number;
  readonly interrupted?: () => boolean;
}

export const DEFAULT_EPOCHS = 20;

/** Starts a run; the first event tells nothing yet, `run.path` is known at once. */
export async function startRun(
  modelName: string,
  options: TrainOptions,
): Promise<{ run: RunFolder; events: AsyncGenerator<RunEvent, void> }> {
  const { data, backend, labels, image, validation = 0.1 } = options;
  const model = findModel(modelName);
  const { height, width, channels } = data.train;
  const n = data.train.labels.length;
  const batch = options.batch ?? 128;
  if (n < batch && options.batch !== undefined)
    fail("E_OPTION", `--batch ${batch}: the training part has ${n} pictures; ask for at most that many`);
  // What is wrong with these shall be said before a folder is made.
  chooseAugmentation(options.augment ?? "auto", channels, data.mirror);
  classWeights(data.train.labels, data.classes, options.classWeights ?? "none");
  const config: RunConfig = {
    version: RUN_VERSION,
    genclass: VERSION,
    model: model.name,
    options: parseOptions(model, options.options ?? {}),
    data: {
      source: options.source ?? data.name,
      name: data.name,
      fingerprint: await fingerprint(data),
      classes: [...data.classes],
      ...{ height, width, channels },
      mirror: data.mirror,
      labels: labels ?? null,
      unlabelled: options.unlabelled ?? null,
      image: image ?? null,
      resize: options.resize ?? "fit",
      validation,
    },
    seed: options.seed ?? 0,
    batch: Math.min(batch, n),
    augment: options.augment ?? "auto",
    sampling: options.sampling ?? "shuffled",
    classWeights: options.classWeights ?? "none",
    epochs: options.epochs ?? (options.minutes === undefined ? DEFAULT_EPOCHS : null),
    minutes: options.minutes ?? null,
    until: options.until ?? null,
    patience: options.patience ?? 0,
    averageDecay: options.averageDecay ?? 0.999,
    from: options.from ?? null,
    backend: backend.name,
  };
  const from = options.from === undefined ? undefined : RunFolder.open(options.from).trained().state;
  const run = RunFolder.create(options.out, config);
  return { run, events: follow(run, data, backend, { from, interrupted: options.interrupted }) };
}

/** Goes on with a stopped run; `epochs` or `minutes` lengthen it. */
export async function resumeRun(
  path: string,
  options: Pick<TrainOptions, "data" | "backend" | "epochs" | "minutes" | "interrupted">,
): Promise<{ run: RunFolder; events: AsyncGenerator<RunEvent, void> }> {
  const run = RunFolder.open(path);
  const found = await fingerprint(options.data);
  if (found !== run.config.data.fingerprint)
    fail(
      "E_RUN_CONFLICT",
      `${path} was trained on other data: its fingerprint is ${run.config.data.fingerprint}, this data's is ${found}; give the data of the run, or start a new run with --from ${path}`,
    );
  const { epochs, minutes } = options;
  if (epochs !== undefined) Object.assign(run.config, { epochs, minutes: null });
  if (minutes !== undefined) Object.assign(run.config, { minutes, epochs: null });
  return {
    run,
    events: follow(run, options.data, options.backend, { resume: true, interrupted: options.interrupted }),
  };
}

type FollowOptions = { from?: Parameters<typeof fit>[0]["from"]; resume?: boolean; interrupted?: () => boolean };

async function* follow(
  run: RunFolder,
  data: Dataset,
  backend: Backend,
  { from, resume, interrupted }: FollowOptions,
): AsyncGenerator<RunEvent, void> {
  const { config } = run;
  const model = findModel(config.model).build(config.options, config.data);
  const last = resume && run.has("last") ? run.checkpoint("last") : undefined;
  if (last) run.rewind(last.cursor.step);
  const tracker = new TensorBoardTracker(run.path);
  const events = fit({
    name: config.model,
    model,
    data,
    backend,
    seed: config.seed,
    batch: config.batch,
    augmentation: chooseAugmentation(config.augment, config.data.channels, config.data.mirror),
    sampling: config.sampling,
    classWeighting: config.classWeights,
    epochs: config.epochs ?? undefined,
    minutes: config.minutes ?? undefined,
    until: config.until ?? undefined,
    patience: config.patience,
    averageDecay: config.averageDecay,
    from,
    resume: last,
    save: (which, snapshot) => run.save(which, snapshot),
    interrupted,
  });
  try {
    for await (const event of events) {
      // Every step goes to the tracker; the JSON log keeps every tenth, which draws the same curves.
      if (event.type !== "step" || event.step % 10 === 0) run.log(event);
      tracker.track(event);
      if (event.type === "epoch") writeResults(run);
      if (event.type === "end") await writeModel(run, backend);
      yield event;
    }
  } finally {
    tracker.flush();
  }
}

/** results.csv: one line an epoch. */
function writeResults(run: RunFolder): void {
  const rows = run.events().filter((event): event is EpochEvent => event.type === "epoch");
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.metrics)))];
  const lines = rows.map((row) =>
    [row.epoch, row.step, row.seconds.toFixed(2), ...names.map((name) => row.metrics[name] ?? "")].join(","),
  );
  writeAtomically(
    run.file("results.csv"),
    `${[["epoch", "step", "seconds", ...names].join(","), ...lines].join("\n")}\n`,
  );
}

async function writeModel(run: RunFolder, backend: Backend): Promise<void> {
  const model = new TrainedModel(run.config, run.trained(), backend);
  if (model.has("classify")) writeAtomically(run.file("model.onnx"), [await exportModel(model, backend, VERSION)]);
  await model.dispose();
}
