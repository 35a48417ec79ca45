// Fine-tuning: a run on other data begins from the weights of a trained one, of which a part stays as it is.
import { glyphs, train, withValidation } from "genclass/node";

const out = process.argv[2] ?? "runs/fine-tune";
const options = { width: 8, hidden: 64, latent: 8 };
const first = withValidation(glyphs({ train: 1000, test: 0 }), 0.1, 0);
for await (const _ of train("vae", { data: first, out: `${out}/first`, epochs: 2, batch: 50, options }));

// Other drawings, and few of them.
const second = withValidation(glyphs({ train: 300, test: 0, seed: 7 }), 0.3, 0);
const call = { data: second, epochs: 1, batch: 50, options };
const accuracies: Record<string, number> = {};
for await (const event of train("vae", { ...call, out: `${out}/anew` }))
  if (event.type === "end") accuracies.anew = event.metrics["validation/accuracy"]!;
for await (const event of train("vae", { ...call, out: `${out}/tuned`, from: `${out}/first`, freeze: ["encoder/"] }))
  if (event.type === "end") accuracies.tuned = event.metrics["validation/accuracy"]!;
console.log(
  `one epoch from nothing ${accuracies.anew!.toFixed(3)}, from the first run ${accuracies.tuned!.toFixed(3)}`,
);
