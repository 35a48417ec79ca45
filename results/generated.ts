// Do generated training pictures help? npx tsx results/generated.ts adds what is missing to results/generated.csv, cell by cell;
// stopped, it goes on where it was. For each draw of a few real pictures of each class, the same classifier (cnn) is trained for
// equally many steps on the real ones as they are; with classic augmentation; with generated pictures in half of each batch; and
// with both. The generator (vae) and the teachers that judge its pictures see the same real pictures and no others, with classic
// augmentation: without it, new pictures would lie between a handful. The test part is looked at once, when a classifier has ended.
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { withAdded } from "../src/data/added.ts";
import { type Dataset, range, subset } from "../src/data/dataset.ts";
import { withLabels } from "../src/data/splits.ts";
import { cnn } from "../src/models/cnn.ts";
import { vae } from "../src/models/vae.ts";
import { chooseBackend, evaluate, open } from "../src/node.ts";
import { trainInMemory } from "../src/synthesis/in-memory.ts";
import { type Synthesis, synthesize } from "../src/synthesis/synthesize.ts";

const { values: asked } = parseArgs({
  options: {
    sets: { type: "string", default: "mnist,fashion-mnist" },
    sizes: { type: "string", default: "10,50,100,500" },
    draws: { type: "string", default: "5" },
    // Of the classifier; the generator takes twice as many.
    steps: { type: "string", default: "2000" },
    out: { type: "string", default: fileURLToPath(new URL("generated.csv", import.meta.url)) },
  },
});
const ARMS = {
  real: { augment: "none", generated: false },
  "real + classic": { augment: "auto", generated: false },
  "real + generated": { augment: "none", generated: true },
  all: { augment: "auto", generated: true },
} as const;
/** New pictures for a real one: the more, the fewer there are. */
const newPictures = (perClass: number) =>
  (perClass <= 10 ? 30 : perClass <= 50 ? 10 : perClass <= 100 ? 5 : 1) * perClass;
const BATCH = 128;
const HEAD = "data,per_class,draw,arm,steps,accuracy,new,kept,seconds,backend,commit";

const { out } = asked;
const steps = Number(asked.steps);
const { backend } = chooseBackend();
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
if (!existsSync(out)) writeFileSync(out, `${HEAD}\n`);
const keyOf = (cells: readonly (string | number)[]) => cells.slice(0, 5).join(",");
const done = new Set(
  readFileSync(out, "utf8")
    .split("\n")
    .map((line) => keyOf(line.split(","))),
);

for (const name of asked.sets.split(",")) {
  const whole = await open(name, { validation: 0 });
  for (const perClass of asked.sizes.split(",").map(Number))
    for (let draw = 0; draw < Number(asked.draws); draw++) {
      const real = fewOf(whole, perClass, draw);
      let made: Synthesis | undefined;
      for (const [arm, { augment, generated }] of Object.entries(ARMS)) {
        const key = [name, perClass, draw, arm, steps];
        if (done.has(keyOf(key))) continue;
        const begun = performance.now();
        if (generated) made ??= await generate(real, perClass, draw);
        const data = generated ? withAdded(real, made!.data, 0.5) : real;
        const model = await trainInMemory(cnn, data, {
          options: {},
          steps,
          batch: BATCH,
          augment,
          seed: draw,
          backend,
        });
        const { metrics } = await evaluate(model, whole.test!, whole.classes);
        await model.dispose();
        const line = [
          ...key,
          metrics.accuracy!.toFixed(5),
          ...(generated ? [made!.data.train.labels.length, keptShare(made!).toFixed(3)] : [0, ""]),
          ((performance.now() - begun) / 1000).toFixed(0),
          ...[backend.name, commit],
        ];
        appendFileSync(out, `${line.join(",")}\n`);
        process.stderr.write(`${line.join("  ")}\n`);
      }
    }
}

/** Some labelled pictures of each class, and no others. */
function fewOf(data: Dataset, perClass: number, draw: number): Dataset {
  const { train } = withLabels(data, perClass, draw);
  const labelled = range(0, train.labels.length).filter((i) => train.labels[i]! >= 0);
  return { ...data, train: subset(train, labelled) };
}

async function generate(real: Dataset, perClass: number, draw: number): Promise<Synthesis> {
  const generator = await trainInMemory(vae, real, {
    ...{ options: { latent: 16 }, steps: 2 * steps, batch: BATCH, augment: "auto", seed: draw, backend },
  });
  const made = await synthesize(generator, real, { perClass: newPictures(perClass), seed: draw, backend });
  await generator.dispose();
  return made;
}

function keptShare({ classes }: Synthesis): number {
  const sum = (of: "passed" | "drawn") => classes.reduce((total, told) => total + told[of], 0);
  return sum("passed") / sum("drawn");
}
