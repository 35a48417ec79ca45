// How likely a density model finds the test pictures: npx tsx results/likelihood.ts RUN [DRAWS] adds a line to results/likelihood.csv:
// the mean of ln p(x) over all test pictures, importance-weighted over DRAWS latent vectors each (200), and, on the first 500 of them,
// what the estimate gains from ten times as many. That is how much too low the estimate is, at the least.
import { chooseBackend, estimateLikelihood, load, open, RunFolder } from "../src/node.ts";
import { addRow, commit, fixed } from "./csv.ts";
import { training } from "./machine.ts";

/** Pictures, from the start, and the factor on the draws, that tell what more draws add. */
const CHECKED = 500;
const MORE = 10;

const [path, count = "200"] = process.argv.slice(2);
if (!path) throw new Error("npx tsx results/likelihood.ts RUN [DRAWS]");
const run = RunFolder.open(path);
const { config } = run;
const data = await open(config.data.location ?? config.data.source, { seed: config.seed });
const test = data.test!;
const draws = Number(count);
const model = await load(path, chooseBackend());
const whole = await estimateLikelihood(model, test, draws);
const few = await estimateLikelihood(model, test, draws, { pictures: CHECKED });
const more = await estimateLikelihood(model, test, MORE * draws, { pictures: CHECKED });
await model.dispose();

const row = {
  ...{ model: config.model, data: data.name, pixels: whole.binarisation ?? whole.of, pictures: whole.n },
  draws: whole.draws,
  ...fixed({ nats: -whole.mean, standard_error: whole.standardError, too_high: more.mean - few.mean }, 2),
  ...{ seed: config.seed, ...training(run), commit: commit() },
};
addRow("likelihood.csv", row);
process.stdout.write(`${JSON.stringify(row)}\n`);
