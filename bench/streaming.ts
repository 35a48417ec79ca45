// Memory of training from tar shards of 10,000 and of 200,000 pictures of 64x64x3, and what reading adds to a step:
//   npx tsx bench/streaming.ts [MINUTES] [--json]
// Pictures are 2,000 different JPEGs, repeated. Each size trains in a process of its own, begun without any cache.
import { spawnSync } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { pack } from "tar-stream";
import { Random } from "../src/random/random.ts";

const json = process.argv.includes("--json");
const [minutes = "1.2"] = process.argv.slice(2).filter((word) => word !== "--json");
const root = mkdtempSync(join(tmpdir(), "genclass-streaming-"));
const DIFFERENT = 2000;
const SHARD = 20_000;

async function jpegs(): Promise<Buffer[]> {
  const random = new Random(1, "pictures");
  return Promise.all(
    Array.from({ length: DIFFERENT }, (_, i) => {
      const coarse = Buffer.from(
        Array.from({ length: 8 * 8 * 3 }, (_, k) => (random.integer(200) + 25 * (k % 3) + i) % 256),
      );
      return sharp(coarse, { raw: { width: 8, height: 8, channels: 3 } })
        .resize(64, 64)
        .jpeg()
        .toBuffer();
    }),
  );
}

async function shards(folder: string, count: number, pictures: readonly Buffer[]): Promise<void> {
  mkdirSync(folder);
  for (let from = 0; from < count; from += SHARD) {
    const archive = pack();
    const done = pipeline(archive, createWriteStream(join(folder, `train-${from / SHARD}.tar`)));
    const put = (name: string, content: Buffer) =>
      new Promise<void>((resolve, reject) => {
        archive.entry({ name }, content, (error) => (error ? reject(error) : resolve()));
      });
    for (let i = from; i < Math.min(count, from + SHARD); i++) {
      await put(`${i}.jpg`, pictures[i % DIFFERENT]!);
      await put(`${i}.cls`, Buffer.from(String(i % 10)));
    }
    archive.finalize();
    await done;
  }
}

try {
  const pictures = await jpegs();
  const results: Record<string, number>[] = [];
  for (const count of [10_000, 200_000]) {
    const folder = join(root, String(count));
    await shards(folder, count, pictures);
    const { stdout, status } = spawnSync(
      process.execPath,
      ["--import", "tsx", fileURLToPath(new URL("streaming-worker.ts", import.meta.url)), folder, minutes],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, GENCLASS_CACHE: join(root, `cache-${count}`) },
      },
    );
    if (status !== 0) throw new Error(`training on ${count} pictures failed`);
    const measured = { pictures: count, ...(JSON.parse(stdout) as Record<"peakMb" | "stepMs" | "readMs", number>) };
    results.push(measured);
    const { peakMb, stepMs, readMs } = measured;
    process.stderr.write(
      `${count} pictures: peak ${peakMb.toFixed(0)} MB; a step ${stepMs.toFixed(1)} ms, reading decoded pictures for it ${readMs.toFixed(2)} ms (${((100 * readMs) / stepMs).toFixed(1)} %)\n`,
    );
  }
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
  else process.stdout.write(`memory ratio ${(results[1]!.peakMb! / results[0]!.peakMb!).toFixed(2)}\n`);
} finally {
  rmSync(root, { recursive: true });
}
