// Runs that are killed at random moments and gone on with, against the same runs that never stopped. Both the tests and
// results/kills.ts use it.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import type { LabelAmount } from "../../src/data/splits.ts";
import { writeShards } from "../../src/data/write.ts";
import type { Random } from "../../src/random/random.ts";
import { readCheckpoint } from "../../src/run/checkpoint.ts";
import type { RunOptions } from "../../src/run/options.ts";
import { bundled } from "../bundled.ts";

/** The clock that these runs see: saves once a minute then fall into epochs, of eight steps. */
export const SECONDS_A_STEP = 4;

/** A run, and the options of its model. */
interface KilledRun extends RunOptions {
  readonly model: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly labels?: LabelAmount;
  /** Whether its pictures are decoded from tar shards into a cache file, and read from there. */
  readonly streamed?: boolean;
}

/** Training and test pictures of the runs. */
export const PICTURES = { train: 280, test: 40 };

/** Where the pictures of streamed runs lie, for a run folder beside them. */
export const shardsBeside = (out: string): string => join(dirname(out), "shards");

/** Runs of each kind of end, by name. */
export const KILLED_RUNS: Readonly<Record<string, KilledRun>> = {
  epochs: { model: "gan", epochs: 3, options: { width: 4, latent: 8 } },
  minutes: { model: "vae", minutes: 1.7, options: { width: 8, hidden: 16, latent: 4 } },
  until: { model: "cnn", epochs: 8, until: { metric: "accuracy", value: 0.15 }, options: { width: 4, hidden: 16 } },
  patience: { model: "cnn", epochs: 12, patience: 1, options: { width: 4, hidden: 16, rate: 0.05 } },
  "few labels": { model: "two-stages", epochs: 3, labels: 5 },
  "epochs of streamed data": { model: "cnn", epochs: 3, options: { width: 4, hidden: 16 }, streamed: true },
};

/** When a process is killed: while it loads, after a step, at a system call that changes files, or while it reports. */
export type Kill =
  | { readonly at: "loading"; readonly milliseconds: number }
  | { readonly at: "step"; readonly step: number; readonly milliseconds: number }
  | { readonly at: "call"; readonly call: number }
  | { readonly at: "report"; readonly milliseconds: number }
  | { readonly at: "never" };

/**
 * A kill at a random moment. After a step comes the next one or, every eighth time, validation and a checkpoint; most calls
 * belong to checkpoints.
 */
export function randomKill(random: Random): Kill {
  const milliseconds = random.integer(2) * random.integer(40);
  const kinds: readonly Kill[] = [
    { at: "loading", milliseconds: random.integer(1500) },
    { at: "step", step: 1 + random.integer(24), milliseconds },
    // Validation.
    { at: "step", step: 8 * (1 + random.integer(3)), milliseconds },
    { at: "call", call: 1 + random.integer(150) },
    { at: "report", milliseconds: random.integer(300) },
  ];
  return kinds[random.integer(kinds.length)]!;
}

/** Whether there is a run to go on with. */
const isStarted = (out: string): boolean => existsSync(join(out, "config.json"));

/** Begins a run or goes on with it, in a process of its own. Resolves with whether that was killed; rejects when it failed. */
export async function runProcess(out: string, backend: string, run: string, kill: Kill): Promise<boolean> {
  if (KILLED_RUNS[run]!.streamed && !existsSync(shardsBeside(out)))
    await writeShards(glyphs(PICTURES), shardsBeside(out), 100);
  const program = bundled(join(import.meta.dirname, "kill-target.ts"));
  const mode = isStarted(out) ? "resume" : "start";
  const child = spawn(process.execPath, [program, out, mode, backend, run, JSON.stringify(kill)], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, GENCLASS_CACHE: join(dirname(out), "cache") },
  });
  let told = "";
  child.stderr.on("data", (text) => {
    told += text;
  });
  if (kill.at === "loading") setTimeout(() => child.kill("SIGKILL"), kill.milliseconds);
  return new Promise((done, failed) =>
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL" || code === 0) done(signal === "SIGKILL");
      else failed(new Error(`${run} on ${backend}, ${JSON.stringify(kill)}: exit code ${code}\n${told}`));
    }),
  );
}

/**
 * What a run leaves that does not depend on the speed of the machine: weights, tables, what was fitted and where it stands, bit
 * for bit; results.csv; events.jsonl; the length of TensorBoard files, whose records have times; and which files there are.
 */
export function leftBy(out: string): Record<string, unknown> {
  const { logs: _, state, fitted, tables, ...rest } = readCheckpoint(join(out, "checkpoints", "last.safetensors"));
  const bits = (arrays: typeof fitted) =>
    [...arrays].map(([path, { data }]) => [path, Buffer.from(data.buffer).toString("base64")]);
  return {
    weights: [bits(state), bits(tables), bits(fitted)],
    progress: rest,
    results: readFileSync(join(out, "results.csv"), "utf8"),
    events: readFileSync(join(out, "events.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => {
        // Measured by each process anew.
        const { remaining, imagesPerSecond, streams, ...event } = JSON.parse(line);
        return event;
      }),
    tensorboard: readdirSync(out)
      .filter((file) => file.includes("tfevents"))
      .map((file) => statSync(join(out, file)).size),
    has: ["model.onnx", "report.html", "lock.json"].filter((file) => existsSync(join(out, file))),
  };
}

/** A run that was killed some times and then let go on to its end. */
export interface KilledToTheEnd {
  readonly kills: readonly Kill[];
  /** What it left. */
  readonly left: Record<string, unknown>;
}

/** Kills a run at `times` random moments, or fewer when it ends before, and lets it end. */
export async function killAndFinish(
  out: string,
  backend: string,
  run: string,
  times: number,
  random: Random,
): Promise<KilledToTheEnd> {
  rmSync(out, { recursive: true, force: true });
  const kills: Kill[] = [];
  while (kills.length < times) {
    const kill = randomKill(random);
    if (!(await runProcess(out, backend, run, kill))) break;
    kills.push(kill);
  }
  // A kill that came too late left a run that has ended: going on with it changes nothing.
  await runProcess(out, backend, run, { at: "never" });
  return { kills, left: leftBy(out) };
}
