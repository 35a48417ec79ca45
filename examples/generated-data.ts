// More training pictures from a generative model: trained on what there is, asked for new ones, judged by teachers, added.
import { chooseBackend, glyphs, load, synthesize, train, withAdded, withValidation } from "genclass/node";

const out = process.argv[2] ?? "runs/generated";
const data = withValidation(glyphs({ train: 600, test: 0 }), 0.2, 0);
const options = { width: 8, hidden: 64, latent: 8 };
for await (const _ of train("vae", { data, out: `${out}/vae`, epochs: 12, batch: 50, options }));

const model = await load(`${out}/vae`);
const { backend } = chooseBackend();
const { data: more, classes } = await synthesize(model, data, { perClass: 20, backend });
await model.dispose();
for (const { name, drawn, passed, pictures } of classes)
  console.log(`class ${name}: ${passed} of ${drawn} drawn pictures pass; ${pictures} are added`);

// A third of each batch is new pictures.
for await (const event of train("cnn", { data: withAdded(data, more, 1 / 3), out: `${out}/cnn`, epochs: 2, batch: 50 }))
  if (event.type === "end") console.log(`accuracy ${event.metrics["validation/accuracy"]!.toFixed(3)}`);
