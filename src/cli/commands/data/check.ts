import { join } from "node:path";
import { fail } from "../../../base/errors.ts";
import { checkData } from "../../../data/check/check.ts";
import { type Duplicate, placeName } from "../../../data/check/duplicates.ts";
import type { Dataset } from "../../../data/dataset.ts";
import { open, sourceName } from "../../../data/open.ts";
import { warningLine } from "../../../data/warnings.ts";
import { load } from "../../../node.ts";
import { suspiciousLabels } from "../../../predict/suspicious.ts";
import { checkHtml, type SuspiciousEntry } from "../../../report/check.ts";
import { RunFolder } from "../../../run/folder.ts";
import { freeFile, writeNew } from "../../files.ts";
import { bold, openLine, print, printJson, table, warn } from "../../render.ts";
import { classTable, headerTable, type SourceOptions } from "./info.ts";

interface Options extends SourceOptions {
  run?: string;
  out?: string;
}

/** Of a list, this many lines are printed; the page and --json have more. */
const PRINTED = 20;
/** Share of the training part that is listed as suspicious. */
const SUSPICIOUS_SHARE = 0.03;

/** `genclass data check`: what is doubtful in a source, as text and as a page. */
export async function check(source: string, options: Options): Promise<void> {
  const out = freeFile(options.out, join("runs", `data-check-${sourceName(source)}`), ".html");
  const run = options.run === undefined ? undefined : RunFolder.open(options.run);
  const image = options.image ?? (run?.config.data.image ? run.config.data.image : undefined);
  const data = await open(source, {
    image,
    resize: options.resize ?? run?.config.data.resize,
    validation: 0,
    maxUndecodable: 1,
    emptyClasses: true,
    progress: openLine,
  });
  if (data.train.labels.length > 20_000 && !options.json) warn("comparing all pictures; this takes a while");
  const found = await checkData(data);
  const headers = await data.headers?.();
  const suspicious = options.run === undefined ? undefined : await suspects(data, options.run);
  writeNew(out, await checkHtml(data, found, headers, suspicious));
  const pair = ({ a, b, similarity }: Duplicate) => ({
    a: { part: a.part, name: placeName(data, a) },
    b: { part: b.part, name: placeName(data, b) },
    similarity,
  });
  if (options.json) {
    const { means: _, exact, near, ...rest } = found;
    printJson({
      source,
      report: out,
      ...rest,
      exact: exact.map(pair),
      near: near.map(pair),
      headers: headers ?? null,
      suspicious: suspicious ?? null,
    });
    return;
  }
  const { height, width, channels } = found.size;
  print(`${data.name}: read as ${height}x${width}x${channels}, ${data.classes.length} classes`);
  print();
  print(classTable(data));
  print();
  if (headers) {
    print(headerTable(headers));
    print();
  }
  print(`largest class : smallest class   ${found.imbalance.toFixed(1)} : 1`);
  for (const one of found.missing) print(`no picture of class "${one.class}" in ${one.part}`);
  list("exact duplicates", found.exact.map(pair).map(pairLine));
  list("near duplicates", found.near.map(pair).map(pairLine));
  if (suspicious)
    list(
      "labels that the run does not believe",
      suspicious.map((s) => [s.name, `labelled ${s.given}`, `looks like ${s.believed}`, s.probability.toFixed(4)]),
    );
  list(
    "notes of reading",
    data.warnings.map((warning) => [warningLine(warning)]),
  );
  print(`page with thumbnails: ${bold(out)}`);
}

type Named = { part: string; name: string };

function pairLine({ a, b, similarity }: { a: Named; b: Named; similarity: number }): string[] {
  const place = ({ part, name }: Named) => (name.startsWith(part) ? name : `${part}: ${name}`);
  return [place(a), place(b), similarity.toFixed(3), a.part === b.part ? "" : "across parts"];
}

function list(title: string, rows: readonly string[][]): void {
  if (rows.length === 0) {
    print(`${title}: none`);
    return;
  }
  print(`${title}: ${rows.length}`);
  print(
    table(rows.slice(0, PRINTED))
      .split("\n")
      .map((line) => `  ${line}`)
      .join("\n"),
  );
  if (rows.length > PRINTED) print(`  … ${rows.length - PRINTED} more`);
}

async function suspects(data: Dataset, run: string): Promise<SuspiciousEntry[]> {
  const model = await load(run);
  const { spec } = model;
  const { height, width, channels } = data.train;
  if (
    spec.classes.join("\n") !== data.classes.join("\n") ||
    spec.height !== height ||
    spec.width !== width ||
    spec.channels !== channels
  )
    fail(
      "E_RUN_CONFLICT",
      `the run ${run} was trained on pictures of ${spec.height}x${spec.width}x${spec.channels} of ${spec.classes.join(", ")}; this data has ${height}x${width}x${channels} of ${data.classes.join(", ")}`,
    );
  const all = await suspiciousLabels(model, data.train);
  await model.dispose();
  return all.slice(0, Math.ceil(SUSPICIOUS_SHARE * all.length)).map(({ index, given, believed, probability }) => ({
    name: placeName(data, { part: "train", index }),
    index,
    given: data.classes[given]!,
    believed: data.classes[believed]!,
    probability,
  }));
}
