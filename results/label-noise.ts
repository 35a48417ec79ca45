// Wrong labels planted in MNIST and looked for by a run trained on them: npx tsx results/label-noise.ts writes
// results/label-noise.csv. 2 % of the 60,000 training labels become another class; the run trains on all of them for some
// epochs; the share of planted ones within the first 3 % of the suspicious list is reported.
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { load, nativeBackend, open, withValidation } from "../src/node.ts";
import { suspiciousLabels } from "../src/predict/suspicious.ts";
import { Random } from "../src/random/random.ts";
import { startRun } from "../src/run/train.ts";
import { commit } from "./csv.ts";

const SEEDS = [0, 1];
const WRONG = 0.02;
const LISTED = 0.03;
const EPOCHS = 3;

const backend = nativeBackend();
const mnist = await open("mnist", { validation: 0 });
const lines = ["seed,planted,listed,found,share,epochs,commit"];
for (const seed of SEEDS) {
  const random = new Random(seed, "wrong labels");
  const labels = mnist.train.labels.slice();
  const planted = new Set(random.permutation(labels.length).slice(0, Math.round(WRONG * labels.length)));
  for (const i of planted) labels[i] = (labels[i]! + 1 + random.integer(9)) % 10;
  const noisy = { ...mnist, train: { ...mnist.train, labels } };
  const folder = join(tmpdir(), `genclass-noise-${process.pid}-${seed}`);
  const { events } = await startRun("vae", {
    data: withValidation(noisy, 0.1, seed),
    backend,
    out: folder,
    seed,
    epochs: EPOCHS,
  });
  for await (const event of events) if (event.type === "epoch") process.stderr.write(`epoch ${event.epoch}\n`);
  const model = await load(folder, { backend });
  const list = (await suspiciousLabels(model, noisy.train)).slice(0, Math.ceil(LISTED * labels.length));
  await model.dispose();
  rmSync(folder, { recursive: true });
  const found = list.filter(({ index }) => planted.has(index)).length;
  lines.push([seed, planted.size, list.length, found, (found / planted.size).toFixed(4), EPOCHS, commit()].join(","));
  process.stderr.write(`${lines.at(-1)}\n`);
}
writeFileSync(fileURLToPath(new URL("label-noise.csv", import.meta.url)), `${lines.join("\n")}\n`);
