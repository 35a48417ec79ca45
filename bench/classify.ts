// One picture classified in a fresh process: this checkout beside an older one, each on a run that it trained itself, in turns.
//   npx tsx bench/classify.ts PICTURE RUN OLDER_CHECKOUT OLDER_RUN [ROUNDS] [--json]
// Both checkouts are built (npm ci). Wall time is what people wait; processor time is told beside it, since others on the machine
// change it little. To compare on one core, start all of it there (taskset -c 1 …).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const words = process.argv.slice(2).filter((word) => word !== "--json");
const [picture, run, olderCheckout, olderRun, rounds = "15"] = words as [string, string, string, string, string?];
const SIDES = {
  ours: [fileURLToPath(new URL("..", import.meta.url)), run],
  older: [olderCheckout, olderRun],
} as const;

type Side = keyof typeof SIDES;
type Kind = "wall" | "processor";
const times: { side: Side; wall: number; processor: number }[] = [];

/** Has a process tell its processor time, in microseconds, when it ends. */
const TELL_TIME = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from "node:fs";
  process.on("exit", () => writeSync(3, JSON.stringify(process.cpuUsage())));`)}`;

function classify(side: Side): { wall: number; processor: number } {
  const [checkout, folder] = SIDES[side];
  const begun = performance.now();
  const { status, output } = spawnSync(
    process.execPath,
    ["--import", TELL_TIME, join(checkout, "dist/cli/main.js"), "classify", folder, picture],
    { stdio: ["ignore", "pipe", "pipe", "pipe"], encoding: "utf8" },
  );
  const wall = (performance.now() - begun) / 1000;
  if (status !== 0) throw new Error(`${checkout}: ${output[2]}`);
  const { user, system } = JSON.parse(output[3]!) as NodeJS.CpuUsage;
  return { wall, processor: (user + system) / 1e6 };
}

// The first of each fills the caches of the system.
for (let round = -1; round < Number(rounds); round++)
  for (const side of ["ours", "older"] as const) {
    const time = classify(side);
    if (round >= 0) times.push({ side, ...time });
  }

function median(of: Side, kind: Kind): number {
  const values = times.flatMap((time) => (time.side === of ? [time[kind]] : [])).sort((a, b) => a - b);
  return values[values.length >> 1]!;
}

const figures = (kind: Kind) => {
  const [ours, older] = [median("ours", kind), median("older", kind)];
  return { ours, older, ratio: ours / older };
};
const result = {
  node: process.version,
  rounds: Number(rounds),
  wallSeconds: figures("wall"),
  processorSeconds: figures("processor"),
};
const line = (name: string, { ours, older, ratio }: ReturnType<typeof figures>) =>
  `${name}: ours ${ours.toFixed(3)} s, older ${older.toFixed(3)} s, ratio ${ratio.toFixed(2)}\n`;
process.stdout.write(
  process.argv.includes("--json")
    ? `${JSON.stringify(result, null, 2)}\n`
    : line("wall", result.wallSeconds) + line("processor", result.processorSeconds),
);
