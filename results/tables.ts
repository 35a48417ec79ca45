// The tables of README.md and docs/, made from the files of results/: npx tsx results/tables.ts writes them between marks.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EXPERIMENTS } from "./experiments.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

function records(file: string): Record<string, string>[] {
  if (!existsSync(here(file))) return [];
  const [head, ...lines] = readFileSync(here(file), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  return lines.map((cells) => Object.fromEntries(head!.map((name, i) => [name, cells[i] ?? ""])));
}

const json = <T>(file: string): T | undefined =>
  existsSync(here(file)) ? (JSON.parse(readFileSync(here(file), "utf8")) as T) : undefined;

const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

function meanAndDeviation(values: readonly number[], show: (value: number) => string): string {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length === 1) return show(mean);
  const deviation = Math.sqrt(values.reduce((t, v) => t + (v - mean) ** 2, 0) / (values.length - 1));
  return `${show(mean)} ± ${show(deviation)}`;
}

/** Mean ± sd over seeds of each experiment. */
export function resultsTable(): string {
  const runs = records("s2-vae.csv");
  const rows = EXPERIMENTS.flatMap((experiment) => {
    const own = runs.filter((run) => run.id === experiment.id);
    if (own.length === 0) return [];
    const of = (name: string, show: (value: number) => string) =>
      meanAndDeviation(
        own.map((run) => Number(run[name])),
        show,
      );
    return [
      row([
        experiment.system,
        experiment.task,
        of("accuracy", (v) => `${(100 * v).toFixed(2)}`),
        of("mse", (v) => v.toFixed(4)),
        of("ece", (v) => `${(100 * v).toFixed(2)}`),
        experiment.budget,
        own.map((run) => run.seed).join(", "),
        experiment.published,
      ]),
    ];
  });
  return [
    row([
      "system",
      "task",
      "test accuracy %",
      "squared error a pixel",
      "calibration error %",
      "budget",
      "seeds",
      "published",
    ]),
    row(Array(8).fill("---")),
    ...rows,
  ].join("\n");
}

/** Ratios of medians against the peers. */
export function benchTable(): string {
  const rows = existsSync(here("bench.json"))
    ? (JSON.parse(readFileSync(here("bench.json"), "utf8")) as Record<string, string | number | null>[])
    : [];
  const cells = rows.map((r) =>
    row([
      String(r.job),
      `${Number(r.ours_ms).toFixed(2)} ms`,
      String(r.peer ?? ""),
      r.peer_ms === null ? "" : `${Number(r.peer_ms).toFixed(2)} ms`,
      r.ratio === null ? "" : Number(r.ratio).toFixed(2),
      r.gflops === null ? "" : Number(r.gflops).toFixed(0),
      `${Number(r.peak_mb).toFixed(0)} / ${Number(r.peer_peak_mb).toFixed(0)} MB`,
    ]),
  );
  return [
    row(["job", "genclass", "peer", "peer's time", "ratio", "GFLOP/s", "peak memory, ours / peer"]),
    row(Array(7).fill("---")),
    ...cells,
  ].join("\n");
}

/** What a remedy against rare classes brings. */
export function imbalanceTable(): string {
  const runs = records("imbalance.csv");
  const percent = (name: string, own: typeof runs) =>
    meanAndDeviation(
      own.map((run) => 100 * Number(run[name])),
      (v) => v.toFixed(2),
    );
  const variants = [...new Set(runs.map((run) => run.variant!))];
  return [
    "MNIST cut to 1,000 zeros down to 20 nines (50:1), equal steps, three seeds, from `results/imbalance.csv`:",
    "",
    row(["", "balanced accuracy %", "recall of the rarest class %"]),
    row(Array(3).fill("---")),
    ...variants.map((variant) => {
      const own = runs.filter((run) => run.variant === variant);
      return row([variant, percent("balanced_accuracy", own), percent("rarest_recall", own)]);
    }),
  ].join("\n");
}

/** How many planted wrong labels are found. */
export function noiseLine(): string {
  const runs = records("label-noise.csv");
  const shares = runs.map((run) => 100 * Number(run.share));
  return `With 2 % of MNIST's training labels made wrong and a run of ${runs[0]?.epochs} epochs on all of them, ${meanAndDeviation(shares, (v) => v.toFixed(1))} % of the wrong ones are in the first 3 % of the list (seeds ${runs.map((run) => run.seed).join(", ")}; \`results/label-noise.csv\`).`;
}

/** Speed of decoding, and memory of training from few and from many pictures. */
export function readingLines(): string {
  const decode = json<{ pictures: number; ours: number; bare: number; ratio: number }>("decode.json");
  const streams = json<{ pictures: number; peakMb: number; stepMs: number; readMs: number }[]>("streaming.json");
  const [few, many] = streams ?? [];
  if (!decode || !few || !many) return "";
  const share = (run: typeof few) => `${((100 * run.readMs) / run.stepMs).toFixed(1)} %`;
  return [
    `- ${decode.pictures} JPEGs of about 300x200 to 64x64: ${decode.ours.toFixed(0)} a second, a bare parallel sharp loop in the same run ${decode.bare.toFixed(0)}: ratio ${decode.ratio.toFixed(2)} (\`bench/decode.ts\`).`,
    `- Training from tar shards of 64x64x3: peak memory ${few.peakMb.toFixed(0)} MB with ${few.pictures.toLocaleString("en")} pictures, ${many.peakMb.toFixed(0)} MB with ${many.pictures.toLocaleString("en")}: ratio ${(many.peakMb / few.peakMb).toFixed(2)}. Reading a batch of decoded pictures takes ${share(few)} of a step from memory, ${share(many)} from the cache file, before it is overlapped with the step (\`bench/streaming.ts\`).`,
  ].join("\n");
}

/** The files that hold tables, and what stands between the marks of each. */
export const FILLED: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  "README.md": { results: resultsTable, bench: benchTable },
  "docs/data.md": { imbalance: imbalanceTable, noise: noiseLine, reading: readingLines },
};

/** A file's text with its tables as the result files say. */
export function fill(file: string): string {
  let text = readFileSync(here(`../${file}`), "utf8");
  for (const [mark, make] of Object.entries(FILLED[file]!)) {
    const place = new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(<!-- /${mark} -->)`);
    if (!place.test(text)) throw new Error(`${file} has no marks for the table "${mark}"`);
    text = text.replace(place, (_, open, close) => `${open}${make()}\n${close}`);
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const file of Object.keys(FILLED)) writeFileSync(here(`../${file}`), fill(file));
