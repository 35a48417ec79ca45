// Trains the joint VAE on a source for so many minutes, with validation at the end; prints peak memory, the median step, and the time that reading the
// pictures of a batch takes once they are decoded. Used by streaming.ts.
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StreamBatches } from "../src/data/streams.ts";
import { nativeBackend, open } from "../src/node.ts";
import { startRun } from "../src/run/train.ts";

const [source, minutes] = process.argv.slice(2) as [string, string];
const BATCH = 128;
const data = await open(source, { validation: 0.01 });
const out = join(tmpdir(), `genclass-streaming-run-${process.pid}`);
let done = 0;
const times: number[] = [];
let last = performance.now();
const { events } = await startRun("vae", {
  data,
  backend: nativeBackend(),
  out,
  batch: BATCH,
  options: { training: "joint" },
  minutes: Number(minutes),
});
for await (const event of events) {
  if (event.type !== "step") continue;
  done = event.step;
  times.push(performance.now() - last);
  last = performance.now();
}
rmSync(out, { recursive: true });
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
// The first batches again: their pictures are decoded.
const batches = new StreamBatches(data.train, { size: BATCH, seed: 0, augmentation: {} });
const reads: number[] = [];
for (let step = 0; step < Math.min(50, done); step++) {
  const begun = performance.now();
  await batches.at(step);
  reads.push(performance.now() - begun);
}
process.stdout.write(
  JSON.stringify({ peakMb: process.resourceUsage().maxRSS / 1024, stepMs: median(times), readMs: median(reads) }),
);
