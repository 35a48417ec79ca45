// How well a run on digits tells angles: npx tsx results/angle.ts RUN [PICTURES] turns pictures of the test part by random
// angles, and compares how much the run's head "angle" changes with how much they were turned. Prints a CSV table by class.
import { angleErrors } from "../src/metrics/circular.ts";
import { load, open, RunFolder } from "../src/node.ts";
import { turnErrors } from "../src/predict/angle-error.ts";

const [folder, count = "2000"] = process.argv.slice(2);
if (!folder) throw new Error("expected a run folder: npx tsx results/angle.ts RUN [PICTURES]");
const data = await open(RunFolder.open(folder).config.data.source);
const set = data.test ?? data.train;
const model = await load(folder);
const { index, errors } = await turnErrors(model, set, { pictures: Number(count) });
await model.dispose();

const line = (name: string, own: ArrayLike<number>) => {
  const { mean, median, within10 } = angleErrors(Array.from(own));
  return [name, own.length, mean.toFixed(2), median.toFixed(2), within10.toFixed(4)].join(",");
};
console.log("class,pictures,mean error (degrees),median error (degrees),share within 10 degrees");
for (const [label, name] of data.classes.entries())
  console.log(
    line(
      name,
      errors.filter((_, i) => set.labels[index[i]!] === label),
    ),
  );
console.log(line("all", errors));
