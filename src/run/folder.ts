// A run folder: what was asked for, every logged number, checkpoints, and what was made from them. Nothing is overwritten.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { shellWord } from "../base/shell.ts";
import { makeFolder, refuseUnwritten, requireWritable } from "../base/writing.ts";
import { modelNamed, parseOptions } from "../models/index.ts";
import type { DataSpec, Model } from "../models/model.ts";
import { readNetworkFile } from "../onnx/import/folder.ts";
import type { TrainedWeights } from "../predict/trained.ts";
import type { RunEvent } from "../train/events.ts";
import type { Snapshot } from "../train/fit-options.ts";
import { BACKBONE_FILE, openBackbone } from "./backbone.ts";
import { Checkpoints, type FoundCheckpoint } from "./checkpoints.ts";
import { DRAFT, writeAtomically } from "./files.ts";
import { readEvents } from "./logs.ts";
import { partsOf } from "./named-backbones.ts";
import type { OptionName, StoredOptions } from "./options.ts";
import { storedSchemas } from "./stored-options.ts";

/** Version of the run folders that are written. Those of a newer version are refused. */
export const RUN_VERSION = 3;
const OLDEST_VERSION = 2;

const configSchema = z.object({
  version: z.literal(RUN_VERSION),
  genclass: z.string(),
  model: z.string(),
  options: z.record(z.string(), z.unknown()),
  data: z.object({
    source: z.string(),
    location: z.string().nullable().default(null),
    name: z.string(),
    fingerprint: z.string(),
    classes: z.array(z.string()).min(1),
    height: z.int().min(1),
    width: z.int().min(1),
    channels: z.int().min(1).max(3),
    mirror: z.boolean(),
    examples: z.object({ labelled: z.int().min(0), unlabelled: z.int().min(0) }).optional(),
    ...storedSchemas("data"),
  }),
  ...storedSchemas("run"),
  backend: z.string(),
  /** Of the library behind the backend. Null, as the next two, in runs of older versions. */
  backendVersion: z.string().nullable().default(null),
  computeThreads: z.int().min(1).nullable().default(null),
  node: z.string().nullable().default(null),
  /** SHA-256 of the file of the network that it is built on. */
  backboneSha256: z.string().nullable().default(null),
  /** The value of that file that it is built on. Null in runs of older versions, whose `backbone` names it or leaves it to be found. */
  backboneCut: z.string().nullable().default(null),
});

/** Everything needed to repeat a run. */
export type RunConfig = z.infer<typeof configSchema>;

/** What is known of a run besides its options: which model, on which data and backend. */
export type RunFacts = Pick<
  RunConfig,
  | "genclass"
  | "model"
  | "options"
  | "backend"
  | "backendVersion"
  | "computeThreads"
  | "node"
  | "backboneSha256"
  | "backboneCut"
> & {
  readonly data: Omit<RunConfig["data"], OptionName>;
};

/** The configuration of a run from its facts and its options, each option at its place. */
export const runConfig = (facts: RunFacts, options: StoredOptions): RunConfig =>
  configSchema.parse({ ...facts, ...options, version: RUN_VERSION, data: { ...facts.data, ...options } });

/** The options of a run, wherever its configuration has them. */
export const optionsOf = (config: RunConfig): StoredOptions => ({ ...config.data, ...config });

const CONFIG = "config.json";
const FOLDERS = ["checkpoints", "samples", "plots"];

/** A run folder on disk, whose `config` is always what config.json says. */
export class RunFolder {
  /** Where it is. */
  readonly path: string;
  /** Its checkpoints. */
  readonly checkpoints: Checkpoints;
  private current: RunConfig;

  private constructor(path: string, config: RunConfig) {
    this.path = path;
    this.checkpoints = new Checkpoints(join(path, "checkpoints"));
    this.current = config;
  }

  /** What was asked for, and on what data. */
  get config(): RunConfig {
    return this.current;
  }

