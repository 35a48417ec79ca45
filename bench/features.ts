// Features of a frozen network for a folder of pictures: ours, as a run computes them, beside bare parallel decoding with a bare
// onnxruntime session, interleaved; and a second run, which finds them in the cache.
//   npx tsx bench/features.ts FOLDER NETWORK.onnx [ROUNDS] [--json]
// FOLDER has class folders. The network takes [n, 3, h, w] in 0..1, of any n, and gives its features as its one output.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { type NdArray, zeros } from "../src/base/array.ts";
import { cnn } from "../src/models/cnn.ts";
import { chooseBackend, nativeBackend, open } from "../src/node.ts";
import { openBackbone } from "../src/run/backbone.ts";
import { frozenFeatures } from "../src/run/features.ts";
import { answeringBackend } from "../src/runtime/choose.ts";

const json = process.argv.includes("--json");
const [folder, network, rounds = "3"] = process.argv.slice(2).filter((word) => word !== "--json") as string[];
if (!folder || !network) throw new Error("give a folder of class folders and an .onnx file");
const BATCH = 32;
const cache = mkdtempSync(join(tmpdir(), "genclass-features-"));
process.env.GENCLASS_CACHE = cache;

const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".jpg"))
  .map((file) => join(folder, file));
const { backbone } = openBackbone(cnn, { backbone: network, normalise: "none", freeze: ["all"], image: null })!;
const { height, width, channels } = backbone.network.input as { height: number; width: number; channels: number };
const image = { height, width };

const session = await nativeBackend().load(readFileSync(network));
const { name: inputName } = backbone.network.input;
const [outputName] = backbone.network.outputs as [string];
const probe = await open(folder, { image, resize: "fill", validation: 0 });
const backend = answeringBackend(chooseBackend().backend);
const featureWidth = (await features()).train.shape.at(-1)!;

/** What a run does before it trains: it opens the data and has the features of each picture as it is. */
async function features() {
  const data = await open(folder!, { image, resize: "fill", validation: 0 });
  return frozenFeatures({ backbone, data, backend, augment: "none", seed: 0 });
}

/** Ours, without what an earlier round has left. */
async function fresh() {
  rmSync(join(cache, "features"), { recursive: true, force: true });
  return features();
}

/** Decoding on every core, planes of 0..1, and the file as it is. */
async function bare(): Promise<Float32Array[]> {
  const plane = height * width;
  const rows: Float32Array[] = [];
  let next = 0;
  const decoded: Promise<Buffer>[] = [];
  const decode = (file: string) => sharp(file).resize(width, height, { fit: "cover" }).removeAlpha().raw().toBuffer();
  const ahead = () => {
    while (next < files.length && decoded.length < 2 * BATCH) decoded.push(decode(files[next++]!));
  };
  ahead();
  while (decoded.length > 0) {
    const pictures = await Promise.all(decoded.splice(0, BATCH));
    ahead();
    const pixels: NdArray = zeros([pictures.length, channels, height, width]);
    for (const [i, picture] of pictures.entries()) {
      const colours = picture.length / plane;
      for (let c = 0; c < channels; c++)
        for (let p = 0; p < plane; p++)
          pixels.data[(i * channels + c) * plane + p] = picture[p * colours + (c % colours)]! / 255;
    }
    const output = zeros([pictures.length, featureWidth]);
    await session.run({ [inputName]: pixels }, { [outputName]: output });
    rows.push(output.data as Float32Array);
  }
  return rows;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

const WORK = { ours: fresh, again: features, bare };
const times: Record<keyof typeof WORK, number[]> = { ours: [], again: [], bare: [] };
await bare();
for (let round = 0; round < Number(rounds); round++)
  for (const name of Object.keys(WORK) as (keyof typeof WORK)[]) times[name].push(await seconds(WORK[name]));
rmSync(cache, { recursive: true, force: true });
const median = (name: keyof typeof times) => times[name].sort((a, b) => a - b)[times[name].length >> 1]!;
const rate = (name: keyof typeof times) => probe.train.labels.length / median(name);
const [ours, bareRate] = [rate("ours"), rate("bare")];
const result = {
  pictures: probe.train.labels.length,
  cores: availableParallelism(),
  ours,
  bare: bareRate,
  ratio: ours / bareRate,
  again: median("again"),
};
process.stdout.write(
  json
    ? `${JSON.stringify(result)}\n`
    : `${result.pictures} pictures a second: ours ${ours.toFixed(1)}, bare ${bareRate.toFixed(1)}; ratio ${result.ratio.toFixed(2)}; from the cache after ${result.again.toFixed(2)} s\n`,
);
