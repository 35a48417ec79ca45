// How well a run on digits tells angles: npx tsx results/angle.ts RUN [PICTURES] turns pictures of the test part by random
// angles, and compares how much the run's head "angle" changes with how much they were turned. Prints a CSV table by class.
import { gather } from "../src/data/dataset.ts";
import { turnPicture } from "../src/data/turn.ts";
import { angleErrors, wrapDegrees } from "../src/metrics/circular.ts";
import { load, open, RunFolder } from "../src/node.ts";
import { Random } from "../src/random/random.ts";

/** Digits that look the same upside down. */
const HALF_TURN = new Set(["0", "1", "8"]);

const [folder, count = "2000"] = process.argv.slice(2);
if (!folder) throw new Error("expected a run folder: npx tsx results/angle.ts RUN [PICTURES]");
const data = await open(RunFolder.open(folder).config.data.source);
const set = data.test ?? data.train;
const random = new Random(0, "angle of test pictures");
const chosen = random.permutation(set.labels.length).slice(0, Number(count));
const pictures = await gather(set, chosen);
const { size } = set.pixels;
const turned = new Uint8Array(pictures.length);
const angles = Array.from(chosen, (_, i) => {
  const angle = 360 * random.uniform();
  turned.set(turnPicture(pictures.subarray(i * size, (i + 1) * size), set, (angle * Math.PI) / 180), i * size);
  return angle;
});
const model = await load(folder);
const told = async (picture: Uint8Array) => (await model.run("angle", { picture })).data;
const [before, after] = [await told(pictures), await told(turned)];
await model.dispose();
const errors = angles.map((angle, i) => {
  const period = HALF_TURN.has(data.classes[set.labels[chosen[i]!]!]!) ? 180 : 360;
  return Math.abs(wrapDegrees(after[i]! - before[i]! - angle, period));
});

const line = (name: string, own: readonly number[]) => {
  const { mean, median, within10 } = angleErrors(own);
  return [name, own.length, mean.toFixed(2), median.toFixed(2), within10.toFixed(4)].join(",");
};
console.log("class,pictures,mean error (degrees),median error (degrees),share within 10 degrees");
for (const [label, name] of data.classes.entries())
  console.log(
    line(
      name,
      errors.filter((_, i) => set.labels[chosen[i]!] === label),
    ),
  );
console.log(line("all", errors));
