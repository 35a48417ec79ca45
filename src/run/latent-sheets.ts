// Sheets of a model with latent vectors: what lies between pictures, and what single numbers of the vector stand for.
import { gather } from "../data/dataset.ts";
import { toBytes } from "../data/picture.ts";
import type { Evaluation } from "../predict/evaluate.ts";
import type { TrainedModel } from "../predict/trained.ts";
import { Random } from "../random/random.ts";

/** Pictures in a row, rows of interpolations, and numbers of the latent vector that are shown. */
const COLUMNS = 10;
const INTERPOLATIONS = 6;
const TRAVERSALS = 8;
/** Pictures whose latent vectors say which numbers vary, and how far. */
const SAMPLE = 256;
/** Standard deviations to either side in a traversal. */
const REACH = 2.5;

/** Pictures of a sheet, bytes `[n, h, w, c]`, with what is written below them. */
export interface SheetPictures {
  readonly caption: string;
  readonly pixels: Uint8Array;
  /** Pictures in a row. Default 10. */
  readonly columns?: number;
}

/** Decodes rows of ten latent vectors: vector `column` of row `row` is `code(row, column)`. */
async function decodeRows(
  model: TrainedModel,
  rows: number,
  code: (row: number, column: number) => ArrayLike<number>,
  label: (row: number) => number,
): Promise<Uint8Array> {
  const d = model.latentSize;
  const latent = new Float32Array(rows * COLUMNS * d);
  const labels = new Int32Array(rows * COLUMNS);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < COLUMNS; column++) {
      latent.set(code(row, column), (row * COLUMNS + column) * d);
      labels[row * COLUMNS + column] = label(row);
    }
  return toBytes((await model.decode(latent, labels)).data);
}

/** Some pictures of a set with their latent vectors, and the labels that a decoder may be told. */
async function encodedSample(model: TrainedModel, { set }: Evaluation) {
  const order = new Random(0, "latent sheets").permutation(set.labels.length).slice(0, SAMPLE);
  const labels = Int32Array.from(order, (i) => Math.max(0, set.labels[i]!));
  const { data } = await model.run("encode", { picture: await gather(set, order), label: labels });
  const d = model.latentSize;
  return { n: order.length, labels, code: (i: number) => data.subarray(i * d, (i + 1) * d) };
}

/** From one picture to another along straight lines between their latent vectors. */
export async function interpolations(model: TrainedModel, found: Evaluation): Promise<SheetPictures> {
  const { n, labels, code } = await encodedSample(model, found);
  const rows = Math.min(INTERPOLATIONS, n >> 1);
  const pixels = await decodeRows(
    model,
    rows,
    (row, column) => {
      const [from, to] = [code(2 * row), code(2 * row + 1)];
      return Float32Array.from(from, (value, j) => value + (column / (COLUMNS - 1)) * (to[j]! - value));
    },
    (row) => labels[2 * row]!,
  );
  return {
    caption: "Each row: from one reconstructed picture to another, evenly between their latent vectors",
    pixels,
  };
}

/** The numbers of the latent vector that vary most over pictures, each moved alone. */
export async function traversals(model: TrainedModel, found: Evaluation): Promise<SheetPictures> {
  const { n, labels, code } = await encodedSample(model, found);
  const statistics = Array.from({ length: model.latentSize }, (_, j) => {
    const values = Array.from({ length: n }, (_, i) => code(i)[j]!);
    const mean = values.reduce((a, b) => a + b, 0) / n;
    return { j, mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n) };
  });
  const chosen = statistics.sort((a, b) => b.deviation - a.deviation).slice(0, TRAVERSALS);
  const pixels = await decodeRows(
    model,
    chosen.length,
    (row, column) => {
      const { j, mean, deviation } = chosen[row]!;
      return code(0).with(j, mean + deviation * REACH * ((2 * column) / (COLUMNS - 1) - 1));
    },
    () => labels[0]!,
  );
  return {
    caption: `One picture; in each row one number of its latent vector goes from ${REACH} standard deviations below the mean of all pictures to as many above (those that vary most: ${chosen.map(({ j }) => j).join(", ")})`,
    pixels,
  };
}
