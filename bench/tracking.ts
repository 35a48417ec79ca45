// What logs and trackers cost a step: the same training with them (events.jsonl, results.csv, TensorBoard, MLflow) and without any:
//   npx tsx bench/tracking.ts [--json] [--rounds N] [--epochs N] [--models vae,cnn]
// Both sides write checkpoints and train in turn, in one process; each round begins with the other one. A small server that
// answers as MLflow does is a process of its own. Of the steps of an epoch the mean is taken, of epochs the median, and of the two sides of
// each round the ratio: a machine that gets slower or faster meanwhile does so for both. Told are the median ratio of the rounds and their
// quartiles, as the clock has it, and as time of this process's processors, which other processes disturb less. Pinned to a processor
// (taskset), the clock has the server's work too.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { glyphs } from "../src/data/sets/glyphs.ts";
import { withValidation } from "../src/data/splits.ts";
import { quantile } from "../src/metrics/quantile.ts";
import { findModel } from "../src/models/index.ts";
import { nativeBackend } from "../src/node.ts";
import { Checkpoints } from "../src/run/checkpoints.ts";
import { fitOptions } from "../src/run/follow.ts";
import { startRun } from "../src/run/train.ts";
import type { RunEvent } from "../src/train/events.ts";
import { fit } from "../src/train/fit.ts";
import { SmallMlflow } from "../test/run/mlflow-server.ts";

const SERVES = "serve";
if (process.argv[2] === SERVES) {
  const server = new SmallMlflow();
  await server.start();
  process.send!(server.url);
  // Until whoever began it is gone.
  process.once("disconnect", () => process.exit());
} else await measure();

/** Milliseconds. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean" },
      rounds: { type: "string", default: "8" },
      epochs: { type: "string", default: "1" },
      models: { type: "string", default: "vae,cnn" },
    },
  });
  const root = mkdtempSync(join(tmpdir(), "genclass-tracking-"));
  const server = fork(fileURLToPath(import.meta.url), [SERVES]);
  const [url] = (await once(server, "message")) as [string];
  const rows: Awaited<ReturnType<typeof compared>>[] = [];
  try {
    for (const model of values.models.split(",")) {
      const row = await compared(model, join(root, model), url, Number(values.rounds), Number(values.epochs));
      rows.push(row);
      if (!values.json) process.stdout.write(`${JSON.stringify(row)}\n`);
    }
  } finally {
    server.disconnect();
    rmSync(root, { recursive: true });
  }
  if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
}

async function compared(name: string, root: string, url: string, rounds: number, epochs: number) {
  const data = withValidation(glyphs({ train: 8000, test: 100 }), 0.1, 0);
  // Of those that this process may run on: more threads than processors wait for each other.
  const backend = nativeBackend({ threads: availableParallelism() });
  const call = { data, backend, seed: 0, batch: 128, epochs };
  const tracked = async (round: number) =>
    startRun(name, { ...call, out: join(root, `tracked-${round}`), track: `mlflow=${url}` });
  // The first is warmed up with, and says what the other side trains.
  const first = await tracked(-1);
  await costs(first.events);
  const model = findModel(name);
  const bare = (round: number) => {
    const folder = join(root, `bare-${round}`);
    mkdirSync(folder);
    const checkpoints = new Checkpoints(folder);
    return fit({
      ...fitOptions(first.run.config, model, call, undefined, undefined),
      save: (which, snapshot) => checkpoints.save(which, { ...snapshot, logs: {} }),
    });
  };
  const found = { with: [] as Cost[], without: [] as Cost[] };
  for (let round = 0; round < rounds; round++) {
    const sides = [
      async () => found.with.push(middle(await costs((await tracked(round)).events))),
      async () => found.without.push(middle(await costs(bare(round)))),
    ];
    for (const side of round % 2 === 0 ? sides : sides.reverse()) await side();
  }
  const told = (kind: keyof Cost) => {
    const ratios = Float64Array.from(found.with, (cost, round) => cost[kind] / found.without[round]![kind]);
    const [low, ratio, high] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share));
    return { ms: quantile(ofKind(found.without, kind), 0.5), ratio, quartiles: [low!, high!] as const };
  };
  return { model: name, rounds, epochs, clock: told("wall"), processor: told("cpu") };
}

function ofKind(costs: readonly Cost[], kind: keyof Cost): Float64Array {
  return Float64Array.from(costs, (cost) => cost[kind]);
}

/** The median of each kind. */
function middle(costs: readonly Cost[]): Cost {
  return { wall: quantile(ofKind(costs, "wall"), 0.5), cpu: quantile(ofKind(costs, "cpu"), 0.5) };
}

/** What a step of each epoch cost: from the first that is told to the last. */
async function costs(events: AsyncIterable<RunEvent>): Promise<Cost[]> {
  const list: Cost[] = [];
  let begun: { epoch: number; step: number; at: number; cpu: number } | undefined;
  let last: Cost | undefined;
  for await (const event of events) {
    if (event.type === "epoch") {
      if (last) list.push(last);
      begun = last = undefined;
    }
    if (event.type !== "step") continue;
    const { user, system } = process.cpuUsage();
    const [at, cpu] = [performance.now(), (user + system) / 1000];
    if (!begun) begun = { epoch: event.epoch, step: event.step, at, cpu };
    const steps = event.step - begun.step;
    if (steps > 0) last = { wall: (at - begun.at) / steps, cpu: (cpu - begun.cpu) / steps };
  }
  return list;
}
