// A whole run: checks the call, makes or opens the run folder, and lets it train (follow.ts).

import { isDeepStrictEqual } from "node:util";
import { fail } from "../base/errors.ts";
import { shellWord } from "../base/shell.ts";
import { VERSION } from "../base/version.ts";
import { requireWritable } from "../base/writing.ts";
import { chooseAugmentation, mixes } from "../data/augment.ts";
import { exampleCounts, fingerprint, fingerprintDifferences, ownCount } from "../data/dataset.ts";
import { classWeights } from "../data/imbalance.ts";
import { findModel, modelNamed, parseOptions } from "../models/index.ts";
import type { DataSpec, Model } from "../models/model.ts";
import type { Backend } from "../runtime/backend.ts";
import type { RunEvent } from "../train/events.ts";
import type { FitOptions } from "../train/fit-options.ts";
import { targetMetric } from "../train/goals.ts";
import { prepare } from "../train/prepare.ts";
import { validationMetrics } from "../train/validation-metrics.ts";
import { BACKBONE_FILE, batchOn, type OpenBackbone, openBackbone, optionsFor } from "./backbone.ts";
import { optionsOf, type RunConfig, RunFolder, runConfig } from "./folder.ts";
import { type Beginning, featuresOf, fitOptions, follow, type TrainingCall } from "./follow.ts";
import { refuseLocked } from "./lock.ts";
import { fetchBackbone } from "./named-backbones.ts";
import { refusePassed } from "./nothing-left.ts";
import type { RunOptions, StoredOptions } from "./options.ts";
import { networkNamed, splitNotes } from "./run-network.ts";
import { newOptions, refuseChange, resumedOptions, unrepeatableOptions } from "./stored-options.ts";
import { trackingServer } from "./trackers/mlflow/server.ts";
import { refuseUnreadPairs } from "./unread-pairs.ts";

/** The part of a call that can be checked before data is opened. */
export interface RunCall extends RunOptions {
  /** Options of the model; the rest keeps its default. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Run folder of a new run; numbered under `runs/` when absent. */
  readonly out?: string;
}

/** A call that trains. Options of the data (`labels`, `image`, …) say how it was opened: they are kept, to open it again. */
export interface TrainOptions extends RunCall, TrainingCall {
  /** How the data was named, to open it again. Default: its name. */
  readonly source?: string;
}

/** A run as it trains: its folder, and what happens in it. Nothing is trained before the first event is asked for. */
export interface Training {
  readonly run: RunFolder;
  readonly events: AsyncGenerator<RunEvent, void>;
}

/** Some pictures: what a model of the list can do, and how it is measured, does not depend on them. */
const ANY_DATA = { height: 32, width: 32, channels: 3, mirror: false, classes: ["first", "second"] };
/** Training pictures without which there is nothing to learn from. */
const FEWEST_PICTURES = 10;

/** A call that has been checked. */
interface PlannedRun {
  /** With defaults. */
  readonly modelOptions: Record<string, unknown>;
  /** With defaults; on a network, its picture size where none is given. */
  readonly options: StoredOptions;
  readonly backbone: OpenBackbone | undefined;
  /** Some pictures, on the network: what a model of the list can do, and whether its options fit together, can be asked of these. */
  readonly data: DataSpec;
}

/**
 * Checks the call of a new run as far as that is possible without data.
 * @param model a name from `MODELS`, or a model
 * @throws `E_NAME`, `E_OPTION`, `E_USAGE`; `E_RUN_EXISTS` for a used `out`, `E_WRITE` for one that cannot be written;
 * `E_RUN_NOT_FOUND` for a `from` that is no run; `E_FILE`, `E_ONNX`, `E_HEAD` for a `backbone` that cannot be taken
 */
