// What a comparison leaves in its folder: compare.json, compare.csv, compare.md, plots, and compare.html, which has all of it.
import { join } from "node:path";
import { makeFolder } from "../base/writing.ts";
import { type ReportChart, type ReportSection, reportHtml } from "../report/html.ts";
import { type MeasuredSeries, measured, type SeriesAxes } from "../report/plots.ts";
import { writeAtomically } from "../run/files.ts";
import { type Comparison, type ComparisonRow, TEST_TEXT } from "./comparison.ts";
import { csvTable, markdownTable, TABLE_HEAD, TABLE_MEANING, tableRows } from "./comparison-table.ts";

/** Writes the files. @returns the path of the page @throws `E_WRITE` */
export function writeComparison(comparison: Comparison, command: string): string {
  const { out, data, rows, cells, failed } = comparison;
  const write = (name: string, text: string) => writeAtomically(join(out, name), text);
  makeFolder(join(out, "plots"));
  write("compare.json", `${JSON.stringify({ data, command, rows, cells, failed }, null, 1)}\n`);
  write("compare.csv", csvTable(rows));
  write("compare.md", markdown(comparison, command));
  const charts = chartsOf(rows).map(({ name, svg, caption }): ReportChart => {
    write(join("plots", `${name}.svg`), svg);
    return { svg, caption };
  });
  write("compare.html", page(comparison, command, charts));
  return join(out, "compare.html");
}

/** How to read the table: what decides, and what was tested. */
export function readingOf({ rows }: Pick<Comparison, "rows">): string[] {
  const tests = [...new Set(rows.flatMap(({ test }) => test ?? []))];
  const chosen = rows.some(({ validationAccuracy }) => validationAccuracy === null)
    ? "Without a validation part, the reference is the model that is best on the test part"
    : "The reference is the model that is best on validation pictures, so that the test part chooses nothing";
  return [
    "Every model was trained on the same pictures with the same labels; a seed has one split for all of them. Checkpoints are chosen on validation pictures; the test part was looked at once, at the end of each run.",
    `${chosen}.${tests.length === 0 ? "" : ` p: ${tests.map((test) => TEST_TEXT[test]).join("; ")}.`}`,
  ];
}

function markdown(comparison: Comparison, command: string): string {
  const meaning = TABLE_MEANING.map(([head, text]) => `- ${head}: ${text}`).join("\n");
  const failed = comparison.failed.map(
    ({ model, labels, seed, message }) => `- ${model}, ${labels} labels, seed ${seed} failed: ${message}`,
  );
  return `# Comparison on ${comparison.data}

${markdownTable(comparison.rows)}
${readingOf(comparison).join(" ")}

${meaning}
${failed.length === 0 ? "" : `\n${failed.join("\n")}\n`}
\`\`\`
${command}
\`\`\`
`;
}

function page(comparison: Comparison, command: string, charts: readonly ReportChart[]): string {
  const { data, rows, failed } = comparison;
  const [first, ...more] = readingOf(comparison);
  const sections: ReportSection[] = [
    { title: "Table", note: more.join(" "), table: { head: TABLE_HEAD, rows: tableRows(rows) } },
    { title: "Plots", charts },
    ...(failed.length === 0
      ? []
      : [
          {
            title: "What failed",
            table: {
              head: ["model", "labels", "seed", "why"],
              rows: failed.map(({ model, labels, seed, message }) => [model, labels, seed, message]),
            },
          },
        ]),
    { title: "What the columns mean", table: { head: ["column", "meaning"], rows: TABLE_MEANING } },
    { title: "How to repeat", command },
  ];
  const cards = rows
    .filter(({ reference }) => reference)
    .map(({ model, labels, accuracy, validationAccuracy }): [string, string] => [
      `best on ${validationAccuracy === null ? "test" : "validation"}, ${labels} labels`,
      `${model} ${(100 * accuracy).toFixed(2)} %`,
    ]);
  return reportHtml(`genclass: comparison on ${data}`, first!, cards, sections);
}

/** Accuracy against what it costs: labels, where there are several numbers of them, time and size. */
function chartsOf(rows: readonly ComparisonRow[]): (ReportChart & { name: string })[] {
  const amounts = new Set(rows.map(({ labels }) => labels));
  const draw = (
    name: string,
    xOf: (row: ComparisonRow) => number,
    axes: Omit<SeriesAxes, "yName">,
    caption: string,
  ) => {
    const series = seriesOf(rows, xOf).map((one) => ({ ...one, joined: name === "labels" }));
    const title = `Accuracy against ${name.replace("-", " ")}`;
    const svg = measured(title, series, { ...axes, yName: "accuracy %", logarithmic: true });
    return { name: `accuracy-${name}`, svg, caption };
  };
  if (rows.length === 0) return [];
  return [
    ...(amounts.size < 2
      ? []
      : [
          draw(
            "labels",
            ({ labelled }) => labelled,
            { xName: "training pictures with a label" },
            "Bars: the standard deviation over seeds on both sides of the mean.",
          ),
        ]),
    draw("fit-time", ({ fitSeconds }) => fitSeconds, { xName: "seconds of training" }, pointsCaption(amounts.size)),
    draw(
      "model-size",
      ({ modelBytes }) => modelBytes,
      { xName: "bytes of the ONNX file" },
      pointsCaption(amounts.size),
    ),
  ];
}

const pointsCaption = (amounts: number): string =>
  amounts < 2 ? "A point for each model." : "A point for each model and number of labels.";

/** A series a model. */
function seriesOf(rows: readonly ComparisonRow[], xOf: (row: ComparisonRow) => number): MeasuredSeries[] {
  return [...new Set(rows.map(({ model }) => model))].map((name) => ({
    name,
    points: rows
      .filter(({ model }) => model === name)
      .map((row) => ({
        x: Math.max(xOf(row), 1e-3),
        y: 100 * row.accuracy,
        spread: row.sd === null ? undefined : 100 * row.sd,
      }))
      .sort((a, b) => a.x - b.x),
  }));
}
