// A table of pixel values: a picture a line, a column a pixel, and one for the label. So Kaggle's digits are kept, and UCI's.
import { closeSync, openSync, readSync } from "node:fs";
import { fail } from "../../base/errors.ts";
import { type Dataset, type ImageSet, subset } from "../dataset.ts";
import { inMemory } from "../pixels.ts";
import { Notes } from "../warnings.ts";
import { bytesOfNumbers } from "./pixel-values.ts";
import { NO_LABEL, type Split, sortedClasses, splitOf } from "./source.ts";
import { delimiterOf, LABEL, PATH, SPLIT, tableText } from "./table.ts";

/** Columns that count pictures and say nothing of them. */
const COUNTS = /^(|id|index|unnamed: \d+)$/;
/** Fewer columns of numbers are no picture. */
const FEWEST = 16;
/** Bytes that the first two lines are looked for in: of some 100,000 pixels. */
const BEGINNING = 2 ** 20;

/** Where things stand in a line. */
interface Columns {
  readonly label: number;
  /** -1 where no column names splits. */
  readonly split: number;
  readonly pixels: readonly number[];
  readonly hasHeader: boolean;
  readonly delimiter: string;
}

/** What a cell says, without the quotes around it. */
const textOf = (cell: string): string => cell.trim().replace(/^"(.*)"$/, "$1");
const cellsOf = (line: string, delimiter: string): string[] => line.split(delimiter).map(textOf);
/** The number in a cell; NaN where there is none. Nearly all cells of a table are bare numbers. */
const numberOf = (cell: string): number => {
  const value = Number(cell);
  // Of an empty cell it would be 0.
  return Number.isNaN(value) || (value === 0 && cell.trim() === "") ? Number(textOf(cell) || "none") : value;
};
const isNumber = (cell: string | undefined): boolean =>
  cell !== undefined && cell !== "" && Number.isFinite(Number(cell));

/**
 * The columns of a table of pixel values, by its first lines; undefined for another table. With a header one column is named as labels
 * are, and all others are numbers, but for those of splits and of numbers of pictures. Without one, the label is the first number.
 */
export function pixelColumns(file: string): Columns | undefined {
  if (!/\.(csv|tsv)$/i.test(file)) return undefined;
  const beginning = Buffer.alloc(BEGINNING);
  const handle = openSync(file, "r");
  const size = readSync(handle, beginning, 0, BEGINNING, 0);
  closeSync(handle);
  const lines = beginning
    .toString("utf8", 0, size)
    .replace(/^\ufeff/, "")
    .split(/\r?\n/);
  const [first, second] = lines.filter((line) => line.trim() !== "");
  if (first === undefined) return undefined;
  const delimiter = delimiterOf(first, file);
  const names = cellsOf(first, delimiter).map((name) => name.toLowerCase());
  const hasHeader = !names.every(isNumber);
  if (hasHeader && names.some((name) => PATH.includes(name))) return undefined;
  const label = hasHeader ? names.findIndex((name) => LABEL.includes(name)) : 0;
  const split = hasHeader ? names.findIndex((name) => SPLIT.includes(name)) : -1;
  const example = hasHeader ? cellsOf(second ?? "", delimiter) : names;
  const pixels = [...names.keys()].filter((i) => i !== label && i !== split && !(hasHeader && COUNTS.test(names[i]!)));
  if (label < 0 || pixels.length < FEWEST || !pixels.every((i) => isNumber(example[i]))) return undefined;
  return { label, split, pixels, hasHeader, delimiter };
}

/**
 * The data set in a table of pixel values, rows from the top of each picture: square ones of one channel, or of three, which then stand
 * beside each other for each pixel. Values are as `bytesOfNumbers` takes them. An empty label, or -1, is none.
 * @throws `E_DATA_FORMAT` naming the line; `E_DATA_LABEL` for a class that is not in the training part; `E_DATA_EMPTY` for fewer than
 * two classes
 */
export function readPixelTable(file: string, columns: Columns): Omit<Dataset, "name"> {
  const { label, split, pixels, hasHeader, delimiter } = columns;
  const notes = new Notes();
  const lines = tableText(file, notes)
    .replace(/^\ufeff/, "")
    .split("\n");
  const channels = Number.isInteger(Math.sqrt(pixels.length)) ? 1 : 3;
  const side = Math.sqrt(pixels.length / channels);
  if (!Number.isInteger(side))
    fail(
      "E_DATA_FORMAT",
      `${file}: ${pixels.length} columns of numbers beside the label; expected those of square pictures, such as 784 for 28x28, or three times as many`,
    );
  const rows = [...lines.keys()].slice(hasHeader ? lines.findIndex((line) => line.trim() !== "") + 1 : 0);
  const filled = rows.filter((at) => lines[at]!.trim() !== "");
  const values = new Float32Array(filled.length * pixels.length);
  const width = Math.max(label, split, ...pixels.slice(-1)) + 1;
  const where = (n: number) => `${file}: line ${filled[n]! + 1}`;
  const entries = filled.map((at, n) => {
    const cells = lines[at]!.split(delimiter);
    if (cells.length < width) fail("E_DATA_FORMAT", `${where(n)} has ${cells.length} cells, expected ${width} or more`);
    pixels.forEach((column, k) => {
      values[n * pixels.length + k] = numberOf(cells[column]!);
    });
    const word = (split < 0 ? "" : textOf(cells[split]!)) || "train";
    const part: Split | undefined = splitOf(word);
    if (!part) fail("E_DATA_FORMAT", `${where(n)} has the split "${word}"; expected train, validation or test`);
    const name = textOf(cells[label]!).normalize("NFC");
    return { part, name: part === "unlabelled" || name === "" ? NO_LABEL : name };
  });
  const bytes = bytesOfNumbers(
    values.length,
    (i) => values[i]!,
    (value, i) =>
      fail(
        "E_DATA_FORMAT",
        `${where(Math.floor(i / pixels.length))} has the value ${value} where a pixel is expected: 0..255, or 0..1 in the whole table`,
      ),
  );
  const isTrain = (part: Split) => part === "train" || part === "unlabelled";
  const classes = sortedClasses(
    entries.filter(({ part, name }) => isTrain(part) && name !== NO_LABEL).map(({ name }) => name),
  );
  if (classes.length < 2)
    fail(
      "E_DATA_EMPTY",
      `${file}: ${classes.length} class; a classifier needs at least two${hasHeader ? "" : ". Without a header the first number of a line is its label"}`,
    );
  const codes = new Map([[NO_LABEL, -1], ...classes.map((name, i) => [name, i] as const)]);
  const labels = Int32Array.from(entries, ({ part, name }, n) => {
    const code = codes.get(name);
    if (code === undefined)
      fail("E_DATA_LABEL", `${where(n)} of ${part} has the label "${name}", which no line of the training part has`);
    return code;
  });
  const all: ImageSet = {
    ...{ height: side, width: side, channels, labels },
    pixels: inMemory(pixels.length, bytes),
    name: (n) => `line ${filled[n]! + 1}`,
  };
  const set = (is: (part: Split) => boolean): ImageSet | undefined => {
    const index = [...entries.keys()].filter((n) => is(entries[n]!.part));
    return index.length === 0 ? undefined : subset(all, index);
  };
  return {
    classes,
    train: set(isTrain)!,
    validation: set((part) => part === "validation"),
    test: set((part) => part === "test"),
    mirror: channels === 3,
    warnings: notes.warnings,
  };
}