  /**
   * Makes a new run folder; `runs/MODEL-DATA-N` when no path is given.
   * @param files that belong to it, by name
   * @throws `E_RUN_EXISTS`, `E_WRITE`
   */
  static create(
    path: string | undefined,
    config: RunConfig,
    files: Readonly<Record<string, Uint8Array>> = {},
  ): RunFolder {
    if (path !== undefined) RunFolder.refuseUsed(path);
    const target = path ?? makeNumbered(join("runs", `${config.model}-${config.data.name}`));
    for (const folder of FOLDERS) makeFolder(join(target, folder));
    const run = new RunFolder(target, config);
    for (const [name, bytes] of Object.entries(files)) writeAtomically(run.file(name), [bytes]);
    // Comes last: what has no configuration is no run yet.
    run.configure(config);
    return run;
  }

  /**
   * @throws `E_RUN_EXISTS` for a file, or a folder that holds anything but a run that was not made to the end; `E_WRITE` where nothing
   * may be written
   */
  static refuseUsed(path: string): void {
    const found = existsSync(path) ? statSync(path) : undefined;
    if (found && !found.isDirectory())
      fail("E_RUN_EXISTS", `${path} is a file; nothing is overwritten. Choose another --out, for a folder`);
    if (found && !isUnmade(path))
      fail(
        "E_RUN_EXISTS",
        `${path} is not empty; nothing is overwritten. Choose another --out${existsSync(join(path, CONFIG)) ? `, or go on with it: genclass train … --out ${shellWord(path)} --resume` : ""}`,
      );
    requireWritable(path);
  }

  /**
   * Opens a run folder of this version or an older one; fields that an older version did not have get their defaults.
   * @param model the run's model, where it is not among `MODELS`
   * @throws `E_RUN_NOT_FOUND`, `E_RUN_VERSION`; `E_NAME`, `E_OPTION` for a model or model options that are not known
   */
  static open(path: string, model?: Model): RunFolder {
    const config = readConfig(path);
    const options = parseOptions(modelNamed(config.model, model), config.options);
    return new RunFolder(path, { ...config, options });
  }

  /** The configuration as a model is built by it, with the network that it was built on. @throws `E_FILE`, `E_ONNX` */
  modelConfig(model: Model): RunConfig & { readonly data: DataSpec } {
    const { config } = this;
    const place = this.file(BACKBONE_FILE);
    const backbone = openBackbone(model, optionsOf(config), (named) => ({
      ...readNetworkFile(place),
      place,
      cut: config.backboneCut ?? partsOf(named)[1],
    }))?.backbone;
    return { ...config, data: { ...config.data, backbone } };
  }

  /** Writes config.json anew. @throws `E_WRITE` */
  configure(config: RunConfig): void {
    const signed = { ...config, checksum: checksumOf(config) };
    writeAtomically(this.file(CONFIG), `${JSON.stringify(signed, null, 2)}\n`);
    this.current = config;
  }

