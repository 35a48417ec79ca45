// The sections of a report that tell of the run: what was seen in training, every number, what it cost, and how to repeat it.
import { VERSION } from "../base/version.ts";
import type { MetricInfo } from "../metrics/metric.ts";
import type { ReportSection } from "../report/html.ts";
import type { RunEvent } from "../train/events.ts";
import { trainingCharts } from "./charts.ts";
import type { RunConfig } from "./folder.ts";
import { repeatCommand } from "./repeat.ts";
import type { ReportMaker } from "./report-maker.ts";

/** What went wrong in training, when, and what to try. */
export function alarmSection(events: readonly RunEvent[]): ReportSection[] {
  const alarms = events.filter((event) => event.type === "alarm");
  const rows = alarms.flatMap(({ name, state, epoch, title, text, advice }, i) => {
    if (state === "ends") return [];
    const end = alarms.slice(i).find((later) => later.name === name && later.state === "ends");
    return [[`${epoch} to ${end ? end.epoch : "the end"}`, `${title}: ${text}`, advice.join("; ")]];
  });
  return rows.length === 0
    ? []
    : [{ title: "Alarms", table: { head: ["epochs", "what was seen", "what to try, in this order"], rows } }];
}

/** The curves of training, and what happened in it. */
export async function trainingSection(maker: ReportMaker, events: readonly RunEvent[]): Promise<ReportSection[]> {
  const notes = events.flatMap((event) => (event.type === "note" ? [event.text] : []));
  const charts = await maker.draw(trainingCharts(events));
  if (charts.length === 0 && notes.length === 0) return [];
  const table = { head: ["what happened"], rows: notes.map((text) => [text]) };
  return [{ title: "Training", charts, ...(notes.length > 0 ? { table } : {}) }];
}

/** All metrics. @param shown values as they are written, with their intervals where there are any */
export const numbersSection = (
  split: string,
  n: number,
  values: readonly (readonly [MetricInfo, number])[],
  intervals: Readonly<Partial<Record<string, readonly [number, number]>>>,
): ReportSection => ({
  title: "All numbers",
  note: `Split: ${split}, ${n} pictures. The checkpoint was chosen, and the temperature fitted, on the validation part of the training data, where there is one.`,
  table: {
    head: ["metric", "value", "95 % interval", "what it is"],
    rows: values.map(([{ name, title, better, unit }, value]) => {
      const digits = (x: number) => x.toPrecision(5);
      const interval = intervals[name];
      const kind = `${title}${unit === "share" ? ", as a share of 1" : unit && `, ${unit}`}`;
      return [
        name,
        digits(value),
        interval ? interval.map(digits).join(" to ") : "",
        better === "neither" ? kind : `${kind}; ${better} is better`,
      ];
    }),
  },
});

/** What the batches cost, made beside the steps. */
export function costSection(events: readonly RunEvent[]): ReportSection[] {
  const end = events.findLast((event) => event.type === "end");
  const rows = Object.entries(end?.streams ?? {}).map(([name, { size, milliseconds }]) => [
    name,
    size,
    milliseconds.toFixed(2),
  ]);
  return rows.length === 0
    ? []
    : [{ title: "Batches", table: { head: ["stream", "pictures a step", "ms to make, beside the steps"], rows } }];
}

/** What was run, and the command that runs it again. */
export function repeatSection(config: RunConfig): ReportSection {
  const { options, data, ...rest } = config;
  const flat = { ...rest, source: data.source, fingerprint: data.fingerprint, ...options };
  const rows = Object.entries(flat).map(([name, value]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
  return {
    title: "How to repeat",
    note: `Trained with genclass ${config.genclass} on the backend ${config.backend}, seed ${config.seed}. On the same machine, with the same versions, the command gives the same numbers unless its length is a time. This page was written by genclass ${VERSION} on Node ${process.versions.node}.`,
    command: repeatCommand(config),
    table: { head: ["setting", "value"], rows },
    folded: "Every setting",
  };
}
