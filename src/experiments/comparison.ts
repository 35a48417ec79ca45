// What the cells of a comparison say together: one row for each model and number of labels, and whether the rows differ.
import type { ErrorCode } from "../base/errors.ts";
import { clusteredMcnemar, holm, mcnemar, mean, pairedT, standardDeviation } from "../metrics/paired-tests.ts";
import type { AnswerTime, Trained } from "./job.ts";

/** A cell: one model, trained once. */
export interface Cell {
  /** Name of the model, with the options that follow it in the call: `cnn:net=fast`. */
  readonly model: string;
  /** How many labels of the training part it had: as `--labels` takes them, or `all`. */
  readonly labels: string;
  /** Of split, kept labels, first weights and order. */
  readonly seed: number;
}

/** A cell that is done. */
export interface DoneCell extends Cell {
  /** What training told. */
  readonly trained: Trained;
}

/** A cell that could not be trained, and why. */
export interface FailedCell extends Cell {
  /** Of the error. */
  readonly code: ErrorCode;
  /** Of the error. */
  readonly message: string;
}

/** A row of the table: a model with a number of labels, over its seeds. Means, with sample deviations where there are several. */
export interface ComparisonRow {
  /** As of `Cell`. */
  readonly model: string;
  /** As of `Cell`. */
  readonly labels: string;
  /** How many training pictures then had a label. */
  readonly labelled: number;
  /** How many there are. */
  readonly seeds: number;
  /** Share of right answers on the test part, 0..1. */
  readonly accuracy: number;
  /** Its deviation over seeds; null of one seed. */
  readonly sd: number | null;
  /** Accuracy on validation pictures, by which the reference is chosen. */
  readonly validationAccuracy: number | null;
  /** Expected calibration error, 0..1. */
  readonly ece: number;
  /** Time of training. */
  readonly fitSeconds: number;
  /** Its deviation over seeds; null of one seed. */
  readonly fitSecondsSd: number | null;
  /** Milliseconds a picture, of a call with 256; null where they were not measured. */
  readonly msPerPicture: number | null;
  /** Milliseconds of a call with one picture; null where they were not measured. */
  readonly msOnePicture: number | null;
  /** Trained numbers. */
  readonly parameters: number;
  /** Of classifying one picture: those of matrix products and convolutions. */
  readonly multiplyAdds: number;
  /** Largest over seeds, in 10^6 bytes. */
  readonly peakMb: number;
  /** Of the exported ONNX file. */
  readonly modelBytes: number;
  /** Whether the others of the same labels are tested against it. */
  readonly reference: boolean;
  /** Of being as often right as the reference, adjusted by Holm over the rows of the same labels; null for the reference. */
  readonly p: number | null;
  /** The test that gave `p`, by how many seeds the row has in common with the reference. */
  readonly test: PairedTest | null;
}

/** What a comparison found. */
export interface Comparison {
  /** The folder of the comparison. */
  readonly out: string;
  /** The source of the call. */
  readonly data: string;
  /** The table. */
  readonly rows: readonly ComparisonRow[];
  /** Those that are done. */
  readonly cells: readonly DoneCell[];
  /** Those that could not be trained. */
  readonly failed: readonly FailedCell[];
}

/** Which test gave `p`. */
export type PairedTest = "mcnemar" | "clustered-mcnemar" | "paired-t";

/** From so many seeds on, seeds are what is paired: before, a t-test has too few degrees of freedom to find anything. */
const FEWEST_FOR_T = 3;

/** The test for results of so many seeds. */
const testFor = (seeds: number): PairedTest =>
  seeds >= FEWEST_FOR_T ? "paired-t" : seeds === 1 ? "mcnemar" : "clustered-mcnemar";

/** Each test in words: what it pairs, and so what it can tell. */
export const TEST_TEXT: Readonly<Record<PairedTest, string>> = {
  mcnemar:
    "McNemar's exact test on the test pictures; of one seed, it tells nothing about how much training varies from seed to seed",
  "clustered-mcnemar":
    "McNemar's test on the test pictures, the seeds of a picture taken as one observation; it tells nothing about other seeds than these",
  "paired-t": "the paired t-test over seeds, which have the same splits and labels for all models",
};

/**
 * The rows, in the order in which their cells come first. The reference of each number of labels is the model that is best on
 * validation pictures, so that nothing is chosen on the test part (where there is no validation part, the best on the test part).
 * @param timeOf how fast a row's model answers
 */
