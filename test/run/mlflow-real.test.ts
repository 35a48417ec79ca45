// The MLflow tracker against MLflow itself, whose server is killed while a run trains, and started again.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/train/events.ts";
import { start } from "./small-run.ts";
import { trackersPython } from "./trackers-python.ts";

const { python, skipped } = trackersPython("mlflow");
const root = mkdtempSync(join(tmpdir(), "genclass-mlflow-real-"));
/** Seconds in which MLflow begins to answer: it imports for long. */
const STARTUP = 120;

let port: number;
let child: ChildProcess | undefined;

async function startServer(): Promise<void> {
  const store = [
    "--backend-store-uri",
    `sqlite:///${join(root, "runs.db")}`,
    "--artifacts-destination",
    join(root, "files"),
  ];
  const where = ["--host", "127.0.0.1", "--port", String(port), "--workers", "1"];
  // A group of its own: the server is a process that starts others.
  child = spawn(python!, ["-m", "mlflow", "server", ...where, ...store], {
    ...{ detached: true, stdio: "ignore" },
    // Without the workers of other features, of a hundred megabytes each.
    env: { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false" },
  });
  for (let i = 0; i < 4 * STARTUP; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) return;
    await wait(250);
  }
  throw new Error("MLflow does not start");
}

function killServer(): void {
  if (child?.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  child = undefined;
}

async function ask(path: string, query: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/api/2.0/mlflow/${path}?${new URLSearchParams(query)}`);
  return response.json();
}

describe.skipIf(!python)(`MLflow${skipped}`, { tags: ["long"] }, () => {
  const out = join(root, "run");
  let events: RunEvent[];
  let runId: string;

  beforeAll(async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => free.once("listening", resolve));
    ({ port } = free.address() as { port: number });
    await new Promise((resolve) => free.close(resolve));
    await startServer();
    const training = await start(out, { track: `mlflow=http://127.0.0.1:${port}`, epochs: 300 });
    events = [];
    let again: Promise<void> | undefined;
    for await (const event of training.events) {
      events.push(event);
      if (event.type !== "epoch") continue;
      // Something has arrived before it is killed, and it is back before the run ends.
      if (event.epoch === 60) {
        for (let i = 0; i < 400 && sent().epoch === 0; i++) await wait(50);
        killServer();
      }
      // Long enough for the tracker to find it away.
      if (event.epoch === 100) await wait(2500);
      if (event.epoch === 200) again = startServer();
      if (event.epoch === 290) await again;
    }
    runId = sent().run.id;
  }, 300_000);
  afterAll(() => {
    killServer();
    rmSync(root, { recursive: true });
  });
  const sent = () => JSON.parse(readFileSync(join(out, "mlflow.json"), "utf8"));

  it("has every logged number once, although it was killed while the run trained", async () => {
    const log: RunEvent[] = readFileSync(join(out, "events.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const told = new Map<string, [number, number][]>();
    for (const event of log) {
      if (event.type !== "epoch" && event.type !== "step") continue;
      const { losses, learningRate, imagesPerSecond } = { losses: {}, learningRate: 0, imagesPerSecond: 0, ...event };
      const values = event.type === "epoch" ? event.metrics : { ...losses, learningRate, imagesPerSecond };
      for (const [key, value] of Object.entries(values)) told.set(key, [...(told.get(key) ?? []), [event.step, value]]);
    }
    expect(told.get("validation/nll")).toHaveLength(300);
    for (const [key, expected] of told) {
      const { metrics } = await ask("metrics/get-history", { run_id: runId, metric_key: key, max_results: "5000" });
      const found = metrics.map(({ step, value }: { step: number; value: number }) => [Number(step), value]);
      expect(
        found.sort((a: number[], b: number[]) => a[0]! - b[0]!),
        key,
      ).toEqual(expected);
    }
    const notes = events.filter((event) => event.type === "note" && event.text.startsWith("MLflow"));
    expect(notes).toHaveLength(1);
  });

  it("shows the run as ended, with its parameters and tags", async () => {
    const { run } = await ask("runs/get", { run_id: runId });
    expect(run.info).toMatchObject({ status: "FINISHED", run_name: "run" });
    const params = Object.fromEntries(run.data.params.map(({ key, value }: Record<string, string>) => [key, value]));
    expect(params).toMatchObject({ model: "small", batch: "5", seed: "0", "options.breaksAt": "2" });
    expect(run.data.tags).toContainEqual({ key: "genclass.data", value: "tiny" });
  });

  it("has the files, and the exported network as a version of a registered model", async () => {
    const { files } = await ask("artifacts/list", { run_id: runId });
    const names: string[] = files.map(({ path }: { path: string }) => path).sort();
    const folder = names.find((name) => name.startsWith("model-"))!;
    expect(names).toEqual(["MODEL_CARD.md", "config.json", "metrics.json", folder, "results.csv"]);
    const { files: model } = await ask("artifacts/list", { run_id: runId, path: folder });
    expect(model.map(({ path }: { path: string }) => path).sort()).toEqual([
      `${folder}/MLmodel`,
      `${folder}/model.onnx`,
    ]);
    const { registered_model: found } = await ask("registered-models/get", { name: "genclass-small-tiny" });
    expect(found.latest_versions).toMatchObject([{ version: "1", run_id: runId, status: "READY" }]);
  });
});
