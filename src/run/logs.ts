// What a run tells, on disk: events.jsonl, results.csv, and a TensorBoard file. A checkpoint notes how long the logs were when it
// was saved; a run that goes on cuts them back to there and tells the rest again, so that they are as if it had never stopped.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { State } from "../runtime/program.ts";
import type { EpochEvent, RunEvent } from "../train/events.ts";
import type { StoredSnapshot } from "./checkpoint.ts";
import { append, cutBack, syncedLength, writeAtomically } from "./files.ts";
import { eventFiles, TensorBoardTracker } from "./trackers/tensorboard.ts";
import type { HyperParameters } from "./trackers/tensorboard-values.ts";

/** The log of events. */
export const EVENTS = "events.jsonl";
/** The table of epochs. */
export const RESULTS = "results.csv";
/** The JSON log keeps one step in so many, which draw the same curves. */
const STEPS_A_LINE = 10;

/** The logs of a run that trains. */
export class RunLogs {
  private readonly tracker: TensorBoardTracker;
  private complete = true;

  /**
   * Cuts back the logs of a folder to what a checkpoint knows.
   * @param resumed the checkpoint that the run goes on from; without one the logs begin anew
   * @param parameters what the run is trained with, for TensorBoard
   * @throws `E_WRITE`
   */
  constructor(
    private readonly folder: string,
    resumed: StoredSnapshot | undefined,
    parameters: HyperParameters,
  ) {
    const trackers = eventFiles(folder);
    const lengths = resumed ? (resumed.logs ?? olderLengths(folder, trackers, resumed.progress.step)) : {};
    for (const name of [EVENTS, ...trackers]) cutBack(join(folder, name), lengths[name] ?? 0);
    this.writeResults();
    this.tracker = new TensorBoardTracker(
      folder,
      trackers.find((name) => name in lengths),
      parameters,
    );
  }

  /** Whether the log has its first event. */
  private get isBegun(): boolean {
    return existsSync(join(this.folder, EVENTS));
  }

  /** False when the last event could not be written. */
  get isComplete(): boolean {
    return this.complete;
  }

  /** Adds an event. @throws `E_WRITE` */
  add(event: RunEvent): void {
    // Pictures have files of their own; how far a solve is tells nothing later.
    if (event.type === "samples" || event.type === "solve") return;
    this.complete = false;
    const isKept = event.type === "start" ? !this.isBegun : event.type !== "step" || event.step % STEPS_A_LINE === 0;
    if (isKept) append(join(this.folder, EVENTS), `${JSON.stringify(event)}\n`);
    this.tracker.track(event);
    if (event.type === "epoch") this.writeResults();
    this.complete = true;
  }

  /** Adds the sheet of an epoch's samples, a PNG file: see `SamplesEvent`. */
  addSamples(step: number, png: Buffer): void {
    this.tracker.image("samples", step, png);
  }

  /** Adds how the weights are spread at the end of an epoch. */
  addParameters(step: number, state: State): void {
    this.tracker.parameters(step, state);
  }

  /** What a checkpoint notes: see `StoredSnapshot.logs`. All that was told is then on the disk. @throws `E_WRITE` */
  lengths(): Record<string, number> {
    this.flush();
    const names = [EVENTS, this.tracker.name];
    return Object.fromEntries(names.map((name) => [name, syncedLength(join(this.folder, name))]));
  }

  /** Writes what was gathered. @throws `E_WRITE` */
  flush(): void {
    this.tracker.flush();
  }

  /** results.csv: one line an epoch. */
  private writeResults(): void {
    const rows = readEvents(this.folder).filter((event): event is EpochEvent => event.type === "epoch");
    const file = join(this.folder, RESULTS);
    if (rows.length === 0) {
      cutBack(file, 0);
      return;
    }
    const names = [...new Set(rows.flatMap((row) => Object.keys(row.metrics)))];
    const lines = rows.map((row) =>
      [row.epoch, row.step, row.seconds.toFixed(2), ...names.map((name) => row.metrics[name] ?? "")].join(","),
    );
    writeAtomically(file, `${[["epoch", "step", "seconds", ...names].join(","), ...lines].join("\n")}\n`);
  }
}

/** The events that a run has told; a last line cut short by a crash is left out. */
export function readEvents(folder: string): RunEvent[] {
  return logLines(folder).flatMap((line) => eventOf(line) ?? []);
}

function logLines(folder: string): string[] {
  const file = join(folder, EVENTS);
  return existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
}

/** The event of a line; undefined where it was cut short. */
export function eventOf(line: string): RunEvent | undefined {
  try {
    return JSON.parse(line) as RunEvent;
  } catch {
    return undefined;
  }
}

/** What a checkpoint that notes no lengths can keep: the events up to its step, and TensorBoard files as they are. */
function olderLengths(folder: string, trackers: readonly string[], step: number): Record<string, number> {
  const lines = logLines(folder);
  const end = lines.findIndex((line) => {
    const event = eventOf(line);
    return !event || event.type === "end" || event.step > step;
  });
  const kept = lines.slice(0, end).map((line) => `${line}\n`);
  return {
    ...Object.fromEntries(trackers.map((name) => [name, Number.POSITIVE_INFINITY])),
    [EVENTS]: Buffer.byteLength(kept.join("")),
  };
}
