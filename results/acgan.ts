// Whether a run of acgan draws what it is asked for, and of what use that is: npx tsx results/acgan.ts RUN JUDGE [PICTURES [STEPS]]
// adds a line to results/acgan.csv. JUDGE is a run of a classifier that was trained by itself.
// "asked" is the share of PICTURES generated ones (10,000; classes in turn) that the judge takes for the class that was asked for,
// "worst" that of the class where it is least. "trained" is the accuracy on real test pictures of another classifier (cnn), trained
// for STEPS steps (4,000) of 128 on six times PICTURES generated ones and nothing else. The rest compares features that the judge
// has of 2,000 generated and of as many real test pictures: the Fréchet distance of all, density and coverage, and how near
// generated ones are to the training pictures, beside how near test pictures are.
import { sizeOf } from "../src/base/array.ts";
import { gather, range } from "../src/data/dataset.ts";
import { toBytes } from "../src/data/picture.ts";
import { inMemory } from "../src/data/pixels.ts";
import { argmax } from "../src/metrics/classification.ts";
import { copying } from "../src/metrics/copying.ts";
import { frechetDistance } from "../src/metrics/frechet-distance.ts";
import { manifoldMetrics } from "../src/metrics/manifold.ts";
import { spreadRows } from "../src/metrics/sample-metrics.ts";
import { cnn } from "../src/models/cnn.ts";
import { chooseBackend, evaluate } from "../src/node.ts";
import { trainInMemory } from "../src/synthesis/in-memory.ts";
import { addRow, commit } from "./csv.ts";
import { openJudged } from "./judged-run.ts";
import { training } from "./machine.ts";

const { backend } = chooseBackend();
const { run, data, model, judge, n, more } = await openJudged("acgan", 10_000, backend);
const [steps = "4000"] = more;
const { config } = run;
const trained = training(run);
const test = data.test!;
const k = data.classes.length;
const percent = (share: number) => (100 * share).toFixed(2);
const inTurn = (length: number) => Int32Array.from({ length }, (_, i) => i % k);
const generate = async (length: number, seed: number) => toBytes((await model.sample(length, { seed })).data);
const featuresOf = async (picture: Uint8Array) => {
  const { data, shape } = await judge.run("features", { picture });
  return { data: data as Float32Array, width: shape[1]! };
};

const generated = await generate(n, 1);
const logits = (await judge.logits(generated)).data;
const right = inTurn(n).map((asked, i) => Number(argmax(logits, i * k, k) === asked));
const shareOf = (rows: Int32Array) => rows.reduce((sum, one) => sum + one, 0) / rows.length;
const ofClass = data.classes.map((_, c) => shareOf(right.filter((_, i) => i % k === c)));

const ofGenerated = await featuresOf(generated);
const ofTest = await featuresOf(await gather(test, range(0, n)));
const ofTraining = await featuresOf(await gather(data.train, range(0, Math.min(n, data.train.labels.length))));
const distance = frechetDistance(ofTest.data, ofGenerated.data, n);
const few = spreadRows(ofGenerated);
const { density, coverage } = manifoldMetrics(spreadRows(ofTest), few)!;
const { medianRatio, nearShare } = copying(few, ofTraining, spreadRows(ofTest));

// A seed that no picture above was drawn with.
const { height, width, channels } = model.spec;
const pixels = inMemory(sizeOf([height, width, channels]), await generate(6 * n, 2));
const train = { height, width, channels, pixels, labels: inTurn(6 * n) };
const student = await trainInMemory(
  cnn,
  { name: "generated", classes: data.classes, train, mirror: data.mirror, warnings: [] },
  { options: {}, steps: Number(steps), batch: 128, augment: "auto", seed: config.seed, backend },
);
const { accuracy } = (await evaluate(student, test, data.classes)).metrics;
for (const one of [model, judge, student]) await one.dispose();

const line = {
  ...{ data: data.name, seed: config.seed, conditioning: String(config.options.conditioning), pictures: n },
  ...{ asked: percent(shareOf(right)), worst: percent(Math.min(...ofClass)), trained: percent(accuracy!) },
  ...{ frechet: distance.toFixed(3), density: density.toFixed(3), coverage: coverage.toFixed(3) },
  ...{ nearest_ratio: medianRatio.toFixed(3), nearest_share: nearShare.toFixed(3) },
  ...{ steps, ...trained, backend: backend.name, commit: commit() },
};
addRow("acgan.csv", line);
for (const [c, name] of data.classes.entries()) console.log(`${name}: ${percent(ofClass[c]!)} %`);
console.log(line);