export function compared(
  cells: readonly DoneCell[],
  timeOf: (model: string, labels: string) => AnswerTime | undefined = () => undefined,
): ComparisonRow[] {
  const rows = groupsOf(cells, ({ model, labels }) => `${labels} ${model}`).map((group) => rowOf(group, timeOf));
  const tested = new Map<ComparisonRow, Tested>();
  const references = new Set<ComparisonRow>();
  for (const same of groupsOf(rows, ({ labels }) => labels)) {
    const reference = same.reduce((best, row) => (chosenBy(row) > chosenBy(best) ? row : best));
    references.add(reference);
    const others = same.filter((row) => row !== reference);
    const found = others.flatMap((row) => {
      const one = testOf(cellsOf(cells, row), cellsOf(cells, reference));
      return one ? [{ row, ...one }] : [];
    });
    const adjusted = holm(found.map(({ p }) => p));
    found.forEach(({ row, test }, i) => {
      tested.set(row, { p: adjusted[i]!, test });
    });
  }
  return rows.map((row) => ({ ...row, reference: references.has(row), ...tested.get(row) }));
}

const chosenBy = ({ validationAccuracy, accuracy }: ComparisonRow): number => validationAccuracy ?? accuracy;

const cellsOf = (cells: readonly DoneCell[], { model, labels }: ComparisonRow): DoneCell[] =>
  cells.filter((cell) => cell.model === model && cell.labels === labels);

/** Elements of equal key, in the order of the first of each. */
function groupsOf<T>(all: readonly T[], key: (one: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return [...groups.values()];
}

interface Tested {
  readonly p: number;
  readonly test: PairedTest;
}

/** The test of two rows, by the seeds that both have; undefined where they have none in common. */
function testOf(row: readonly DoneCell[], reference: readonly DoneCell[]): Tested | undefined {
  const pairs = row.flatMap((cell) => {
    const other = reference.find(({ seed }) => seed === cell.seed);
    return other ? [[cell.trained.test!, other.trained.test!] as const] : [];
  });
  if (pairs.length === 0) return undefined;
  const [first, second] = ([0, 1] as const).map((side) => pairs.map((pair) => pair[side]));
  const test = testFor(pairs.length);
  if (test === "paired-t") {
    const [a, b] = [first!, second!].map((all) => all.map(({ metrics }) => metrics.accuracy!));
    return { test, p: pairedT(a!, b!, resolution(first![0]!.right.length)) };
  }
  const [a, b] = [first!, second!].map((all) => all.map(({ right }) => Uint8Array.from(right, Number)));
  return { test, p: test === "mcnemar" ? mcnemar(a![0]!, b![0]!) : clusteredMcnemar(a!, b!) };
}

/**
 * The deviation that a difference of two accuracies has at least, as each is a whole number of n pictures: that of the sum of two
 * errors of rounding, each spread evenly over 1 / n and so of variance 1 / (12 n²).
 */
const resolution = (n: number): number => 1 / (Math.sqrt(6) * n);

function rowOf(
  group: readonly DoneCell[],
  timeOf: (model: string, labels: string) => AnswerTime | undefined,
): ComparisonRow {
  const [{ model, labels }] = group as [DoneCell];
  const all = group.map(({ trained }) => trained);
  const over = (value: (one: Trained) => number) => all.map(value);
  const deviation = (values: readonly number[]) => (values.length > 1 ? standardDeviation(values) : null);
  const accuracies = over(({ test }) => test!.metrics.accuracy!);
  const validations = over(({ validation }) => validation.accuracy ?? Number.NaN);
  const seconds = over((one) => one.seconds);
  const time = timeOf(model, labels);
  return {
    ...{ model, labels, labelled: all[0]!.labelled },
    seeds: group.length,
    accuracy: mean(accuracies),
    sd: deviation(accuracies),
    validationAccuracy: validations.some(Number.isNaN) ? null : mean(validations),
    ece: mean(over(({ test }) => test!.metrics.ece!)),
    fitSeconds: mean(seconds),
    fitSecondsSd: deviation(seconds),
    msPerPicture: time?.many ?? null,
    msOnePicture: time?.one ?? null,
    parameters: all[0]!.parameters,
    multiplyAdds: all[0]!.test!.multiplyAdds,
    peakMb: Math.max(...over(({ peakBytes }) => peakBytes)) / 1e6,
    modelBytes: Math.max(...over(({ test }) => test!.modelBytes)),
    ...{ reference: false, p: null, test: null },
  };
}
