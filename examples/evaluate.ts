// Every number of a trained run on a source: evaluate.ts RUN SOURCE
import { evaluate, load, open } from "genclass/node";

const [run, source] = process.argv.slice(2);
if (!run || !source) {
  console.error("usage: evaluate.ts RUN SOURCE");
  process.exit(2);
}
// What cannot be opened is told in a line.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  process.exit(1);
});

const model = await load(run);
const { height, width } = model.spec;
const data = await open(source, { image: { height, width } });
const { n, metrics, classification } = await evaluate(model, data.test ?? data.validation!, data.classes);
console.log(`${n} pictures`);
for (const { name, title } of model.metrics)
  if (metrics[name] !== undefined) console.log(`${title}: ${metrics[name].toFixed(4)}`);
for (const { name, precision, recall } of classification?.classes ?? [])
  console.log(`class ${name}: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}`);
await model.dispose();