export function planRun(model: string | Model, call: RunCall): PlannedRun {
  const known = typeof model === "string" ? findModel(model) : model;
  const modelOptions = parseOptions(known, call.options ?? {});
  const plain = newOptions(call);
  const backbone = openBackbone(known, plain, networkNamed);
  const options = backbone ? optionsFor(backbone, plain, call) : plain;
  const { channels } = backbone?.backbone.network.input ?? ANY_DATA;
  const data = { ...ANY_DATA, ...(backbone && options.image), channels, backbone: backbone?.backbone };
  if (call.out === "") fail("E_OPTION", "the run folder has no name; leave it out, and runs/ gets a numbered one");
  // Whatever the pictures are, these words are known or not.
  const augmentation = chooseAugmentation(options.augment, 3, true);
  if (backbone?.backbone.frozen === "all" && mixes(augmentation))
    fail(
      "E_OPTION",
      `--augment ${options.augment} mixes pictures, and features of a frozen network are computed of single ones; leave mixup and cutmix out, or ask for --freeze none`,
    );
  if (options.until !== null && typeof model === "string")
    targetMetric(options.until, validationMetrics(known.build(modelOptions, data)));
  if (options.pairs !== null && typeof model === "string")
    refuseUnreadPairs(model, known.build(modelOptions, data), data);
  if (call.out !== undefined) RunFolder.refuseUsed(call.out);
  if (options.from !== null) RunFolder.checkpointOf(options.from);
  if (options.track !== null) trackingServer(options.track, process.env);
  return { modelOptions, options, backbone, data };
}

/**
 * Starts a run: makes its folder, in which `events` then trains.
 * @throws as `planRun`; `E_OPTION` for an option that does not fit the data; `E_DATA_NOT_FOUND` for a named network that cannot
 * be fetched
 */
export async function startRun(modelOrName: string | Model, call: TrainOptions): Promise<Training> {
  const model = typeof modelOrName === "string" ? findModel(modelOrName) : modelOrName;
  await fetchBackbone(call.backbone);
  const { modelOptions, options, backbone } = planRun(modelOrName, call);
  const { data, backend } = call;
  const { height, width, channels } = data.train;
  const n = ownCount(data.train);
  if (n < FEWEST_PICTURES)
    fail(
      "E_DATA_EMPTY",
      `${data.name} has ${n} training pictures; expected at least ${FEWEST_PICTURES}, and better hundreds`,
    );
  if (n < options.batch && call.batch !== undefined)
    fail("E_OPTION", `--batch ${options.batch}: the training part has ${n} pictures; ask for at most that many`);
  // What is wrong with these shall be said before a folder is made.
  chooseAugmentation(options.augment, channels, data.mirror);
  classWeights(data.train.labels, data.classes, options.classWeights);
  const facts = {
    genclass: VERSION,
    model: model.name,
    options: modelOptions,
    data: {
      source: call.source ?? data.name,
      location: data.location ?? null,
      name: data.name,
      fingerprint: await fingerprint(data),
      classes: [...data.classes],
      ...{ height, width, channels },
      mirror: data.mirror,
      examples: exampleCounts(data.train),
    },
    ...computedBy(backend),
    backboneSha256: backbone?.file.sha256 ?? null,
    backboneCut: backbone?.backbone.cut ?? null,
  };
  const usual = model.batch?.({ ...facts.data, backbone: backbone?.backbone }, modelOptions) ?? options.batch;
  const batch = call.batch ?? batchOn(backbone, usual);
  const config = runConfig(facts, { ...options, batch: Math.min(batch, n) });
  const from = startingWeights(config);
  const features = await featuresOf(config, backbone?.backbone, call, from?.state);
  // What does not fit is refused before there is a folder that would have to be removed.
  const prepared = await prepare({ ...fitOptions(config, model, call, backbone?.backbone, features), from });
  const run = RunFolder.create(call.out, config, backbone && { [BACKBONE_FILE]: backbone.file.bytes });
  const notes = backbone && splitNotes(backbone.file, config);
  return { run, events: follow(run, model, call, () => ({ from, prepared, features, notes })) };
}

/**
 * Checks the call that lets a run go on, as far as that is possible without data.
 * @returns the options of the run from now on
 * @throws `E_RUN_NOT_FOUND`, `E_RUN_VERSION`; `E_WRITE`; `E_RUN_CONFLICT` for an option that cannot change; `E_OPTION`, `E_USAGE`
 */
export function planResume(path: string, call: Omit<RunCall, "out">, model?: Model): StoredOptions {
  const { config } = RunFolder.open(path, model);
  requireWritable(path);
  const options = resumedOptions(optionsOf(config), call, path);
  if (options.track !== null) trackingServer(options.track, process.env);
  const wanted = parseOptions(modelNamed(config.model, model), { ...config.options, ...call.options });
  for (const [key, value] of Object.entries(wanted))
    if (!isDeepStrictEqual(value, config.options[key]))
      refuseChange(`--set ${key}`, String(config.options[key]), String(value), path);
  return options;
}

