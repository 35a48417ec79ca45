// Trains a small VAE classifier on the built-in glyphs and asks it about new pictures.
import { gather, load, open, train } from "genclass/node";

const out = process.argv[2] ?? "runs/example";
const data = await open("glyphs");
for await (const event of train("vae", { data, source: "glyphs", out, epochs: 1, options: { width: 8, hidden: 64 } }))
  if (event.type === "epoch")
    console.log(`epoch ${event.epoch}: validation accuracy ${event.metrics["validation/accuracy"]}`);

const model = await load(out);
const pixels = await gather(data.test!, [0, 1, 2]);
for (const { label, probability, novelty } of await model.classify(pixels))
  console.log(label, probability.toFixed(3), novelty?.toFixed(2));
await model.dispose();
