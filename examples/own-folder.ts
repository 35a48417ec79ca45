// Trains on a folder of your own, photos/CLASS/*.jpg, and asks about one of its pictures: own-folder.ts photos/ cat.jpg [runs/photos]
import { load, open, train } from "genclass/node";

const [folder, picture, out = "runs/photos"] = process.argv.slice(2);
if (!folder || !picture) {
  console.error("usage: own-folder.ts FOLDER PICTURE [RUN]");
  process.exit(2);
}
// What cannot be opened is told in a line.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  process.exit(1);
});

// A tenth of each class is held out, unless there is a folder of it: photos/train/CLASS, photos/validation/CLASS, photos/test/CLASS.
const data = await open(folder, { image: { height: 28, width: 28 } });
for (const { text } of data.warnings) console.warn(text);

for await (const event of train("cnn", { data, source: folder, out, epochs: 3 }))
  if (event.type === "epoch") console.log(`epoch ${event.epoch}: ${event.metrics["validation/accuracy"]?.toFixed(3)}`);

const model = await load(out);
const { label, probability } = await model.classify(picture);
console.log(`${picture} is ${label} (${(100 * probability).toFixed(1)} %)`);
await model.dispose();
