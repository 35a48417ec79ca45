// Pictures a second from a folder of class folders to 64x64: ours beside a bare parallel sharp loop, interleaved.
//   npx tsx bench/decode.ts FOLDER [ROUNDS] [--json]
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { open } from "../src/node.ts";

const [folder, rounds = "5"] = process.argv.slice(2) as [string, string?];
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".jpg"))
  .map((file) => join(folder, file));

async function bare(): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < files.length) await sharp(files[next++]!).resize(64, 64, { fit: "fill" }).raw().toBuffer();
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, worker));
}

async function rate(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (1000 * files.length) / (performance.now() - begun);
}

const ours = () => open(folder, { image: { height: 64, width: 64 } });
await bare();
const rates: [number, number][] = [];
for (let i = 0; i < Number(rounds); i++) rates.push([await rate(ours), await rate(bare)]);
const median = (k: 0 | 1) => rates.map((pair) => pair[k]).sort((a, b) => a - b)[rates.length >> 1]!;
const result = { pictures: files.length, ours: median(0), bare: median(1), ratio: median(0) / median(1) };
process.stdout.write(
  process.argv.includes("--json")
    ? `${JSON.stringify(result)}\n`
    : `${result.pictures} pictures: ours ${result.ours.toFixed(0)}/s, bare sharp ${result.bare.toFixed(0)}/s, ratio ${result.ratio.toFixed(2)}\n`,
);
