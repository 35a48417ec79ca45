// How well novelty tells other pictures from those of a run's own test part: npx tsx results/novelty.ts RUN... adds lines to
// results/novelty.csv. The score is what the run has stored; nothing is chosen here. Each run is compared with the test parts
// of the other named sets of its size and kind, and with drawn pictures; the last column is the largest difference of novelty
// between the exported ONNX file and the run, relative where it is above 1, over 500 pictures of each kind.
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ndarray, zeros } from "../src/base/array.ts";
import { evaluate, exportHead, load, nativeBackend, open, RunFolder, VERSION } from "../src/node.ts";
import { DRAWN_PICTURES, drawPictures, findNovel, picturesFor } from "../src/predict/novel.ts";

const SETS = ["mnist", "fashion-mnist", "kmnist", "cifar10", "svhn"];
const MOST = 10_000;
const COMPARED = 500;

const out = fileURLToPath(new URL("novelty.csv", import.meta.url));
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
if (!existsSync(out))
  appendFileSync(out, "model,own,novel,pictures,auroc,aupr,fpr95,alarms,own_alarms,stated,onnx_difference,commit\n");
const backend = nativeBackend();
for (const path of process.argv.slice(2)) {
  const { config } = RunFolder.open(path);
  const own = await open(config.data.location ?? config.data.source, { seed: config.seed });
  const model = await load(path, { backend });
  if ("lacking" in model.novelty) throw new Error(`${path} tells no novelty: ${model.novelty.lacking}`);
  const { novelty, metrics } = await evaluate(model, own.test!, own.classes);
  const file = await backend.load((await exportHead(model, backend, VERSION)).bytes);
  const k = own.classes.length;
  const fileDifference = async (pictures: Uint8Array) => {
    const { height, width, channels } = model.spec;
    const n = Math.min(COMPARED, pictures.length / (height * width * channels));
    const pixels = pictures.slice(0, n * height * width * channels);
    const results = { probabilities: zeros([n, k]), label: zeros([n], "int32"), novelty: zeros([n]) };
    await file.run({ pixels: ndarray("uint8", [n, height, width, channels], pixels) }, results);
    const said = await model.classify(pixels);
    return said.reduce((worst, { novelty }, i) => {
      const gap = Math.abs(novelty! - results.novelty.data[i]!) / Math.max(1, Math.abs(novelty!));
      return Math.max(worst, gap);
    }, 0);
  };
  for (const source of [...SETS, ...DRAWN_PICTURES]) {
    const drawn = DRAWN_PICTURES.find((kind) => kind === source);
    let pictures: Uint8Array;
    if (drawn) pictures = drawPictures(drawn, model.spec, MOST);
    else {
      if (source === own.name) continue;
      const other = await open(source).catch(() => undefined);
      // A set that is not on this machine, or of another size.
      if (!other?.test || other.test.height !== model.spec.height || other.test.channels !== model.spec.channels)
        continue;
      pictures = await picturesFor(other.test, model.spec, MOST);
    }
    const { n, auroc, aupr, fpr95, alarms } = await findNovel(model, novelty!, pictures);
    const numbers = [auroc, aupr, fpr95, alarms, metrics.noveltyAlarms!, model.novelty.falseAlarms];
    const line = [
      ...[config.model, own.name, source, n],
      ...numbers.map((value) => value.toFixed(5)),
      ...[(await fileDifference(pictures)).toExponential(1), commit],
    ].join(",");
    appendFileSync(out, `${line}\n`);
    process.stderr.write(`${line}\n`);
  }
  await file.dispose();
  await model.dispose();
}
