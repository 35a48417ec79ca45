// What options of acgan bring in a short time: npx tsx results/acgan-options.ts JUDGE RUN… writes a line for each run to
// results/acgan-options.csv. "asked" is the share of 2,000 generated pictures (classes in turn) that JUDGE, a run of a classifier that
// was trained by itself, takes for the class that was asked for; density and coverage compare 2,000 of them with validation pictures
// by its features. No test picture is looked at. Changes are those that the run asked for: `auto` are none, of MNIST.
import { gather, range } from "../src/data/dataset.ts";
import { toBytes } from "../src/data/picture.ts";
import { argmax } from "../src/metrics/classification.ts";
import { manifoldMetrics } from "../src/metrics/manifold.ts";
import { spreadRows } from "../src/metrics/sample-metrics.ts";
import { load, nativeBackend, open, RunFolder } from "../src/node.ts";
import { commit, fixed, putRow } from "./csv.ts";

const PICTURES = 2000;
const [judgePath, ...paths] = process.argv.slice(2);
if (!judgePath || paths.length === 0) throw new Error("npx tsx results/acgan-options.ts JUDGE RUN…");
const backend = nativeBackend();
const judge = await load(judgePath, { backend });
const featuresOf = async (picture: Uint8Array) => {
  const { data, shape } = await judge.run("features", { picture });
  return spreadRows({ data: data as Float32Array, width: shape[1]! });
};

for (const path of paths) {
  const run = RunFolder.open(path);
  const { config } = run;
  const { options, seed } = config;
  const data = await open(config.data.location ?? config.data.source, { seed });
  const model = await load(path, { backend });
  const k = data.classes.length;
  const generated = toBytes((await model.sample(PICTURES, { seed: 1 })).data);
  const logits = (await judge.logits(generated)).data;
  const right = [...range(0, PICTURES)].filter((i) => argmax(logits, i * k, k) === i % k).length;
  const real = await gather(data.validation!, range(0, Math.min(PICTURES, data.validation!.labels.length)));
  const { density, coverage } = manifoldMetrics(await featuresOf(real), await featuresOf(generated))!;
  const end = run.events().findLast((event) => event.type === "end");
  const row = {
    ...{ data: config.data.source, seed, conditioning: String(options.conditioning), loss: String(options.loss) },
    ...{
      norm: String(options.discriminatorNorm),
      penalty: String(options.penalty),
      weight: Number(options.penaltyWeight),
    },
    ...{ rates: `${options.rate}/${options.discriminatorRate}`, changes: String(options.diffAugment) },
    minutes: ((end?.seconds ?? 0) / 60).toFixed(1),
    ...fixed({ asked: (100 * right) / PICTURES }, 2),
    ...fixed({ density, coverage }, 3),
    commit: commit(),
  };
  console.log(row);
  putRow("acgan-options.csv", row, 9);
  await model.dispose();
}
await judge.dispose();
