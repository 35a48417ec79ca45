// A run folder: what was asked for, every logged number, checkpoints, and what was made from them. Nothing is overwritten.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { modelNamed, parseOptions } from "../models/index.ts";
import type { Model } from "../models/model.ts";
import type { RunEvent } from "../train/events.ts";
import type { Checkpoint, Snapshot } from "../train/fit.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { append, linkAtomically, writeAtomically } from "./files.ts";
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
    classes: z.array(z.string()),
    height: z.number(),
    width: z.number(),
    channels: z.number(),
    mirror: z.boolean(),
    ...storedSchemas("data"),
  }),
  ...storedSchemas("run"),
  backend: z.string(),
});

/** Everything needed to repeat a run. */
export type RunConfig = z.infer<typeof configSchema>;

/** What is known of a run besides its options: which model, on which data and backend. */
export type RunFacts = Pick<RunConfig, "genclass" | "model" | "options" | "backend"> & {
  readonly data: Omit<RunConfig["data"], OptionName>;
};

/** The configuration of a run from its facts and its options, each option at its place. */
export const runConfig = (facts: RunFacts, options: StoredOptions): RunConfig =>
  configSchema.parse({ ...facts, ...options, version: RUN_VERSION, data: { ...facts.data, ...options } });

/** The options of a run, wherever its configuration has them. */
export const optionsOf = (config: RunConfig): StoredOptions => ({ ...config.data, ...config });

/** A run folder on disk, whose `config` is always what config.json says. */
export class RunFolder {
  readonly path: string;
  private current: RunConfig;

  private constructor(path: string, config: RunConfig) {
    this.path = path;
    this.current = config;
  }

  get config(): RunConfig {
    return this.current;
  }

  /**
   * Makes a new run folder; `runs/MODEL-DATA-N` when no path is given.
   * @throws `E_RUN_EXISTS`, `E_WRITE`
   */
  static create(path: string | undefined, config: RunConfig): RunFolder {
    const target = path ?? nextNumbered(join("runs", `${config.model}-${config.data.name}`));
    RunFolder.refuseUsed(target);
    try {
      for (const folder of ["checkpoints", "samples", "plots"]) mkdirSync(join(target, folder), { recursive: true });
    } catch (cause) {
      fail(
        "E_WRITE",
        `the run folder ${target} could not be made (${(cause as Error).message}); choose another --out`,
        cause,
      );
    }
    const run = new RunFolder(target, config);
    run.configure(config);
    return run;
  }

  /** @throws `E_RUN_EXISTS` for a folder that is not empty */
  static refuseUsed(path: string): void {
    if (existsSync(path) && readdirSync(path).length > 0)
      fail(
        "E_RUN_EXISTS",
        `${path} is not empty; nothing is overwritten. Choose another --out, or go on with it: genclass train … --out ${path} --resume`,
      );
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

  /** Writes config.json anew. @throws `E_WRITE` */
  configure(config: RunConfig): void {
    writeAtomically(this.file("config.json"), `${JSON.stringify(config, null, 2)}\n`);
    this.current = config;
  }

  file(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /** Writes one file, and gives it several names. */
  save([first, ...others]: readonly Checkpoint[], snapshot: Snapshot): void {
    writeCheckpoint(this.checkpointFile(first!), snapshot);
    for (const other of others) linkAtomically(this.checkpointFile(first!), this.checkpointFile(other));
  }

  private checkpointFile(which: Checkpoint): string {
    return this.file("checkpoints", `${which}.safetensors`);
  }

  has(which: Checkpoint): boolean {
    return existsSync(this.checkpointFile(which));
  }

  /** @throws `E_RUN_NOT_FOUND` when the run was stopped before that checkpoint was made */
  checkpoint(which: Checkpoint): Snapshot {
    if (!this.has(which))
      fail("E_RUN_NOT_FOUND", `${this.path} has no ${which} checkpoint: it ended too early; go on with --resume`);
    return readCheckpoint(this.checkpointFile(which));
  }

  /** The better checkpoint there is: `best`, else `last`. */
  trained(): Snapshot {
    return this.checkpoint(this.has("best") ? "best" : "last");
  }

  /** The better checkpoint of a run of any model. @throws `E_RUN_NOT_FOUND`, `E_DATA_FORMAT` */
  static checkpointOf(path: string): Snapshot {
    return new RunFolder(path, readConfig(path)).trained();
  }

  /** Appends to events.jsonl. */
  log(event: RunEvent): void {
    append(this.file("events.jsonl"), `${JSON.stringify(event)}\n`);
  }

  /** Events so far; a last line cut short by a crash is left out. */
  events(): RunEvent[] {
    const file = this.file("events.jsonl");
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line) => {
        try {
          return line ? [JSON.parse(line) as RunEvent] : [];
        } catch {
          return [];
        }
      });
  }

  /** Drops events after a step, which a resumed run will tell again. */
  rewind(step: number): void {
    const kept = this.events().filter(
      (event) => event.type === "start" || (event.type !== "end" && event.step <= step),
    );
    writeAtomically(this.file("events.jsonl"), kept.map((event) => `${JSON.stringify(event)}\n`).join(""));
  }
}

/** The configuration of a run folder. @throws `E_RUN_NOT_FOUND`, `E_RUN_VERSION` */
function readConfig(path: string): RunConfig {
  const file = join(path, "config.json");
  if (!existsSync(file))
    fail(
      "E_RUN_NOT_FOUND",
      `${path} is not a run folder: it has no config.json. "genclass train MODEL --data SRC --out ${path}" makes one`,
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
  return parsed.data;
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

function nextNumbered(stem: string): string {
  for (let n = 1; ; n++) if (!existsSync(`${stem}-${n}`)) return `${stem}-${n}`;
}
