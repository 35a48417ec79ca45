// Pictures from the prior and from the mixture a class beside real ones: npx tsx results/samplers.ts RUN JUDGE [PICTURES] adds a
// line a sampler to results/samplers.csv. Fréchet distances are between features of JUDGE, a run of a network that was trained by
// itself, of the first test pictures and of as many generated ones; "real" are as many training pictures: no sampler is nearer.
// "asked" is how many of the pictures drawn of each class in turn the judge takes for that class.
import { gather, range } from "../src/data/dataset.ts";
import { toBytes } from "../src/data/picture.ts";
import { argmax } from "../src/metrics/classification.ts";
import { frechetDistance } from "../src/metrics/frechet-distance.ts";
import { sampleMixture } from "../src/predict/mixture-sampler.ts";
import { addRow, commit } from "./csv.ts";
import { openJudged } from "./judged-run.ts";

const { run, data, model, judge, n } = await openJudged("samplers", 10_000);
const k = data.classes.length;
const featuresOf = async (picture: Uint8Array) => (await judge.run("features", { picture })).data as Float32Array;

const real = await featuresOf(await gather(data.test!, range(0, n)));
const d = real.length / n;
const distanceOf = async (pictures: Uint8Array) => frechetDistance(real, await featuresOf(pictures), n);

const train = await distanceOf(await gather(data.train, range(0, n)));
const prior = await distanceOf(toBytes((await model.sample(n)).data));
const mixture = await distanceOf(toBytes((await sampleMixture(model, n)).data));
let right = 0;
const each = Math.min(100, Math.ceil(n / k));
for (let wanted = 0; wanted < k; wanted++) {
  const logits = (await judge.logits(toBytes((await sampleMixture(model, each, { wanted })).data))).data;
  for (let i = 0; i < each; i++) if (argmax(logits, i * k, k) === wanted) right++;
}
const asked = (right / (each * k)).toFixed(4);
for (const row of [
  { sampler: "real", frechet: train.toFixed(4), asked: "" },
  { sampler: "prior", frechet: prior.toFixed(4), asked: "" },
  { sampler: "mixture", frechet: mixture.toFixed(4), asked },
])
  addRow("samplers.csv", {
    ...{ model: run.config.model, data: data.name, pictures: n, features: d, ...row },
    commit: commit(),
  });
process.stdout.write(
  `real ${train.toFixed(3)}  prior ${prior.toFixed(3)}  mixture ${mixture.toFixed(3)}  asked ${right} of ${each * k}\n`,
);
await model.dispose();
await judge.dispose();
