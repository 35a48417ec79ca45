// Whether explanations hold for another judge, and how much they change: npx tsx results/explain.ts RUN JUDGE [PICTURES] adds a
// line to results/explain.csv. RUN explains the first pictures of its test part, each for a random other class; JUDGE is a run of
// a network that was trained by itself. Change is compared with that to the nearest training picture of the class.
import { gather, range } from "../src/data/dataset.ts";
import { argmax, softmaxRows } from "../src/metrics/classification.ts";
import { evaluate } from "../src/node.ts";
import { explain } from "../src/predict/explain.ts";
import { Random } from "../src/random/random.ts";
import { addRow, commit, fixed } from "./csv.ts";
import { openJudged } from "./judged-run.ts";

const { run, data, model, judge, n } = await openJudged("explain", 1000);
const k = data.classes.length;
const pictures = await gather(data.test!, range(0, n));
const size = pictures.length / n;
const random = new Random(0, "targets of explanations");
const answers = (await model.logits(pictures)).data;
const targets = Int32Array.from({ length: n }, (_, i) => (argmax(answers, i * k, k) + 1 + random.integer(k - 1)) % k);

const before = performance.now();
const found = await explain(model, pictures, targets);
const seconds = (performance.now() - before) / 1000 / n;
await explain(model, pictures.slice(0, size), targets.slice(0, 1)); // Compiled for one picture.
const start = performance.now();
await explain(model, pictures.slice(0, size), targets.slice(0, 1));
const secondsAlone = (performance.now() - start) / 1000;

const changed = Buffer.concat(found.map((one) => one.changed));
const judged = softmaxRows((await judge.logits(changed)).data, k, judge.temperature);
const share = (holds: (i: number) => boolean) => found.filter((_, i) => holds(i)).length / n;
const train = await gather(data.train);
const distance = (a: Uint8Array, b: Uint8Array, j: number) => {
  let total = 0;
  for (let p = 0; p < size; p++) total += Math.abs(a[p]! - b[j * size + p]!);
  return total;
};
const ratios = found.map((one, i) => {
  const picture = pictures.subarray(i * size, (i + 1) * size);
  let nearest = Number.POSITIVE_INFINITY;
  data.train.labels.forEach((label, j) => {
    if (label === one.to) nearest = Math.min(nearest, distance(picture, train, j));
  });
  return distance(picture, one.changed, 0) / nearest;
});
ratios.sort((a, b) => a - b);
const numbers = {
  valid: share((i) => found[i]!.valid),
  judge_agrees: share((i) => argmax(judged, i * k, k) === targets[i]),
  judge_sure: share((i) => judged[i * k + targets[i]!]! > 0.9),
  median_change_ratio: ratios[n >> 1]!,
  seconds,
  seconds_alone: secondsAlone,
  judge_accuracy: (await evaluate(judge, data.test!, data.classes)).metrics.accuracy!,
};
addRow("explain.csv", {
  ...{ model: run.config.model, data: data.name, pictures: n },
  ...fixed(numbers, 4),
  commit: commit(),
});
process.stdout.write(`${JSON.stringify(numbers, null, 2)}\n`);
await model.dispose();
await judge.dispose();
