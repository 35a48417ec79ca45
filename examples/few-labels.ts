// Ten labels of each class; the other pictures are learnt from without. Compared with the same network on the labelled ones alone.
import { evaluate, gather, glyphs, inMemory, load, train, withLabels, withValidation } from "genclass/node";

const out = process.argv[2] ?? "runs/few-labels";
const data = withLabels(withValidation(glyphs({ train: 600, test: 200 }), 0.1, 0), 10, 0);

// The labelled pictures alone, for comparison.
const { train: all } = data;
const kept = [...all.labels.keys()].filter((i) => all.labels[i]! >= 0);
const size = all.height * all.width * all.channels;
const pixels = inMemory(size, await gather(all, kept));
const few = { ...data, train: { ...all, pixels, labels: Int32Array.from(kept, (i) => all.labels[i]!) } };

for (const [name, model, set] of [
  ["with all pictures", "vae", data],
  ["with the labelled ones", "cnn", few],
] as const) {
  const run = `${out}/${name.replaceAll(" ", "-")}`;
  const options = { fastWidths: "8-16", ...(model === "cnn" && { net: "fast" }) };
  for await (const _ of train(model, { data: set, out: run, epochs: 2, batch: 50, options }));
  const trained = await load(run);
  const { metrics } = await evaluate(trained, data.test!, data.classes);
  console.log(`${name}: accuracy ${metrics.accuracy!.toFixed(3)}`);
  await trained.dispose();
}
