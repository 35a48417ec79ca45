// How well novelty tells pictures of classes that training has not seen: npx tsx results/left-out.ts FOLDER --backbone NETWORK
// [--model NAME]... [--pairs N] [--seed N] leaves N pairs of classes out in turn, which the seed draws, and adds a line for each model and
// pair to results/left-out.csv. Known pictures are the test part of the other classes; novel ones all of the two. Runs have default
// options. Nothing is chosen here. On caltech10 the score was chosen with training pictures of all classes but ketch and watch (left out
// in pairs, too), of CIFAR-10 and of Fashion-MNIST: the pair that nothing was chosen on is in results/novelty.csv.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Dataset, gather, type ImageSet, range, subset } from "../src/data/dataset.ts";
import { evaluate, load, nativeBackend, open, train } from "../src/node.ts";
import { findNovel } from "../src/predict/novel.ts";
import { Random } from "../src/random/random.ts";
import { addRow, commit, fixed } from "./csv.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backbone: { type: "string" },
    model: { type: "string", multiple: true, default: ["cnn", "vae"] },
    pairs: { type: "string", default: "5" },
    seed: { type: "string", default: "0" },
  },
});
const [folder] = positionals;
if (folder === undefined || values.backbone === undefined)
  throw new Error(
    "usage: npx tsx results/left-out.ts FOLDER --backbone NETWORK [--model NAME]... [--pairs N] [--seed N]",
  );
const seed = Number(values.seed);
const data = await open(folder, { image: { height: 224, width: 224 }, resize: "fill", seed });
const { classes } = data;
const pairs = classes.flatMap((_, a) => Array.from(range(a + 1, classes.length), (b) => [a, b]));
const order = new Random(seed, "pairs").permutation(pairs.length);

/** The pictures of a part that are of some classes, and those classes numbered anew. */
function ofClasses(set: ImageSet, kept: readonly number[]): ImageSet {
  const chosen = subset(
    set,
    range(0, set.labels.length).filter((i) => kept.includes(set.labels[i]!)),
  );
  return { ...chosen, labels: chosen.labels.map((label) => kept.indexOf(label)) };
}

const backend = nativeBackend();
const root = mkdtempSync(join(tmpdir(), "genclass-left-out-"));
for (const at of order.slice(0, Number(values.pairs))) {
  const pair = pairs[at]!;
  const kept = classes.map((_, c) => c).filter((c) => !pair.includes(c));
  const parts = { train: data.train, validation: data.validation!, test: data.test! };
  const known: Dataset = {
    ...data,
    classes: kept.map((c) => classes[c]!),
    train: ofClasses(parts.train, kept),
    validation: ofClasses(parts.validation, kept),
    test: ofClasses(parts.test, kept),
  };
  const left = pair.map((c) => classes[c]!).join("-and-");
  for (const name of values.model) {
    const run = join(root, `${name}-${left}`);
    for await (const _ of train(name, { data: known, backend, backbone: values.backbone, out: run, seed }));
    const model = await load(run, { backend });
    if ("lacking" in model.novelty) throw new Error(`${name} tells no novelty: ${model.novelty.lacking}`);
    const { novelty, metrics } = await evaluate(model, known.test!, known.classes);
    const novel = await Promise.all(
      Object.values(parts).map((part) => {
        const own = ofClasses(part, pair);
        return gather(own, range(0, own.labels.length));
      }),
    );
    const { n, auroc, aupr, fpr95, alarms } = await findNovel(model, novelty!, new Uint8Array(Buffer.concat(novel)));
    const stated = model.novelty.falseAlarms;
    const numbers = { auroc, aupr, fpr95, alarms, own_alarms: metrics.noveltyAlarms!, stated };
    const row = {
      ...{ model: name, data: data.name, left_out: left, seed, known: novelty!.length, pictures: n },
      ...fixed({ ...numbers, accuracy: metrics.accuracy! }, 5),
      commit: commit(),
    };
    addRow("left-out.csv", row);
    process.stderr.write(`${Object.values(row).join()}\n`);
    await model.dispose();
  }
}
rmSync(root, { recursive: true });
