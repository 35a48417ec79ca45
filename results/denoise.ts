// A run that learnt to denoise against filters that learn nothing: npx tsx results/denoise.ts RUN [PICTURES] adds a line each to
// results/denoise.csv. The pairs are those that `evaluate` uses, of the test part: noise is cut off at black and white. Each filter
// has the parameter that is best on these very pictures, and so have the gain and offset after it, since noise that is cut off
// makes dark places lighter: no use of the filter on others is better. PSNR is the mean over pictures, in dB.
import { gather, keptPartner, range } from "../src/data/dataset.ts";
import { meanSquaredError, psnr } from "../src/metrics/psnr.ts";
import { ssim } from "../src/metrics/ssim.ts";
import { load, open, RunFolder } from "../src/node.ts";
import { type Filter, gaussian, median, nonLocalMeans } from "./classic-filters.ts";
import { addRow, commit } from "./csv.ts";
import { training } from "./machine.ts";

const [path, count = "200"] = process.argv.slice(2);
if (!path) throw new Error("npx tsx results/denoise.ts RUN [PICTURES]");
const run = RunFolder.open(path);
const { config } = run;
// Of the run; filters have none.
const trained = { seed: config.seed, ...training(run) };
const { pairs } = config.data;
if (pairs?.change !== "denoise" || config.data.channels !== 1)
  throw new Error("expected a run that denoises grey pictures");
const data = await open(config.data.location ?? config.data.source, {
  pairs,
  seed: config.seed,
  validation: config.data.validation,
});
const test = data.test!;
const n = Math.min(Number(count), test.labels.length);
const { height, width } = test;
const size = height * width;
const [clean, noisy] = [
  await gather(test, range(0, n)),
  await gather({ ...test, pixels: keptPartner(test)! }, range(0, n)),
];
const pictureOf = (bytes: ArrayLike<number>, i: number, scale: number) =>
  Float64Array.from({ length: size }, (_, k) => bytes[i * size + k]! * scale);
const targets = Array.from({ length: n }, (_, i) => pictureOf(clean, i, 1 / 255));
const given = Array.from({ length: n }, (_, i) => pictureOf(noisy, i, 1 / 255));

interface Score {
  readonly psnr: number;
  readonly ssim: number;
}
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const score = (pictures: readonly Float64Array[]): Score => ({
  psnr: mean(pictures.map((x, i) => psnr(meanSquaredError(x, targets[i]!)))),
  ssim: mean(pictures.map((x, i) => ssim(x, targets[i]!, { height, width, channels: 1 }))),
});

/** Pictures through the gain and offset of least squared error, kept in 0..1. */
function corrected(pictures: readonly Float64Array[]): Float64Array[] {
  let [x, y, xx, xy] = [0, 0, 0, 0];
  for (const [i, picture] of pictures.entries())
    for (const [k, value] of picture.entries()) {
      const wanted = targets[i]![k]!;
      x += value;
      y += wanted;
      xx += value * value;
      xy += value * wanted;
    }
  const all = n * size;
  const gain = (all * xy - x * y) / (all * xx - x * x);
  const offset = (y - gain * x) / all;
  return pictures.map((picture) => picture.map((value) => Math.min(1, Math.max(0, gain * value + offset))));
}

const FILTERS: readonly (readonly [name: string, filter: Filter, parameters: readonly number[]])[] = [
  ["gaussian", gaussian, [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4]],
  ["median", median, [3, 5, 7]],
  ["non-local means", nonLocalMeans, [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1]],
];

const rows: [name: string, parameter: string, score: Score][] = [["noisy", "", score(given)]];
for (const [name, filter, parameters] of FILTERS) {
  const filtered = parameters.map((parameter) => given.map((picture) => filter(picture, height, width, parameter)));
  for (const [how, after] of [
    ["", (pictures: Float64Array[]) => pictures],
    [" and gain", corrected],
  ] as const) {
    const tried = parameters.map((parameter, i) => ({ parameter, ...score(after(filtered[i]!)) }));
    const best = tried.reduce((a, b) => (b.psnr > a.psnr ? b : a));
    rows.push([name + how, String(best.parameter), best]);
  }
}
const model = await load(path);
const { data: own } = await model.translate(noisy);
await model.dispose();
rows.push([config.model, "", score(Array.from({ length: n }, (_, i) => pictureOf(own, i, 1)))]);

for (const [name, parameter, found] of rows) {
  const values = { psnr: found.psnr.toFixed(2), ssim: found.ssim.toFixed(4) };
  addRow("denoise.csv", {
    ...{ data: data.name, noise: pairs.amount ?? "", pictures: n, method: name, parameter, ...values },
    ...(name === config.model ? trained : { seed: "", minutes: "", gflops: "" }),
    commit: commit(),
  });
  process.stdout.write(`${name.padEnd(26)} ${values.psnr} dB  ${values.ssim}\n`);
}
