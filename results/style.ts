// Whether pictures that are translated to other classes are of these, and keep their style: npx tsx results/style.ts RUN JUDGE
// [PICTURES] adds a line to results/style.csv. Test pictures are translated to every class but their own. JUDGE is a run of a
// classifier that was trained by itself on the same data; "asked" is the share of translations that it takes for the class that was asked
// for. "slant" and "stroke" are correlations between a picture and its translations: slant is the covariance of the ink's columns and
// rows over the variance of its rows, the width of strokes twice the ink over the length of its edges. "own" are the same with the means
// of source and target class taken away, so that what a class brings with it does not count.
import { gather, range } from "../src/data/dataset.ts";
import { toBytes } from "../src/data/picture.ts";
import { argmax } from "../src/metrics/classification.ts";
import { findModel, parseOptions } from "../src/models/index.ts";
import { addRow, commit, fixed } from "./csv.ts";
import { openJudged } from "./judged-run.ts";
import { training } from "./machine.ts";

const { run, data, model, judge, n } = await openJudged("style", 1000);
const test = data.test!;
const k = data.classes.length;
const { height, width, channels } = test;
const size = test.pixels.size;
if (channels !== 1) throw new Error("expected grey pictures: style is measured on ink");
const pixels = await gather(test, range(0, n));

/** Slant, and width of strokes in pixels, of white ink. */
function styleOf(bytes: Uint8Array): readonly [slant: number, stroke: number] {
  const at = (y: number, x: number) => bytes[y * width + x]! / 255;
  let [ink, sumX, sumY, edges] = [0, 0, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      ink += at(y, x);
      sumX += x * at(y, x);
      sumY += y * at(y, x);
      if (y + 1 < height && x + 1 < width) edges += Math.hypot(at(y + 1, x) - at(y, x), at(y, x + 1) - at(y, x));
    }
  const [cx, cy] = [sumX / ink, sumY / ink];
  let [yy, xy] = [0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      yy += at(y, x) * (y - cy) ** 2;
      xy += at(y, x) * (y - cy) * (x - cx);
    }
  return [xy / yy, (2 * ink) / edges];
}

interface Translation {
  readonly from: number;
  readonly to: number;
  readonly right: boolean;
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
}
const found: Translation[] = [];
const before = Array.from({ length: n }, (_, i) => styleOf(pixels.subarray(i * size, (i + 1) * size)));
for (let to = 0; to < k; to++) {
  const made = toBytes((await model.translate(pixels, new Int32Array(n).fill(to))).data);
  const logits = (await judge.logits(made)).data;
  for (let i = 0; i < n; i++) {
    const from = test.labels[i]!;
    if (from === to) continue;
    const after = styleOf(made.subarray(i * size, (i + 1) * size));
    found.push({ from, to, right: argmax(logits, i * k, k) === to, before: before[i]!, after });
  }
}
await model.dispose();
await judge.dispose();

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
function correlation(x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [mean(x), mean(y)];
  const product = (a: readonly number[], b: readonly number[], ma: number, mb: number) =>
    mean(a.map((value, i) => (value - ma) * (b[i]! - mb)));
  return product(x, y, mx, my) / Math.sqrt(product(x, x, mx, mx) * product(y, y, my, my));
}
/** Values less the mean of their group. */
function centred(values: readonly number[], groups: readonly number[]): number[] {
  const means = new Map(
    [...new Set(groups)].map((group) => [group, mean(values.filter((_, i) => groups[i] === group))]),
  );
  return values.map((value, i) => value - means.get(groups[i]!)!);
}

// A picture without ink has no style.
const seen = found.filter(({ after }) => after.every(Number.isFinite));
const pairs = seen.map(({ from, to }) => from * k + to);
const values: Record<string, number> = { asked: mean(found.map(({ right }) => Number(right))) };
for (const [name, at] of [
  ["slant", 0],
  ["stroke", 1],
] as const) {
  const [x, y] = [seen.map((one) => one.before[at]), seen.map((one) => one.after[at])];
  values[name] = correlation(x, y);
  values[`${name} own`] = correlation(centred(x, pairs), centred(y, pairs));
}
/** What the run was told beside the defaults of today. */
const usual = parseOptions(findModel(run.config.model), {}) as Readonly<Record<string, unknown>>;
const changed = Object.entries(run.config.options).flatMap(([name, value]) =>
  value === usual[name] ? [] : [`${name}=${value}`],
);
addRow("style.csv", {
  ...{ model: run.config.model, data: data.name, translations: found.length },
  ...fixed(values, 4),
  ...{ seed: run.config.seed, ...training(run), options: changed.join(" "), commit: commit() },
});
for (const [name, value] of Object.entries(values)) process.stdout.write(`${name.padEnd(12)} ${value.toFixed(4)}\n`);
