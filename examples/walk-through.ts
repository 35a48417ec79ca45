// The whole way with one model: train, stop, go on, evaluate, classify, reconstruct, generate, export.
import { writeFileSync } from "node:fs";
import * as genclass from "genclass/node";

const out = process.argv[2] ?? "runs/walk-through";
const data = genclass.withValidation(genclass.glyphs({ train: 1000, test: 200 }), 0.1, 0);

// Training tells what happens, and stops when it is asked to; what is learnt so far is in the run folder.
const stop = new AbortController();
const options = { width: 8, hidden: 64, latent: 8 };
for await (const event of genclass.train("vae", { data, out, epochs: 3, batch: 50, options, signal: stop.signal })) {
  if (event.type === "start") console.log(`${event.parameters} parameters, into ${event.run}`);
  if (event.type === "epoch") stop.abort();
  if (event.type === "end") console.log(`stopped at step ${event.step}: ${event.reason}`);
}
for await (const event of genclass.resume(out, { data }))
  if (event.type === "end") console.log(`went on to step ${event.step}: ${event.reason}`);

const model = await genclass.load(out);
const { metrics } = await genclass.evaluate(model, data.test!, data.classes);
console.log(`accuracy ${metrics.accuracy!.toFixed(3)}, reconstruction error ${metrics.mse!.toFixed(4)} a pixel`);

const [digit] = [await genclass.gather(data.test!, [0])];
const { label, probability, novelty } = await model.classify({ data: digit, width: 28, height: 28 });
console.log(`a ${label}, ${(100 * probability).toFixed(1)} %, novelty ${novelty?.toFixed(2) ?? "not told"}`);
const { shape } = await model.reconstruct(digit);
console.log(`reconstructed as [${shape}]`);

const { pixels, sampler } = await genclass.generate(model, 5, { class: "3", seed: 1, sampler: "mixture" });
console.log(`${pixels.length / 784} new threes from the ${sampler}`);

const { bytes, inputs } = await genclass.exportHead(model, model.backend, genclass.VERSION);
writeFileSync(`${out}/mine.onnx`, bytes);
console.log(`exported: takes ${inputs.join(", ")}`);
await model.dispose();
