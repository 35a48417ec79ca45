// A table of picture paths and labels: path,label[,split], with or without a header line; or one JSON object a line.
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, normalize, resolve, sep } from "node:path";
import { parse } from "csv-parse/sync";
import { fail } from "../../base/errors.ts";
import { Notes } from "../warnings.ts";
import { isPicture } from "./decode.ts";
import { fileState, type PictureEntry, type PictureSource, SPLIT_NAMES, type Split, splitOf } from "./source.ts";

/** Names that the column of paths may have, in lower case. */
export const PATH = [
  "path",
  "file",
  "filename",
  "file_name",
  "filepath",
  "file_path",
  "image",
  "image_path",
  "img",
  "img_path",
  "picture",
];
/** Names that the column of labels may have. */
export const LABEL = ["label", "labels", "label_name", "class", "class_name", "class_id", "target", "category", "y"];
/** Names that the column of splits may have. */
export const SPLIT = ["split", "set", "subset", "part", "fold"];
const SIZE_LIMIT = 2 ** 28;
const ABSENT = "left out, as they are listed but do not exist";
/** Share of the listed pictures that may be absent, as of those that do not decode. */
const MOST_ABSENT = 0.05;

/** Whether a file is such a table by its ending. */
export const isTable = (file: string): boolean => /\.(csv|tsv|jsonl)$/i.test(file);

/**
 * Reads a table with the columns path, label and optionally split, named by a header or in this order. Paths are absolute, or
 * relative to the table's folder, and then may not lead out of it; an empty label is none, an empty split is training.
 * @throws `E_DATA_FORMAT` naming the line; `E_DATA_EMPTY` for an empty file; `E_DATA_NOT_FOUND` where too many pictures are absent
 */
export function readTable(file: string): PictureSource {
  const notes = new Notes();
  const text = tableText(file, notes);
  const rows = /\.jsonl$/i.test(file) ? jsonRows(text, file) : parseRows(text, file);
  if (!rows[0]) fail("E_DATA_EMPTY", `${file}: no line in it; expected path,label`);
  const { cells: first, line: firstLine } = rows[0];
  const head = first.map((cell) => cell.trim().toLowerCase());
  const column = (names: readonly string[]) => head.findIndex((cell) => names.includes(cell));
  const named = column(PATH) >= 0;
  const [path, label, split] = named ? [column(PATH), column(LABEL), column(SPLIT)] : [0, 1, first.length > 2 ? 2 : -1];
  if (!named && !isPicture(first[0] ?? ""))
    fail(
      "E_DATA_FORMAT",
      `${file}: line ${firstLine} is "${first.join(",").slice(0, 80)}"; expected a header with path and label, or lines such as photos/1.jpg,cat`,
    );
  if (label < 0)
    fail(
      "E_DATA_FORMAT",
      `${file}: its header has ${head.join(", ")}; expected one of the columns ${LABEL.join(", ")}`,
    );
  const root = dirname(file);
  const listed = rows.slice(named ? 1 : 0).map(({ line, cells: row }): PictureEntry => {
    const where = `${file}: line ${line}`;
    const name = (row[path] ?? "").trim();
    if (name === "") fail("E_DATA_FORMAT", `${where} has no path`);
    const below = normalize(name);
    if (below === ".." || below.startsWith(`..${sep}`))
      fail(
        "E_DATA_FORMAT",
        `${where} names "${name}", which is not below ${root}; put the table above its pictures, or give absolute paths`,
      );
    const given = split >= 0 ? (row[split] ?? "").trim() : "";
    const part: Split | undefined = given === "" ? "train" : splitOf(given);
    if (!part)
      fail(
        "E_DATA_FORMAT",
        `${where} has the split "${given}"; expected one of ${Object.values(SPLIT_NAMES).flat().join(", ")}`,
      );
    const word = (row[label] ?? "").trim();
    return { name: below, split: part, label: word === "" ? null : word };
  });
  const entries = listed.flatMap((entry) => {
    const name = onDisk(root, entry.name);
    if (name === undefined) notes.add(ABSENT, entry.name);
    return name === undefined ? [] : [{ ...entry, name }];
  });
  const absent = listed.length - entries.length;
  if (absent > MOST_ABSENT * listed.length)
    fail(
      "E_DATA_NOT_FOUND",
      `${file}: ${absent} of the ${listed.length} pictures that it lists do not exist, as ${listed.find(({ name }) => !onDisk(root, name))!.name}; expected paths relative to ${root}`,
    );
  noteRepeats(entries, notes);
  return {
    name: file,
    identity: () => [file, ...entries.map(({ name }) => resolve(root, name))].map(fileState).join("\n"),
    entries,
    input: (index) => resolve(root, entries[index]!.name),
    warnings: notes.warnings,
  };
}

