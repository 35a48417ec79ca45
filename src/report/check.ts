// What `genclass data check` found, as a page with thumbnails.
import type { DataCheck } from "../data/check/check.ts";
import { type Duplicate, type Place, placeName } from "../data/check/duplicates.ts";
import { type Dataset, gather, type HeaderSummary } from "../data/dataset.ts";
import { type ReportSection, reportHtml } from "./html.ts";
import { percent } from "./judged.ts";
import { gridPng } from "./pictures.ts";
import { type Shot, shotsHtml } from "./shots.ts";
import { Thumbnails } from "./thumbnails.ts";

/** A training picture whose label a trained run does not believe. */
export interface SuspiciousEntry {
  /** The picture's name. */
  readonly name: string;
  /** Its number in the training part. */
  readonly index: number;
  /** The class name it is labelled with. */
  readonly given: string;
  /** The class name that the run finds most probable. */
  readonly believed: string;
  /** The probability that the run gives the label, 0..1. */
  readonly probability: number;
}

const SHOWN = 40;

/**
 * The page of a data check as HTML text: class counts, kinds of files, duplicates and suspicious labels with thumbnails.
 * @param check what `checkData` found in `data`
 * @param headers what the files' headers say, where pictures come as files
 * @param suspicious labels to show, the least believed first, where a trained run was asked
 */
export async function checkHtml(
  data: Dataset,
  check: DataCheck,
  headers: HeaderSummary | undefined,
  suspicious: readonly SuspiciousEntry[] | undefined,
): Promise<string> {
  const { height, width, channels } = check.size;
  const total = Object.values(check.parts).reduce((sum, { pictures }) => sum + pictures, 0);
  const cards: [string, string][] = [
    ["pictures", total.toLocaleString("en")],
    ["classes", String(check.classes.length)],
    ["read as", `${height}x${width}x${channels}`],
    ["largest : smallest class", `${check.imbalance.toFixed(1)} : 1`],
    ["exact duplicates", String(check.exact.length)],
    ["near duplicates", String(check.near.length)],
  ];
  const parts = Object.entries(check.parts);
  const sections: ReportSection[] = [
    {
      title: "Classes",
      table: {
        head: ["class", ...parts.map(([part]) => part)],
        rows: check.classes.map((name, k) => [name, ...parts.map(([, { counts }]) => counts[k]!)]),
      },
      pictures: [
        {
          caption: `Mean picture of each class, in order: ${check.classes.join(", ")}`,
          data: await gridPng(check.means, check.size, Math.min(10, check.classes.length)),
          type: "image/png",
        },
      ],
    },
  ];
  if (headers)
    sections.push({
      title: "Files",
      table: {
        head: ["kind", "pictures"],
        rows: [
          ...Object.entries(headers.kinds).sort(([, a], [, b]) => b - a),
          ["folders above a picture", headers.depth.join(" to ")],
          ["height, smallest / median / largest", headers.height.join(" / ")],
          ["width, smallest / median / largest", headers.width.join(" / ")],
        ],
      },
    });
  for (const [title, pairs] of [
    ["Exact duplicates", check.exact],
    ["Near duplicates", check.near],
  ] as const)
    if (pairs.length > 0) sections.push(await duplicateSection(data, title, pairs));
  const thumbnails = new Thumbnails(data.train);
  if (suspicious && suspicious.length > 0) sections.push(suspiciousSection(suspicious, thumbnails));
  if (check.missing.length > 0)
    sections.push({
      title: "Missing classes",
      table: { head: ["part", "class"], rows: check.missing.map((one) => [one.part, one.class]) },
    });
  if (check.warnings.length > 0)
    sections.push({ title: "While reading", table: { head: ["note"], rows: check.warnings.map((line) => [line]) } });
  return reportHtml(
    `Data check: ${check.name}`,
    "What is in the data, and what may be wrong with it.",
    cards,
    sections,
    { style: await thumbnails.style(await gather(data.train, thumbnails.index)) },
  );
}

async function duplicateSection(data: Dataset, title: string, pairs: readonly Duplicate[]): Promise<ReportSection> {
  const shown = pairs.slice(0, SHOWN);
  const bytes = await Promise.all(shown.flatMap(({ a, b }) => [a, b]).map((place) => pictureAt(data, place)));
  return {
    title,
    note: `${pairs.length} pairs, the first ${shown.length} shown side by side. Pairs across parts make results look better than they are.`,
    pictures: [{ caption: "Pairs", data: await gridPng(Buffer.concat(bytes), data.train, 8), type: "image/png" }],
    table: {
      head: ["picture", "and", "similarity"],
      rows: pairs
        .slice(0, 200)
        .map(({ a, b, similarity }) => [
          `${a.part}: ${placeName(data, a)}`,
          `${b.part}: ${placeName(data, b)}`,
          similarity.toFixed(3),
        ]),
    },
  };
}

const pictureAt = (data: Dataset, { part, index }: Place) => gather(data[part]!, [index]);

function suspiciousSection(entries: readonly SuspiciousEntry[], thumbnails: Thumbnails): ReportSection {
  const shots = entries.slice(0, SHOWN).map(
    ({ index: i, name, given, believed, probability }): Shot => ({
      i,
      alt: `${name}: labelled ${given} (${percent(probability, 1)}), the run says ${believed}`,
      text: `${given}, perhaps ${believed}`,
    }),
  );
  return {
    title: "Suspicious labels",
    note: "Training pictures whose label the given run believes least.",
    body: shotsHtml(thumbnails, shots),
    table: {
      head: ["picture", "label", "the run says", "probability of the label"],
      rows: entries.slice(0, 200).map((e) => [e.name, e.given, e.believed, e.probability.toFixed(4)]),
    },
  };
}
