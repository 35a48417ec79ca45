// Repeats experiments and writes results/classifiers.csv: npx tsx results/repeat.ts [ID | ID:SEED | ID:SEED@MINUTES …], with another
// budget than the experiment's where MINUTES (at 250 GFLOP/s) are given. Each run is one line; a line of the same experiment and
// seed is replaced; its run folder stays under runs/results. The test part is looked at once, by the evaluation that ends a run.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { commit, putRow } from "./csv.ts";
import { EXPERIMENTS } from "./experiments.ts";
import { MAIN, measured } from "./machine.ts";

const { trainsWith, gflops } = measured();

/** The budgets asked for, by ID or ID:SEED; undefined: the experiment's. */
const wanted = new Map(
  process.argv.slice(2).map((text) => {
    const [what, minutes] = text.split("@") as [string, string?];
    return [what, minutes === undefined ? undefined : Number(minutes)];
  }),
);
for (const experiment of EXPERIMENTS) {
  for (const seed of experiment.seeds) {
    const asked = [`${experiment.id}:${seed}`, experiment.id].find((what) => wanted.has(what));
    if (wanted.size > 0 && asked === undefined) continue;
    const minutesAt250 = wanted.get(asked ?? "") ?? experiment.minutesAt250;
    const folder = join("runs", "results", `${experiment.id}-${seed}`);
    rmSync(folder, { recursive: true, force: true });
    const budget = minutesAt250 === undefined ? [] : ["--minutes", ((minutesAt250 * 250) / gflops).toFixed(2)];
    const args = ["train", ...experiment.train, ...budget, "--seed", String(seed)];
    process.stderr.write(`genclass ${args.join(" ")}\n`);
    const begun = performance.now();
    const { stdout, status } = spawnSync(process.execPath, [MAIN, ...args, "--out", folder, "--json"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    const whole = (performance.now() - begun) / 1000;
    if (status !== 0) throw new Error(`experiment ${experiment.id} failed`);
    const { metrics, epochs, seconds } = JSON.parse(stdout) as {
      metrics: Record<string, number>;
      epochs: number;
      seconds: number;
    };
    const row = {
      id: experiment.id,
      seed,
      accuracy: metrics["test/accuracy"]!,
      // Not every model reconstructs, or has a bound.
      mse: metrics["test/mse"]?.toPrecision(5) ?? "",
      ece: metrics["test/ece"]!.toPrecision(4),
      nll: metrics["test/nll"]!.toPrecision(5),
      elbo: metrics["test/elbo"]?.toFixed(2) ?? "",
      validation_accuracy: metrics["validation/accuracy"]!.toFixed(5),
      epochs,
      seconds: (experiment.isWhole ? whole : seconds).toFixed(0),
      minutes_at_250: minutesAt250 ?? "",
      gflops: gflops.toFixed(0),
      commit: commit(),
      machine: `${availableParallelism()} cores with ${trainsWith}`,
      command: `genclass ${args.join(" ")}`,
    };
    putRow("classifiers.csv", row, 2);
  }
}
