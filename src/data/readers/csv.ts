// A table of picture paths and labels: path,label[,split], with or without a header line.
import { readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, normalize, sep } from "node:path";
import { parse } from "csv-parse/sync";
import { fail } from "../../base/errors.ts";
import { isPicture } from "./decode.ts";
import { fileState, type PictureEntry, type PictureSource, SPLIT_NAMES, type Split, splitOf } from "./source.ts";

const PATH = ["path", "file", "filename", "file_name", "image", "img", "picture"];
const LABEL = ["label", "class", "target", "category", "y"];
const SPLIT = ["split", "subset", "part", "fold"];
const SIZE_LIMIT = 2 ** 28;

/**
 * Reads a table with the columns path, label and optionally split, named by a header or in this order. Paths are relative to the
 * table's folder and may not lead out of it; an empty label is none, an empty split is training.
 * @throws `E_DATA_FORMAT` naming the line; `E_DATA_EMPTY` for an empty file
 */
export function readCsv(file: string): PictureSource {
  if (statSync(file).size > SIZE_LIMIT)
    fail("E_DATA_FORMAT", `${file}: larger than ${SIZE_LIMIT >> 20} MiB; split the table`);
  const rows = parseRows(readFileSync(file), file);
  const [first] = rows;
  if (!first) fail("E_DATA_EMPTY", `${file}: no line in it; expected path,label`);
  const head = first.map((cell) => cell.trim().toLowerCase());
  const column = (names: readonly string[]) => head.findIndex((cell) => names.includes(cell));
  const named = column(PATH) >= 0;
  const [path, label, split] = named ? [column(PATH), column(LABEL), column(SPLIT)] : [0, 1, first.length > 2 ? 2 : -1];
  if (!named && !isPicture(first[0] ?? ""))
    fail(
      "E_DATA_FORMAT",
      `${file}: line 1 is "${first.join(",").slice(0, 80)}"; expected a header with path and label, or lines such as photos/1.jpg,cat`,
    );
  if (label < 0)
    fail(
      "E_DATA_FORMAT",
      `${file}: its header has ${head.join(", ")}; expected one of the columns ${LABEL.join(", ")}`,
    );
  const root = dirname(file);
  const entries = rows.slice(named ? 1 : 0).map((row, i): PictureEntry => {
    const where = `${file}: line ${i + (named ? 2 : 1)}`;
    const name = (row[path] ?? "").trim();
    if (name === "") fail("E_DATA_FORMAT", `${where} has no path`);
    const below = normalize(name);
    if (isAbsolute(below) || below === ".." || below.startsWith(`..${sep}`))
      fail(
        "E_DATA_FORMAT",
        `${where} names "${name}", which is not below ${root}; put the table above its pictures and give paths relative to it`,
      );
    const word = split >= 0 ? (row[split] ?? "").trim() : "";
    const part: Split | undefined = word === "" ? "train" : splitOf(word);
    if (!part)
      fail(
        "E_DATA_FORMAT",
        `${where} has the split "${word}"; expected one of ${Object.values(SPLIT_NAMES).flat().join(", ")}`,
      );
    const text = (row[label] ?? "").trim();
    return {
      name: below,
      split: text === "" && part === "train" ? "unlabelled" : part,
      label: text === "" ? null : text,
    };
  });
  return {
    name: file,
    identity: () => fileState(file),
    entries,
    input: (index) => join(root, entries[index]!.name),
    warnings: [],
  };
}

function parseRows(bytes: Buffer, file: string): string[][] {
  const text = bytes.toString("utf8");
  if (text.includes("\0")) fail("E_DATA_FORMAT", `${file}: not a text file`);
  const delimiter = file.toLowerCase().endsWith(".tsv")
    ? "\t"
    : text.split("\n", 1)[0]!.includes(";") && !text.split("\n", 1)[0]!.includes(",")
      ? ";"
      : ",";
  try {
    return parse(text, {
      bom: true,
      delimiter,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: 65_536,
    });
  } catch (cause) {
    fail("E_DATA_FORMAT", `${file}: not a table (${(cause as Error).message})`, cause);
  }
}
