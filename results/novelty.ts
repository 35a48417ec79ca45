// How well novelty tells other pictures from those of a run's own test part: npx tsx results/novelty.ts RUN... [--with FOLDER]...
// [--most N] [--compared N] adds lines to results/novelty.csv. The score is what the run has stored; nothing is chosen here. Each run
// is compared with the test parts of the other named sets of its size and kind, with folders of pictures, which are brought to its
// size, and with drawn pictures, up to N of each (10,000); the last column is the largest difference of novelty between the exported
// ONNX file and the run, relative where it is above 1, over the first pictures of each kind (500).
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { ndarray, zeros } from "../src/base/array.ts";
import { evaluate, exportHead, load, nativeBackend, open, RunFolder, VERSION } from "../src/node.ts";
import { DRAWN_PICTURES, drawPictures, findNovel, picturesFor } from "../src/predict/novel.ts";
import { addRow, commit, fixed } from "./csv.ts";

const SETS = ["mnist", "fashion-mnist", "kmnist", "cifar10", "svhn"];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    with: { type: "string", multiple: true, default: [] },
    most: { type: "string", default: "10000" },
    compared: { type: "string", default: "500" },
  },
});
const [most, compared] = [Number(values.most), Number(values.compared)];

const backend = nativeBackend();
for (const path of positionals) {
  const { config } = RunFolder.open(path);
  const { image, resize } = config.data;
  const own = await open(config.data.location ?? config.data.source, {
    seed: config.seed,
    ...(image ? { image, resize } : {}),
  });
  const model = await load(path, { backend });
  if ("lacking" in model.novelty) throw new Error(`${path} tells no novelty: ${model.novelty.lacking}`);
  const { novelty, metrics } = await evaluate(model, own.test!, own.classes);
  const file = await backend.load((await exportHead(model, backend, VERSION)).bytes);
  const k = own.classes.length;
  const fileDifference = async (pictures: Uint8Array) => {
    const { height, width, channels } = model.spec;
    const n = Math.min(compared, pictures.length / (height * width * channels));
    const pixels = pictures.slice(0, n * height * width * channels);
    const results = { probabilities: zeros([n, k]), label: zeros([n], "int32"), novelty: zeros([n]) };
    await file.run({ pixels: ndarray("uint8", [n, height, width, channels], pixels) }, results);
    const said = await model.classify(pixels);
    return said.reduce((worst, { novelty }, i) => {
      const gap = Math.abs(novelty! - results.novelty.data[i]!) / Math.max(1, Math.abs(novelty!));
      return Math.max(worst, gap);
    }, 0);
  };
  /** The pictures of a named set of the run's size and kind, or of a folder; undefined where there are none on this machine. */
  const read = async (source: string): Promise<Uint8Array | undefined> => {
    const { height, width, channels } = model.spec;
    if (values.with.includes(source)) {
      const other = await open(source, { image: { height, width }, resize, validation: 0 });
      return picturesFor(other.test ?? other.train, model.spec, most);
    }
    const other = source === own.name ? undefined : await open(source).catch(() => undefined);
    const isAlike = other?.test?.height === height && other.test.channels === channels;
    return isAlike ? picturesFor(other.test!, model.spec, most) : undefined;
  };
  for (const source of [...SETS, ...values.with, ...DRAWN_PICTURES]) {
    const drawn = DRAWN_PICTURES.find((kind) => kind === source);
    const pictures = drawn ? drawPictures(drawn, model.spec, most) : await read(source);
    if (!pictures) continue;
    const { n, auroc, aupr, fpr95, alarms } = await findNovel(model, novelty!, pictures);
    const stated = model.novelty.falseAlarms;
    const row = {
      ...{ model: config.model, own: own.name, novel: basename(source), pictures: n },
      ...fixed({ auroc, aupr, fpr95, alarms, own_alarms: metrics.noveltyAlarms!, stated }, 5),
      ...{ onnx_difference: (await fileDifference(pictures)).toExponential(1), commit: commit() },
    };
    addRow("novelty.csv", row);
    process.stderr.write(`${Object.values(row).join()}\n`);
  }
  await file.dispose();
  await model.dispose();
}