/**
 * Goes on with a stopped run, as its folder says. Options that may change when a run goes on are taken from the call, and
 * kept.
 * @param call `model`: the run's model, where it is not among `MODELS`
 * @throws as `planResume`; `E_OPTION` for less training than it has had; `E_RUN_CONFLICT` for other data than the run's;
 * `E_RUN_VERSION` for a run of an older version on pictures of which some have no label
 */
export async function resumeRun(
  path: string,
  call: Omit<TrainOptions, "out" | "source"> & { readonly model?: Model },
): Promise<Training> {
  const options = planResume(path, call, call.model);
  const run = RunFolder.open(path, call.model);
  const model = modelNamed(run.config.model, call.model);
  const found = await fingerprint(call.data);
  if (found !== run.config.data.fingerprint)
    fail(
      "E_RUN_CONFLICT",
      `${path} was trained on other data: ${fingerprintDifferences(run.config.data.fingerprint, found).join("; ")}; give the data of the run, or start a new run with --from ${shellWord(path)}`,
    );
  if (run.config.data.examples === undefined && exampleCounts(call.data.train).unlabelled > 0)
    fail(
      "E_RUN_VERSION",
      `${path} does not say how many of its pictures have labels, on which batches depend: an older genclass wrote it. Start a new run with --from ${shellWord(path)}`,
    );
  refuseLocked(path);
  refusePassed(run, options);
  const changes = unrepeatable(run.config, call);
  const { config: before } = run;
  run.configure(runConfig({ ...run.config, ...computedBy(call.backend) }, options));
  const begin = () => {
    const { notes = [], ...state } = stateToGoOnFrom(run);
    // How long a run of minutes is depends on how fast it went.
    const repeats = run.config.minutes === null && isDeepStrictEqual(before, run.config);
    return { ...state, repeats, notes: [...changes, ...notes] };
  };
  return { run, events: follow(run, model, call, begin) };
}

/** What computes a run, as its configuration has it. */
const computedBy = ({ name, version, threads }: Backend) => ({
  ...{ backend: name, backendVersion: version, computeThreads: threads },
  node: process.version,
});

/** A sentence on what keeps the weights of a run that goes on from repeating bit for bit, if anything does. */
function unrepeatable(config: RunConfig, call: Pick<TrainOptions, "backend"> & RunOptions): string[] {
  const { backend, backendVersion, computeThreads } = computedBy(call.backend);
  const changes = unrepeatableOptions(optionsOf(config), call).map(
    ({ flag, has, wants }) => `${flag} ${wants} (was ${has})`,
  );
  if (backend !== config.backend) changes.push(`backend ${backend} (was ${config.backend})`);
  // Runs of older versions did not note the next two.
  else if (config.backendVersion !== null && backendVersion !== config.backendVersion)
    changes.push(`${backend} ${backendVersion} (was ${config.backendVersion})`);
  if (config.computeThreads !== null && computeThreads !== config.computeThreads)
    changes.push(`threads ${computeThreads} (was ${config.computeThreads})`);
  return changes.length === 0 ? [] : [`${changes.join(", ")}: the weights will not repeat bit for bit`];
}

/** @throws `E_RUN_NOT_FOUND` when all checkpoints of a run that had got somewhere are gone, `E_DATA_FORMAT` when all are damaged */
function stateToGoOnFrom(run: RunFolder): Beginning {
  const found = run.checkpoints.newest();
  if (found) return { resume: found.snapshot, notes: found.warning === undefined ? [] : [found.warning] };
  run.refuseGone();
  return {
    from: startingWeights(run.config),
    notes: ["the run was stopped before its first checkpoint; it begins anew"],
  };
}

/** The weights of the run that another one begins from. @throws `E_RUN_NOT_FOUND` when it has no checkpoint */
function startingWeights({ from, map }: RunConfig): FitOptions["from"] {
  return from === null ? undefined : { state: RunFolder.checkpointOf(from).state, map: map ?? undefined };
}
