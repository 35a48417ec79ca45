// What the terminal shows: colours where wanted, tables, and the progress of training.
import { counted } from "../base/counted.ts";
import { formatMetric, type MetricInfo } from "../metrics/metric.ts";
import { GRADIENT_NORM } from "../train/alarms.ts";
import type { AlarmEvent, EpochEvent, RunEvent, SolveEvent, StepEvent } from "../train/events.ts";

const coloured = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";

function paint(code: number, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return coloured(stream) ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** Text in bold, on a terminal that shows it. */
export const bold = (text: string): string => paint(1, text);
/** Text in a fainter colour, on a terminal that shows it. */
export const dim = (text: string): string => paint(2, text);

/** Text with its control characters written out, as `\x1b`: names of files may hold any, and terminals obey them. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
  });

/** One message on standard error. */
export function complain(code: string, message: string): void {
  process.stderr.write(`${paint(31, `error ${code}:`, process.stderr)} ${printable(message)}\n`);
}

/** One warning on standard error. */
export function warn(message: string): void {
  process.stderr.write(`${paint(33, "warning:", process.stderr)} ${printable(message)}\n`);
}

/** One JSON document on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** One line on standard output. */
export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** Columns aligned by their widest cell; numbers to the right. */
export function table(given: readonly (readonly (string | number)[])[]): string {
  const rows = given.map((row) => row.map((cell) => (typeof cell === "number" ? cell : printable(cell))));
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, String(cell).length);
  return rows
    .map((row) =>
      row
        .map((cell, i) =>
          typeof cell === "number" ? String(cell).padStart(widths[i]!) : String(cell).padEnd(widths[i]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Seconds as `m:ss`, or `h` and `m` from an hour on. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(s / 60);
  return minutes >= 60
    ? `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, "0")}m`
    : `${minutes}:${String(s % 60).padStart(2, "0")}`;
}

const short = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 1 ? value.toFixed(2) : value.toFixed(4);

function stepLine(event: StepEvent): string {
  const told = Object.entries(event.losses).filter(([name]) => !name.endsWith(`/${GRADIENT_NORM}`));
  const losses = told.map(([name, value]) => `${name.split("/").pop()} ${short(value)}`);
  const memory = `${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB`;
  const percent = `${(100 * event.progress).toFixed(0)} %`.padStart(5);
  return `${percent}  epoch ${event.epoch}  step ${event.step}  ETA ${duration(event.remaining)}  ${event.imagesPerSecond.toFixed(0)} images/s  ${losses.join("  ")}  ${memory}`;
}

function solveLine({ share, what, seconds }: SolveEvent): string {
  const percent = `${(100 * share).toFixed(0)} %`.padStart(5);
  return `${percent}  ${what}  ${duration(seconds)}  ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB`;
}

function epochLine(event: EpochEvent, metrics: readonly MetricInfo[]): string {
  const parts = metrics.flatMap((metric) => {
    const value = event.metrics[`validation/${metric.name}`];
    return metric.headline && value !== undefined ? [`${metric.title} ${formatMetric(metric, value)}`] : [];
  });
  const shown = parts.length > 0 ? [`validation ${parts[0]}`, ...parts.slice(1)] : trainingLosses(event);
  return [`epoch ${event.epoch}`, duration(event.seconds), ...shown, ...(event.best ? ["best"] : [])].join("  ");
}

/** What begins to go wrong, with the first thing to try; or that it no longer does. */
function alarmLine({ state, title, text, advice }: AlarmEvent): string {
  const line = state === "begins" ? `${title}: ${text}; ${advice[0]} (more in the report)` : `no longer: ${title}`;
  return `${paint(33, "alarm:", process.stderr)} ${line}`;
}

/** The mean losses of an epoch, where nothing was validated. */
const trainingLosses = ({ metrics }: EpochEvent): string[] =>
  Object.entries(metrics).map(([name, value]) => `${name.replace(/^train\//, "")} ${short(value)}`);

/** A line on standard error that says how far a long task is: live on a terminal, every ten seconds elsewhere. */
function taskLine(): (text: string) => void {
  const live = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  let shown = Date.now();
  return (text) => {
    const now = Date.now();
    if (now - shown < (live ? 200 : 10_000)) return;
    shown = now;
    // The line is rewritten by whatever is written next.
    process.stderr.write(live ? `\r${text}\u001b[K\r` : `${text}\n`);
  };
}

const openTask = taskLine();

/** How far the opening of a source is. */
export function openLine(task: "fetch" | "decode", what: string, done: number, total: number | undefined): void {
  const amount = (value: number) => (task === "fetch" ? (value / 1e6).toFixed(1) : String(value));
  openTask(
    `${task === "fetch" ? "fetching" : "decoding"} ${what}: ${amount(done)}${total ? ` of ${amount(total)}` : ""}${task === "fetch" ? " MB" : ""}`,
  );
}

/** How many of something are done. */
export function countLine(one: string, done: string): (count: number) => void {
  const task = taskLine();
  return (count) => task(`${counted(count, one)} ${done}`);
}

/** Lines on standard error, of which the last may be rewritten on a terminal. */
class LiveLines {
  readonly live = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  private shown = 0;
  private lastWrite = 0;

  /** The line that is rewritten; elsewhere, at most one every half minute. */
  passing(text: string): void {
    const now = Date.now();
    if (now - this.lastWrite < (this.live ? 200 : 30_000)) return;
    const first = this.lastWrite === 0;
    this.lastWrite = now;
    if (this.live) this.rewrite(text);
    else if (!first) this.line(text);
  }

  /** A line that stays. */
  line(text: string): void {
    if (this.live && this.shown > 0) process.stderr.write(`\r${" ".repeat(this.shown)}\r`);
    this.shown = 0;
    process.stderr.write(`${text}\n`);
  }

  private rewrite(text: string): void {
    const fitted = text.slice(0, (process.stderr.columns || 120) - 1);
    process.stderr.write(`\r${fitted.padEnd(this.shown)}`);
    this.shown = fitted.length;
  }
}

/** Progress of one run on standard error: one live line on a terminal, plain lines elsewhere. */
export class Progress {
  private readonly lines = new LiveLines();
  private metrics: readonly MetricInfo[] = [];

  show(event: RunEvent): void {
    const { lines } = this;
    if (event.type === "start") {
      this.metrics = event.metrics;
      const labels =
        event.labelled < event.examples
          ? `${event.labelled} of ${event.examples} pictures labelled`
          : `${event.examples} pictures`;
      lines.line(
        `${event.model}: ${event.parameters.toLocaleString("en")} parameters, ${labels}, ${event.backend}${event.step > 0 ? `, going on from step ${event.step}` : ""}`,
      );
    } else if (event.type === "epoch") lines.line(epochLine(event, this.metrics));
    else if (event.type === "note") lines.line(event.text);
    else if (event.type === "alarm") lines.line(alarmLine(event));
    else if (event.type === "step") lines.passing(stepLine(event));
    else if (event.type === "solve") lines.passing(solveLine(event));
  }
}

/** Progress of several runs one after the other: a passing line for the one that trains, and a line for each that ends. */
export class ManyRuns {
  private readonly lines = new LiveLines();

  private readonly noted = new Set<string>();

  line(text: string): void {
    this.lines.line(printable(text));
  }

  /** What a run notes, once: of the machine and the data, all note the same. */
  note(text: string): void {
    if (!this.noted.has(text)) this.line(text);
    this.noted.add(text);
  }

  /**
   * What one of the runs tells.
   * @param name `run 3 of 12`
   * @param remaining seconds of all runs, where that is known
   */
  run(name: string, event: RunEvent, remaining: number | undefined): void {
    if (event.type !== "step") return;
    const all = remaining === undefined ? "" : `  ${duration(remaining)} left in all`;
    const percent = `${(100 * event.progress).toFixed(0)} %`;
    this.lines.passing(`${name}: ${percent}, epoch ${event.epoch}, ${duration(event.remaining)} left${all}`);
  }
}
