// Whether mirrored pictures keep their class, as far as the pictures themselves tell: an arrow to the left does not.
import { scattered } from "../base/scattered.ts";
import { areaMean, dot, luminance } from "./check/similarity.ts";
import { gather, type ImageSet, ownCount } from "./dataset.ts";

/** Labelled pictures that are looked at, at most. */
const LOOKED_AT = 500;
/** Pixels a side of what is looked at of a picture, its cells along each side, and the directions that edges are sorted by. */
const [SIDE, CELLS, DIRECTIONS] = [32, 4, 8];
/** Of fewer pictures of two classes chance says too much. */
const FEWEST_OF_TWO = 6;
/** The share of two classes' pictures that must be recognised, and of their mirror images that must be taken for the other one. */
const MOST = 2 / 3;
/** Standard deviations of chance that recognition must fall by, if mirror images of no two classes are those of each other. */
const CERTAIN = 4;

/**
 * Why mirror images of training pictures seem to be of another class, in words; undefined where they do not. Each labelled picture, and
 * its mirror image, is taken for the class of the nearest other picture, by how edges run in it and where it is light and of which
 * colour. Mirror images are of another class where those of two classes are taken for each other, or where fewer than half as many
 * are recognised as of the pictures themselves. Less than that says nothing: shoes that all point to the left are shoes when mirrored.
 */
export async function whyNotMirrored(set: ImageSet, classes: readonly string[]): Promise<string | undefined> {
  const index = someOfEachClass(set.labels.subarray(0, ownCount(set)), classes.length);
  const { size } = set.pixels;
  const pixels = await gather(set, index);
  const seen = index.map((_, i) => look(pixels.subarray(i * size, (i + 1) * size), set));
  const mirrored = seen.map((view) => mirrorImage(view));
  const labels = index.map((i) => set.labels[i]!);
  const [plain, turned] = [seen, mirrored].map((views) => views.map((view, i) => labels[nearestOther(view, seen, i)]!));
  const counts = (answers: readonly number[]) => {
    const table = classes.map(() => new Int32Array(classes.length));
    answers.forEach((answer, i) => {
      table[labels[i]!]![answer]!++;
    });
    return table;
  };
  const [before, after] = [counts(plain!), counts(turned!)];
  const sizes = before.map((row) => row.reduce((sum, count) => sum + count, 0));
  for (let a = 0; a < classes.length; a++)
    for (let b = 0; b < a; b++) {
      const both = sizes[a]! + sizes[b]!;
      const [known, swapped] = [before[a]![a]! + before[b]![b]!, after[a]![b]! + after[b]![a]!];
      const each = Math.min(after[a]![b]! / sizes[a]!, after[b]![a]! / sizes[b]!);
      if (both >= FEWEST_OF_TWO && known > MOST * both && swapped > MOST * both && each > 0.5)
        return `those of "${classes[b]}" and "${classes[a]}" look like each other`;
    }
  const right = (answers: readonly number[]) => answers.map((answer, i) => answer === labels[i]);
  const [is, was] = [right(turned!), right(plain!)];
  const lost = was.filter((known, i) => known && !is[i]).length;
  const won = is.filter((known, i) => known && !was[i]).length;
  const [found, of] = [is, was].map((known) => known.filter(Boolean).length) as [number, number];
  if (2 * found >= of || lost - won < CERTAIN * Math.sqrt(lost + won)) return undefined;
  const percent = (count: number) => `${Math.round((100 * count) / labels.length)} %`;
  return `the nearest picture is of the same class for ${percent(of)} of pictures, and for ${percent(found)} of their mirror images`;
}

/** Numbers of labelled pictures, of each class as many as of the others where it has them. */
function someOfEachClass(labels: Int32Array, classes: number): number[] {
  const members = Array.from({ length: classes }, (): number[] => []);
  labels.forEach((label, i) => {
    if (label >= 0) members[label]!.push(i);
  });
  const most = Math.max(2, Math.floor(LOOKED_AT / classes));
  const some = members.flatMap((of) => Array.from(scattered(of.length, Math.min(of.length, most)), (k) => of[k]!));
  return some.slice(0, LOOKED_AT);
}

/** What is compared of a picture: shares of its edges by cell and direction, as roots, and means of its cells, both of length 1. */
function look(picture: Uint8Array, shape: ImageSet): Float32Array {
  const grey = areaMean(luminance(picture, shape), shape.height, shape.width, SIDE, SIDE);
  const edges = new Float32Array(CELLS * CELLS * DIRECTIONS);
  for (let y = 1; y < SIDE - 1; y++)
    for (let x = 1; x < SIDE - 1; x++) {
      const at = y * SIDE + x;
      const [across, down] = [grey[at + 1]! - grey[at - 1]!, grey[at + SIDE]! - grey[at - SIDE]!];
      const turn = (Math.atan2(down, across) / Math.PI + 1) * DIRECTIONS;
      const [first, share] = [Math.floor(turn), turn % 1];
      const cell = (Math.floor((y * CELLS) / SIDE) * CELLS + Math.floor((x * CELLS) / SIDE)) * DIRECTIONS;
      const steep = Math.hypot(across, down);
      edges[cell + (first % DIRECTIONS)]! += steep * (1 - share);
      edges[cell + ((first + 1) % DIRECTIONS)]! += steep * share;
    }
  const cells = new Float32Array(CELLS * CELLS * shape.channels); // [cells, cells, c]
  const channel = new Float32Array(shape.height * shape.width);
  for (let k = 0; k < shape.channels; k++) {
    for (let i = 0; i < channel.length; i++) channel[i] = picture[i * shape.channels + k]!;
    areaMean(channel, shape.height, shape.width, CELLS, CELLS).forEach((value, i) => {
      cells[i * shape.channels + k] = value;
    });
  }
  const mean = cells.reduce((sum, value) => sum + value, 0) / cells.length;
  return Float32Array.of(
    ...ofLengthOne(edges.map((value) => Math.sqrt(value))),
    ...ofLengthOne(cells.map((value) => value - mean)),
  );
}

/** What is compared of the mirror image: cells in the other order along each row, and directions on the other side. */
function mirrorImage(view: Float32Array): Float32Array {
  const out = new Float32Array(view.length);
  const edges = CELLS * CELLS * DIRECTIONS;
  const channels = (view.length - edges) / (CELLS * CELLS);
  for (let cell = 0; cell < CELLS * CELLS; cell++) {
    const other = cell - (cell % CELLS) + CELLS - 1 - (cell % CELLS);
    for (let d = 0; d < DIRECTIONS; d++)
      out[cell * DIRECTIONS + d] = view[other * DIRECTIONS + ((DIRECTIONS - d) % DIRECTIONS)]!;
    for (let k = 0; k < channels; k++) out[edges + cell * channels + k] = view[edges + other * channels + k]!;
  }
  return out;
}

function ofLengthOne(values: Float32Array): Float32Array {
  const length = Math.sqrt(dot(values, values));
  return length > 0 ? values.map((value) => value / length) : values;
}

/** The number of the row nearest to `view` but for row `self`; rows are of one length. */
function nearestOther(view: Float32Array, rows: readonly Float32Array[], self: number): number {
  let [nearest, most] = [self, -Infinity];
  for (let i = 0; i < rows.length; i++) {
    if (i === self) continue;
    const product = dot(view, rows[i]!);
    if (product > most) [nearest, most] = [i, product];
  }
  return nearest;
}