  /** The path of a file or folder in it. */
  file(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /**
   * The better checkpoint there is: `best`, else `last`. Warns the process when that is not the one it should be.
   * @throws `E_RUN_NOT_FOUND` when the run was stopped before it saved anything, or all is gone; `E_DATA_FORMAT` when all is damaged
   */
  trained(): Snapshot {
    return this.used(this.checkpoints.trained());
  }

  /** As `trained`, without what only training needs. @throws `E_RUN_NOT_FOUND`, `E_DATA_FORMAT` */
  weights(): TrainedWeights {
    return this.used(this.checkpoints.weights());
  }

  private used<S>(found: FoundCheckpoint<S> | undefined): S {
    if (!found) {
      this.refuseGone();
      fail(
        "E_RUN_NOT_FOUND",
        `${this.path} has no checkpoint: it ended too early; go on with it: genclass train ${this.config.model} --out ${shellWord(this.path)} --resume`,
      );
    }
    if (found.warning) process.emitWarning(found.warning);
    return found.snapshot;
  }

  /** Refuses a run without a checkpoint that had got somewhere: no call can bring back what it had learnt. @throws `E_RUN_NOT_FOUND` */
  refuseGone(): void {
    if (this.events().some(({ type }) => type === "step" || type === "epoch"))
      fail(
        "E_RUN_NOT_FOUND",
        `${this.path} was trained, but its checkpoints are gone; there is nothing to go on from. Start a new run with another --out`,
      );
  }

  /** The better checkpoint of a run of any model. @throws `E_RUN_NOT_FOUND`, `E_DATA_FORMAT` */
  static checkpointOf(path: string): Snapshot {
    return new RunFolder(path, readConfig(path)).trained();
  }

  /** The configuration of a run of any model, whose options are not looked at. @throws `E_RUN_NOT_FOUND`, `E_RUN_VERSION` */
  static configOf(path: string): RunConfig {
    return readConfig(path);
  }

  /** What training told so far. */
  events(): RunEvent[] {
    return readEvents(this.path);
  }
}

/** The configuration of a run folder. @throws `E_RUN_NOT_FOUND`, `E_RUN_VERSION` */
function readConfig(path: string): RunConfig {
  const file = join(path, CONFIG);
  if (!existsSync(file))
    fail(
      "E_RUN_NOT_FOUND",
      `${path} is not a run folder: it has no config.json. "genclass train MODEL --data SRC --out ${shellWord(path)}" makes one`,
    );
  let raw: Readonly<Record<string, unknown>>;
  try {
    raw = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    fail(
      "E_RUN_NOT_FOUND",
      `${file} is not a JSON object (${(cause as Error).message}); the run cannot be read`,
      cause,
    );
  }
  const parsed = configSchema.safeParse(upgraded(raw, path));
  if (!parsed.success)
    fail("E_RUN_VERSION", `${file}: ${parsed.error.issues[0]!.path.join(".")}: ${parsed.error.issues[0]!.message}`);
  if (raw.checksum !== undefined && raw.checksum !== checksumOf(parsed.data))
    fail(
      "E_DATA_FORMAT",
      `${file} does not say what was trained: its model, options, picture size or classes were changed. Put back the file, or train anew with these options`,
    );
  return parsed.data;
}

/** SHA-256 of what the weights were made for: the model with its options, the pictures and the classes. */
function checksumOf({ model, options, data }: RunConfig): string {
  const { height, width, channels, classes, mirror, examples } = data;
  const part = { model, options, height, width, channels, classes, mirror, examples };
  return createHash("sha256").update(JSON.stringify(part)).digest("hex");
}

/** A configuration as this version says it. @throws `E_RUN_VERSION` for a version that cannot be read */
function upgraded(raw: Readonly<Record<string, unknown>>, path: string): Readonly<Record<string, unknown>> {
  const version = Number(raw.version);
  if (!(version >= OLDEST_VERSION && version <= RUN_VERSION))
    fail(
      "E_RUN_VERSION",
      `${path} is a run folder of version ${String(raw.version)}; this genclass reads versions ${OLDEST_VERSION} to ${RUN_VERSION}. ${version > RUN_VERSION ? "Update genclass" : "Use the genclass it was made with, or train again"}`,
    );
  // Version 2 called emaDecay averageDecay.
  return { emaDecay: raw.averageDecay, ...raw, version: RUN_VERSION };
}

/** Makes the first folder `STEM-N` that is not there, N from 1; of two processes, each gets its own. @throws `E_WRITE` */
function makeNumbered(stem: string): string {
  makeFolder(dirname(stem));
  for (let n = 1; ; n++)
    try {
      mkdirSync(`${stem}-${n}`);
      return `${stem}-${n}`;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") refuseUnwritten(`${stem}-${n}`, cause);
    }
}

/** Whether a folder has nothing, or only what a process left that ended while it made a run. */
function isUnmade(path: string): boolean {
  return readdirSync(path, { withFileTypes: true }).every((entry) =>
    entry.isDirectory()
      ? FOLDERS.includes(entry.name) && readdirSync(join(path, entry.name)).length === 0
      : [CONFIG + DRAFT, BACKBONE_FILE, BACKBONE_FILE + DRAFT].includes(entry.name),
  );
}
