// More training pictures from a generative model: trained on what there is, asked for new ones of each class, added to the rest.
// What this does in the simplest way, synthesize() and "genclass augment" do with care: teachers judge each picture before it is added.
import { type Dataset, generate, glyphs, inMemory, load, train, withAdded, withValidation } from "genclass/node";

const out = process.argv[2] ?? "runs/generated";
const data = withValidation(glyphs({ train: 500, test: 0 }), 0.2, 0);
const options = { width: 8, hidden: 64, latent: 8 };
for await (const _ of train("vae", { data, out: `${out}/vae`, epochs: 3, batch: 50, options }));

const PER_CLASS = 20;
const model = await load(`${out}/vae`);
const { height, width, channels, classes } = model.spec;
const pixels = new Uint8Array(classes.length * PER_CLASS * height * width * channels);
for (const [label, name] of classes.entries()) {
  const { pixels: drawn } = await generate(model, PER_CLASS, { class: name, seed: label });
  pixels.set(drawn, label * drawn.length);
}
await model.dispose();

const labels = Int32Array.from({ length: classes.length * PER_CLASS }, (_, i) => Math.floor(i / PER_CLASS));
const pictures = { height, width, channels, pixels: inMemory(height * width * channels, pixels), labels };
const more: Dataset = { name: "generated", classes, train: pictures, mirror: data.mirror, warnings: [] };
console.log(`${labels.length} new pictures, ${PER_CLASS} of each class`);

// A third of each batch is new pictures.
const all = withAdded(data, more, 1 / 3);
for await (const event of train("vae", { data: all, out: `${out}/classifier`, epochs: 2, batch: 50, options }))
  if (event.type === "end") console.log(`accuracy ${event.metrics["validation/accuracy"]!.toFixed(3)}`);
