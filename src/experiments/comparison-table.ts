// The table of a comparison as people read it, in the terminal, in Markdown and on the page; and as a CSV file.
import { csvLine } from "../base/csv.ts";
import type { ComparisonRow } from "./comparison.ts";

/** A column: its name, what it means, and a row's text in it. */
interface Column {
  readonly head: string;
  readonly meaning: string;
  text(row: ComparisonRow): string;
}

const percent = (share: number): string => (100 * share).toFixed(2);
const withDeviation = (mean: string, deviation: string | undefined): string =>
  deviation === undefined ? mean : `${mean} ± ${deviation}`;
const short = (value: number): string => String(Number(value.toPrecision(3)));

/** A deviation to as many decimals as its mean has in `short`. */
const asShort = (deviation: number, mean: number): string =>
  deviation.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.max(mean, 1e-9)))));

/** A large number in thousands, millions or thousands of millions. */
function scaled(value: number): string {
  for (const [unit, letter] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const)
    if (value >= unit) return `${short(value / unit)}${letter}`;
  return short(value);
}

const COLUMNS: readonly Column[] = [
  { head: "model", meaning: "", text: ({ model }) => model },
  {
    head: "labels",
    meaning: "labels kept of each class (or a share, or a total), as --labels takes them",
    text: ({ labels }) => labels,
  },
  { head: "seeds", meaning: "how many times it was trained", text: ({ seeds }) => String(seeds) },
  {
    head: "accuracy %",
    meaning: "right answers on the test part, ± the standard deviation over seeds",
    text: ({ accuracy, sd }) => withDeviation(percent(accuracy), sd === null ? undefined : percent(sd)),
  },
  {
    head: "p",
    meaning:
      "chance of a difference to the reference as large as this, if there were none; adjusted for the number of models (Holm)",
    text: ({ reference, p }) =>
      reference ? "reference" : p === null ? "" : p < 0.0001 ? "<0.0001" : p.toFixed(p < 0.01 ? 4 : 3),
  },
  { head: "ECE %", meaning: "expected calibration error on the test part", text: ({ ece }) => percent(ece) },
  {
    head: "fit s",
    meaning: "seconds of training",
    text: ({ fitSeconds, fitSecondsSd }) =>
      withDeviation(short(fitSeconds), fitSecondsSd === null ? undefined : asShort(fitSecondsSd, fitSeconds)),
  },
  {
    head: "ms, 256",
    meaning: "milliseconds to classify a picture among 256, with the model of the first seed; all models take turns",
    text: ({ msPerPicture }) => (msPerPicture === null ? "" : short(msPerPicture)),
  },
  {
    head: "ms, 1",
    meaning: "the same of one picture alone",
    text: ({ msOnePicture }) => (msOnePicture === null ? "" : short(msOnePicture)),
  },
  { head: "parameters", meaning: "trained numbers", text: ({ parameters }) => scaled(parameters) },
  {
    head: "mult-adds",
    meaning:
      "multiplications, each with an addition, of the matrix products and convolutions that classify one picture",
    text: ({ multiplyAdds }) => scaled(multiplyAdds),
  },
  {
    head: "peak MB",
    meaning: "largest resident memory of the process that trained, data and library included",
    text: ({ peakMb }) => peakMb.toFixed(0),
  },
  {
    head: "file kB",
    meaning: "size of the exported ONNX file",
    text: ({ modelBytes }) => (modelBytes / 1000).toFixed(0),
  },
];

/** Names of the columns. */
export const TABLE_HEAD: readonly string[] = COLUMNS.map(({ head }) => head);

/** What the columns mean, by name. */
export const TABLE_MEANING: readonly (readonly [string, string])[] = COLUMNS.flatMap(({ head, meaning }) =>
  meaning === "" ? [] : [[head, meaning] as const],
);

/** The rows as text, by the columns of `TABLE_HEAD`. */
export const tableRows = (rows: readonly ComparisonRow[]): string[][] =>
  rows.map((row) => COLUMNS.map(({ text }) => text(row)));

/** The table in Markdown. */
export const markdownTable = (rows: readonly ComparisonRow[]): string =>
  [TABLE_HEAD, TABLE_HEAD.map((_, i) => (i === 0 ? "---" : "---:")), ...tableRows(rows)]
    .map((cells) => `| ${cells.join(" | ")} |\n`)
    .join("");

/** Every number of the rows, a line each, under the names of `ComparisonRow`; nothing where there is none. */
export function csvTable(rows: readonly ComparisonRow[]): string {
  const names = Object.keys(rows[0] ?? {}) as (keyof ComparisonRow)[];
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((cells) => `${csvLine(cells)}\n`).join("");
}
