// Pictures from the prior and from the mixture a class beside real ones: npx tsx results/samplers.ts RUN JUDGE [PICTURES] adds a
// line a sampler to results/samplers.csv. Fréchet distances are between features of JUDGE, a run of a network that was trained by
// itself, of the first test pictures and of as many generated ones; "real" are as many training pictures: no sampler is nearer.
// "asked" is how many of the pictures drawn of each class in turn the judge takes for that class.
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gather, range } from "../src/data/dataset.ts";
import { toBytes } from "../src/data/picture.ts";
import { argmax } from "../src/metrics/classification.ts";
import { frechetDistance } from "../src/metrics/frechet-distance.ts";
import { load, nativeBackend, open, RunFolder } from "../src/node.ts";
import { sampleMixture } from "../src/predict/mixture-sampler.ts";

const [path, judgePath, count = "10000"] = process.argv.slice(2);
if (!path || !judgePath) throw new Error("npx tsx results/samplers.ts RUN JUDGE [PICTURES]");
const backend = nativeBackend();
const [model, judge] = [await load(path, { backend }), await load(judgePath, { backend })];
const { config } = RunFolder.open(path);
const data = await open(config.data.location ?? config.data.source, { seed: config.seed });
const n = Math.min(Number(count), data.test!.labels.length);
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
const out = fileURLToPath(new URL("samplers.csv", import.meta.url));
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
if (!existsSync(out)) appendFileSync(out, "model,data,pictures,features,sampler,frechet,asked,commit\n");
const lines = [
  [config.model, data.name, n, d, "real", train.toFixed(4), "", commit],
  [config.model, data.name, n, d, "prior", prior.toFixed(4), "", commit],
  [config.model, data.name, n, d, "mixture", mixture.toFixed(4), (right / (each * k)).toFixed(4), commit],
];
for (const line of lines) appendFileSync(out, `${line.join(",")}\n`);
process.stdout.write(
  `real ${train.toFixed(3)}  prior ${prior.toFixed(3)}  mixture ${mixture.toFixed(3)}  asked ${right} of ${each * k}\n`,
);
await model.dispose();
await judge.dispose();
