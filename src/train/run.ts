// A run folder: what was asked for, every logged number, checkpoints, and what was made from them. Nothing is overwritten.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fail } from "../base/errors.ts";
import { append, linkAtomically, readCheckpoint, writeAtomically, writeCheckpoint } from "./checkpoint.ts";
import type { RunEvent } from "./events.ts";
import type { Checkpoint, Snapshot } from "./fit.ts";

/** Version of the run folder; another one is refused. */
export const RUN_VERSION = 2;

const configSchema = z.object({
  version: z.literal(RUN_VERSION),
  genclass: z.string(),
  model: z.string(),
  options: z.record(z.string(), z.unknown()),
  data: z.object({
    source: z.string(),
    name: z.string(),
    fingerprint: z.string(),
    classes: z.array(z.string()),
    height: z.number(),
    width: z.number(),
    channels: z.number(),
    mirror: z.boolean(),
    labels: z.union([z.number(), z.object({ share: z.number() }), z.object({ total: z.number() })]).nullable(),
    unlabelled: z.string().nullable(),
    image: z.object({ height: z.number(), width: z.number() }).nullable(),
    resize: z.enum(["fit", "fill", "pad"]),
    validation: z.number(),
  }),
  seed: z.number(),
  batch: z.number(),
  augment: z.string(),
  sampling: z.enum(["shuffled", "balanced"]),
  classWeights: z.union([z.enum(["none", "balanced", "sqrt"]), z.record(z.string(), z.number())]),
  epochs: z.number().nullable(),
  minutes: z.number().nullable(),
  until: z.object({ metric: z.string(), value: z.number() }).nullable(),
  patience: z.number(),
  averageDecay: z.number(),
  from: z.string().nullable(),
  backend: z.string(),
});

/** Everything needed to repeat a run. */
export type RunConfig = z.infer<typeof configSchema>;

export class RunFolder {
  readonly path: string;
  readonly config: RunConfig;

  private constructor(path: string, config: RunConfig) {
    this.path = path;
    this.config = config;
  }

  /** Makes a new run folder; `runs/MODEL-DATA-N` when no path is given. */
  static create(path: string | undefined, config: RunConfig): RunFolder {
    const target = path ?? nextNumbered(join("runs", `${config.model}-${config.data.name}`));
    if (existsSync(target) && readdirSync(target).length > 0)
      fail(
        "E_RUN_EXISTS",
        `${target} is not empty; nothing is overwritten. Choose another --out, or go on with it: genclass train … --out ${target} --resume`,
      );
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
    writeAtomically(run.file("config.json"), `${JSON.stringify(config, null, 2)}\n`);
    return run;
  }

  /** @throws `E_RUN_NOT_FOUND`, `E_RUN_VERSION` */
  static open(path: string): RunFolder {
    const file = join(path, "config.json");
    if (!existsSync(file))
      fail(
        "E_RUN_NOT_FOUND",
        `${path} is not a run folder: it has no config.json. "genclass train MODEL --data SRC --out ${path}" makes one`,
      );
    let raw: unknown;
    try {
      raw = JSON.parse(readFileSync(file, "utf8"));
    } catch (cause) {
      fail("E_RUN_NOT_FOUND", `${file} is not JSON (${(cause as Error).message}); the run cannot be read`, cause);
    }
    const version = (raw as { version?: unknown }).version;
    if (version !== RUN_VERSION)
      fail(
        "E_RUN_VERSION",
        `${path} is a run folder of version ${String(version)}; this genclass reads version ${RUN_VERSION}. Use the genclass it was made with, or train again`,
      );
    const parsed = configSchema.safeParse(raw);
    if (!parsed.success)
      fail("E_RUN_VERSION", `${file}: ${parsed.error.issues[0]!.path.join(".")}: ${parsed.error.issues[0]!.message}`);
    return new RunFolder(path, parsed.data);
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

function nextNumbered(stem: string): string {
  for (let n = 1; ; n++) if (!existsSync(`${stem}-${n}`)) return `${stem}-${n}`;
}