/**
 * A path as the file system has it: the same Unicode name may be composed (NFC) in a table and decomposed (NFD) on disk.
 * Undefined where there is no such file.
 */
function onDisk(root: string, path: string): string | undefined {
  const forms = [path, path.normalize("NFC"), path.normalize("NFD")];
  return forms.find((form) => existsSync(resolve(root, form)));
}

/** Notes paths that are listed more than once, and those among them with several labels. */
function noteRepeats(entries: readonly PictureEntry[], notes: Notes): void {
  const labels = new Map<string, Set<string | null>>();
  const repeated = new Set<string>();
  for (const { name, label } of entries) {
    const known = labels.get(name);
    if (known) repeated.add(name);
    labels.set(name, (known ?? new Set()).add(label));
  }
  for (const name of repeated)
    notes.add(
      labels.get(name)!.size > 1 ? "doubtful: listed with different labels" : "doubtful: listed more than once",
      name,
    );
}

/**
 * The text of a table: UTF-8, or where it is not, Windows-1252, as old spreadsheets write it.
 * @throws `E_DATA_FORMAT` for a file of more than 256 MiB
 */
export function tableText(file: string, notes: Notes): string {
  if (statSync(file).size > SIZE_LIMIT)
    fail("E_DATA_FORMAT", `${file}: larger than ${SIZE_LIMIT >> 20} MiB; split the table`);
  const bytes = readFileSync(file);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    notes.add(
      "doubtful: the table is not UTF-8 and is read as Windows-1252 (Latin-1); save it as UTF-8 if names look wrong",
    );
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

interface Row {
  /** The line of the file on which the row begins, counted from 1: empty lines count, and those inside cells too. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Keys of JSON lines that mean nothing here, of which so many are in the header: for a message that tells what there is. */
const MOST_OTHER_KEYS = 20;
const COLUMNS = new Set([...PATH, ...LABEL, ...SPLIT]);

/**
 * Objects of one kind as rows below a header of their keys: all that mean something, and some of the others. A line may have keys of its
 * own, so a table of all of them could be as large as the square of the file. Empty lines are left out. The header stands on the line of
 * the first object.
 */
function jsonRows(text: string, file: string): Row[] {
  const found = text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [{ line: i + 1, object: JSON.parse(line) as Readonly<Record<string, unknown>> | null }];
    } catch (cause) {
      return fail("E_DATA_FORMAT", `${file}: line ${i + 1} is not JSON (${(cause as Error).message})`, cause);
    }
  });
  const all = new Set<string>();
  for (const { object } of found) for (const key of Object.keys(object ?? {})) all.add(key);
  const columnOf = (key: string) => key.trim().toLowerCase();
  // Of keys that differ by case or spaces alone, the first is the column.
  const known = new Map<string, string>();
  for (const key of all) if (COLUMNS.has(columnOf(key)) && !known.has(columnOf(key))) known.set(columnOf(key), key);
  const others = [...all].filter((key) => !COLUMNS.has(columnOf(key))).slice(0, MOST_OTHER_KEYS);
  const keys = [...all].filter((key) => known.get(columnOf(key)) === key || others.includes(key));
  const rows = found.map(({ line, object }) => ({ line, cells: keys.map((key) => String(object?.[key] ?? "")) }));
  return rows[0] ? [{ line: rows[0].line, cells: keys }, ...rows] : [];
}

/** What stands between the cells of a table, by its first line. */
export const delimiterOf = (line: string, file: string): string =>
  file.toLowerCase().endsWith(".tsv") ? "\t" : line.includes(";") && !line.includes(",") ? ";" : ",";

/** The lines of a table as rows, but for empty ones. @throws `E_DATA_FORMAT` */
function parseRows(text: string, file: string): Row[] {
  if (text.includes("\0")) fail("E_DATA_FORMAT", `${file}: not a text file`);
  const starts: number[] = [];
  let [ended, empty] = [0, 0];
  try {
    // The parser counts a line break of two characters inside quotes twice.
    const rows: string[][] = parse(text.replaceAll("\r\n", "\n"), {
      bom: true,
      delimiter: delimiterOf(text.split("\n", 1)[0]!, file),
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: 65_536,
      on_record: (cells: string[], { lines, empty_lines }) => {
        // It tells the line on which a row ends; between two rows there are empty lines alone.
        starts.push(ended + 1 + empty_lines - empty);
        [ended, empty] = [lines, empty_lines];
        return cells;
      },
    });
    return rows.map((cells, i) => ({ line: starts[i]!, cells }));
  } catch (cause) {
    fail("E_DATA_FORMAT", `${file}: not a table (${(cause as Error).message})`, cause);
  }
}
