// MNIST made imbalanced 50:1, with and without a remedy: npx tsx results/imbalance.ts writes results/imbalance.csv.
// Class k keeps 1000 · 50^(-k/9) training pictures: 1,000 zeros down to 20 nines, 2,866 in all; a tenth is validation. Every
// variant takes the same number of steps. The test part (balanced, 10,000) is looked at once, when a run has ended.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { subset } from "../src/data/dataset.ts";
import { evaluate, load, nativeBackend, open, withValidation } from "../src/node.ts";
import { Random } from "../src/random/random.ts";
import { startRun } from "../src/run/train.ts";
import { commit } from "./csv.ts";

const SEEDS = [0, 1, 2];
const STEPS = 800;
const BATCH = 128;
const VARIANTS = {
  none: {},
  "balanced weights": { classWeights: "balanced" },
  "sqrt weights": { classWeights: "sqrt" },
  "balanced sampling": { sampling: "balanced" },
} as const;

const backend = nativeBackend();
const mnist = await open("mnist", { validation: 0 });
const lines = ["variant,seed,balanced_accuracy,accuracy,rarest_recall,steps,commit"];
for (const seed of SEEDS) {
  const order = new Random(seed, "imbalance").permutation(mnist.train.labels.length);
  const left = Array.from({ length: 10 }, (_, k) => Math.round(1000 * 50 ** (-k / 9)));
  const kept = order.filter((i) => left[mnist.train.labels[i]!]!-- > 0);
  const data = withValidation({ ...mnist, name: "mnist-50-1", train: subset(mnist.train, kept) }, 0.1, seed);
  for (const [variant, remedy] of Object.entries(VARIANTS)) {
    const folder = mkdtempSync(join(tmpdir(), "genclass-imbalance-"));
    rmSync(folder, { recursive: true });
    const n = data.train.labels.length;
    const epochs = Math.round(STEPS / Math.ceil(n / BATCH));
    const { events } = await startRun("vae", { data, backend, out: folder, seed, batch: BATCH, epochs, ...remedy });
    let steps = 0;
    for await (const event of events) if (event.type === "end") steps = event.step;
    const model = await load(folder, { backend });
    const { metrics, classification } = await evaluate(model, data.test!, data.classes);
    await model.dispose();
    rmSync(folder, { recursive: true });
    const line = [
      variant,
      seed,
      metrics.balancedAccuracy!.toFixed(5),
      metrics.accuracy!.toFixed(5),
      classification!.classes[9]!.recall.toFixed(5),
      steps,
      commit(),
    ];
    lines.push(line.join(","));
    process.stderr.write(`${line.join("  ")}\n`);
  }
}
writeFileSync(fileURLToPath(new URL("imbalance.csv", import.meta.url)), `${lines.join("\n")}\n`);
