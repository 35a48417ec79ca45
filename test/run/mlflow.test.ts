// The MLflow tracker against a small server that refuses, hangs up, answers nonsense or is away: what training tells arrives once.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { evaluate } from "../../src/predict/evaluate.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import type { RunFolder } from "../../src/run/folder.ts";
import { recordEvaluation } from "../../src/run/record.ts";
import { isTracking, MlflowServer, trackingServer } from "../../src/run/trackers/mlflow/server.ts";
import { MlflowSync } from "../../src/run/trackers/mlflow/sync.ts";
import { keyOf, paramsOf } from "../../src/run/trackers/mlflow/told.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { type Fault, SmallMlflow } from "./mlflow-server.ts";
import { backend, data, finish, model, resume, start } from "./small-run.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-mlflow-"));
afterAll(() => rmSync(root, { recursive: true }));

let server: SmallMlflow;
beforeEach(async () => {
  server = new SmallMlflow();
  await server.start();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

const track = () => ({ track: `mlflow=${server.url}` });
const notesOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === "note" && event.text.startsWith("MLflow") ? [event.text] : []));

/** Every value that the log of a run tells of steps and epochs, as `[key, step, value]`. */
function toldBy(out: string): string[] {
  const events: RunEvent[] = readFileSync(join(out, "events.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return events
    .flatMap((event) => {
      if (event.type === "epoch") return Object.entries(event.metrics).map((entry) => [...entry, event.step]);
      if (event.type !== "step") return [];
      const { losses, learningRate, imagesPerSecond } = event;
      return Object.entries({ ...losses, learningRate, imagesPerSecond }).map((entry) => [...entry, event.step]);
    })
    .map(([key, value, step]) => JSON.stringify([key, step, value]))
    .sort();
}
const arrived = () =>
  [...server.metrics.values()].map(({ key, step, value }) => JSON.stringify([key, step, value])).sort();

/** Two steps an epoch, of which the log has every tenth step. */
const long = { epochs: 12 };

/** The folder of a run's model among its files on the server. */
const folderOf = (out: string) =>
  `model-${createHash("sha256")
    .update(readFileSync(join(out, "model.onnx")))
    .digest("hex")
    .slice(0, 12)}`;
/** What the source of a version holds. */
const modelBehind = (version: number) =>
  server.artifacts.get(`${server.versions[version]!.source.replace("mlflow-artifacts:/", "")}/model.onnx`);

describe("a tracked run", () => {
  it("tells parameters, tags, every logged number, files and a version of the model", async () => {
    const out = join(root, "whole");
    const events = await finish(await start(out, { ...track(), ...long }));
    expect(notesOf(events)).toEqual([]);
    expect(arrived()).toEqual(toldBy(out));
    expect(arrived().some((line) => line.includes("learningRate"))).toBe(true);
    expect(server.runs).toMatchObject([{ status: "FINISHED" }]);
    expect(server.params.get("batch")).toBe("5");
    expect(server.params.get("options.breaksAt")).toBe("2");
    expect([...server.artifacts.keys()].map((path) => path.replace("1/run0/artifacts/", "")).sort()).toEqual(
      ["MODEL_CARD.md", "config.json", "metrics.json", "MLmodel", "model.onnx", "results.csv"]
        .map((name) => (name === "MLmodel" || name === "model.onnx" ? `${folderOf(out)}/${name}` : name))
        .sort(),
    );
    expect(modelBehind(0)).toEqual(readFileSync(join(out, "model.onnx")));
  });

  it("keeps the bytes of each version of its model when there is another", async () => {
    const out = join(root, "versions");
    const training = await start(out, track());
    await finish(training);
    const first = readFileSync(join(out, "model.onnx"));
    writeFileSync(join(out, "model.onnx"), "of more epochs");
    await new MlflowSync(training.run, new MlflowServer(new URL(server.url), {})).bring("FINISHED", () => {});
    expect(server.versions).toHaveLength(2);
    expect(modelBehind(0)).toEqual(first);
    expect(modelBehind(1)!.toString()).toBe("of more epochs");
  });

  it("has no version of the model of a run that was interrupted, until it has ended", async () => {
    const out = join(root, "interrupted");
    await finish(await start(out, { ...track(), interrupted: () => true }));
    expect(server.runs).toMatchObject([{ status: "KILLED" }]);
    expect([server.artifacts.has(`1/run0/artifacts/${folderOf(out)}/model.onnx`), server.versions]).toEqual([true, []]);
    await finish(await resume(out));
    expect(server.versions).toHaveLength(1);
  });

  it("tells anew what does not come again as it was", async () => {
    const out = join(root, "other");
    // Left after step 20, of which the checkpoint does not know; with more epochs the run goes on otherwise.
    const first = await start(out, { ...track(), ...long });
    await finish(first, (event) => event.type === "step" && event.step === 20);
    await new MlflowSync(first.run, new MlflowServer(new URL(server.url), {})).bring("RUNNING", () => {});
    await finish(await resume(out, { epochs: 13 }));
    expect(arrived()).toEqual(expect.arrayContaining(toldBy(out)));
  });

  it("keeps to the limits of a call: 1,000 metrics, 100 parameters", async () => {
    const { run } = await start(mkdtempSync(join(root, "limits-")));
    const options = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`option${i}`, i]));
    const losses = Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`loss${i}`, i]));
    const step = { type: "step", seconds: 1, learningRate: 0.5, imagesPerSecond: 3 };
    const few = Array.from({ length: 400 }, (_, i) => ({ ...step, step: 2 + i, losses: { a: i, b: i } }));
    const events = [{ ...step, step: 1, losses }, ...few];
    writeFileSync(run.file("events.jsonl"), events.map((event) => `${JSON.stringify(event)}\n`).join(""));
    const wide = { config: { ...run.config, options }, path: run.path, file: (name: string) => run.file(name) };
    await new MlflowSync(wide as RunFolder, new MlflowServer(new URL(server.url), {})).bring("RUNNING", () => {});
    for (const { params = [], metrics = [], tags = [] } of server.batches) {
      expect(params.length).toBeLessThanOrEqual(100);
      expect(metrics.length).toBeLessThanOrEqual(1000);
      expect(tags.length).toBeLessThanOrEqual(100);
    }
    expect(server.metrics.size).toBe(2100 + 2 + 400 * 4);
    expect([...server.params.keys()].filter((key) => key.startsWith("options."))).toHaveLength(250);
  });

  it("gets what an evaluation finds, once", async () => {
    const out = join(root, "evaluated");
    const { run, events } = await start(out, { ...track() });
    for await (const _ of events);
    const trained = new TrainedModel(run.modelConfig(model), run.weights(), backend, model);
    const found = await evaluate(trained, data.validation!, data.classes);
    const lines: string[] = [];
    for (let i = 0; i < 2; i++) await recordEvaluation(run, trained, "test", found, (line) => lines.push(line), model);
    expect(lines).toEqual([]);
    const own = [...server.metrics.values()].filter(({ key }) => key.startsWith("test/"));
    expect(own.find(({ key }) => key === "test/accuracy")).toMatchObject({ value: found.metrics.accuracy, step: 4 });
    expect(own.map(({ key }) => key)).toContain("test/nll/high");
    expect(server.calls.filter((call) => call === "POST runs/create")).toHaveLength(1);
    expect(server.versions).toHaveLength(1);
    await trained.dispose();
  });
});

describe("a server that is away", () => {
  it("is told of once, stops nothing, and has everything once after the run goes on", async () => {
    const out = join(root, "away");
    await server.stop();
    const events = await finish(await start(out, { ...track(), ...long }));
    expect(notesOf(events)).toEqual([expect.stringMatching(/nothing listens there; training goes on/)]);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "planned" });
    await server.start();
    await finish(await resume(out));
    expect(arrived()).toEqual(toldBy(out));
    expect(server.runs).toMatchObject([{ status: "FINISHED" }]);
  });

  it("between two parts of a run loses and doubles nothing, although steps are told again", async () => {
    const out = join(root, "stopped");
    // Left before the checkpoint of step 20, which is in the log and is told again, with another number of pictures a second.
    const first = await start(out, { ...track(), ...long });
    await finish(first, (event) => event.type === "step" && event.step === 20);
    await new MlflowSync(first.run, new MlflowServer(new URL(server.url), {})).bring("RUNNING", () => {});
    expect([...server.metrics.values()].some(({ key, step }) => key === "imagesPerSecond" && step === 20)).toBe(true);
    await server.stop();
    await finish(await resume(out), (event) => event.type === "step" && event.step === 21);
    await server.start();
    await finish(await resume(out));
    const keys = [...server.metrics.values()].map(({ key, step }) => `${key} ${step}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.sort()).toEqual(
      toldBy(out)
        .map((line) => `${JSON.parse(line)[0]} ${JSON.parse(line)[1]}`)
        .sort(),
    );
    expect(server.runs).toHaveLength(1);
  });

  it.each(["POST runs/create", "POST runs/log-batch", "POST model-versions/create", "POST experiments/create"])(
    "after it obeyed %s makes nothing twice",
    async (lost) => {
      const out = join(root, `lost ${lost.replace(/\W/g, "-")}`);
      server.fault = (call) => (call === lost ? "lost" : undefined);
      await finish(await start(out, { ...track() }));
      server.fault = () => undefined;
      await finish(await resume(out));
      expect(arrived()).toEqual(toldBy(out));
      expect(server.runs).toMatchObject([{ status: "FINISHED" }]);
      expect(server.versions).toHaveLength(1);
    },
  );
});

describe("a server that misbehaves", () => {
  const faults: Record<string, [Fault, RegExp]> = {
    "with errors of its own": [{ status: 500, body: "<html>" }, /it answers 500; training goes on/],
    "with nonsense": [{ status: 200, body: "not json" }, /is not that of MLflow; training goes on/],
    "with other JSON": [{ status: 200, body: "[1]" }, /is not that of MLflow/],
    "with an endless answer": [{ status: 200, body: "x".repeat(2 ** 21) }, /longer than 1048576 bytes/],
    "by hanging up": ["drops", /cannot be reached/],
    "by asking for a password": [{ status: 401, body: "no" }, /it answers 401; nothing more is sent/],
    "by sending elsewhere": [{ status: 302, location: "http://127.0.0.1:9/" }, /redirects to another address/],
  };
  it.each(Object.entries(faults))("%s never stops a training, and is told once", async (name, [fault, expected]) => {
    server.fault = () => fault;
    const events = await finish(await start(join(root, name.replaceAll(" ", "-")), { ...track() }));
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "planned" });
    expect(notesOf(events)).toEqual([expect.stringMatching(expected)]);
  });

  it("by never answering is not waited for", async () => {
    server.fault = () => "hangs";
    const { run } = await start(join(root, "hangs"));
    const hasty = new MlflowServer(new URL(server.url), {}, { call: 50, file: 50 });
    const sent = new MlflowSync(run, hasty).bring("RUNNING", () => {});
    await expect(sent).rejects.toMatchObject({ message: "it does not answer within 0.05 seconds", isFinal: false });
  });

  it("by refusing one file gets the others, the version of the model and the end of the run", async () => {
    server.fault = (call) => (call.endsWith("/metrics.json") ? { status: 413, body: "" } : undefined);
    const events = await finish(await start(join(root, "refused"), track()));
    expect(notesOf(events)).toEqual([expect.stringMatching(/metrics\.json is not sent: it answers 413$/)]);
    expect(server.runs).toMatchObject([{ status: "FINISHED" }]);
    expect([...server.artifacts.keys()].some((path) => path.endsWith("MODEL_CARD.md"))).toBe(true);
    expect(server.versions).toHaveLength(1);
  });

  it("by failing at files has the end of the run, and the files when it goes on", async () => {
    server.fault = (call) => (call.startsWith("PUT") ? { status: 500, body: "" } : undefined);
    const out = join(root, "no-files");
    await finish(await start(out, track()));
    expect([server.runs, server.artifacts.size]).toMatchObject([[{ status: "FINISHED" }], 0]);
    server.fault = () => undefined;
    await finish(await resume(out));
    expect(server.versions).toHaveLength(1);
  });

  it("by keeping files where only its own clients may write gets the rest", async () => {
    server.artifactRoot = "s3://bucket/";
    const out = join(root, "elsewhere");
    const events = await finish(await start(out, { ...track() }));
    expect(notesOf(events)).toEqual([expect.stringMatching(/files are not sent: the server keeps them at s3:/)]);
    expect([arrived(), server.artifacts.size]).toEqual([toldBy(out), 0]);
  });

  it.each(["mlflow-artifacts://other.example/", "mlflow-artifacts:/a%2fb/", "nowhere"])(
    "by naming %s as the place of files gets none",
    async (place) => {
      server.artifactRoot = place;
      const { run } = await start(mkdtempSync(join(root, "place-")));
      writeFileSync(run.file("events.jsonl"), "");
      const lines: string[] = [];
      await new MlflowSync(run, new MlflowServer(new URL(server.url), {})).bring("KILLED", (line) => lines.push(line));
      expect(lines).toEqual([expect.stringMatching(/files are not sent/)]);
      expect(server.calls.filter((call) => call.startsWith("PUT"))).toEqual([]);
    },
  );
});

describe("credentials", () => {
  it("come from the environment and are written nowhere", async () => {
    vi.stubEnv("MLFLOW_TRACKING_USERNAME", "somebody");
    vi.stubEnv("MLFLOW_TRACKING_PASSWORD", "hidden-word");
    const out = join(root, "secret");
    server.fault = (call) => (call === "POST runs/update" ? { status: 403, body: "hidden" } : undefined);
    const events = await finish(await start(out, { ...track() }));
    expect(server.authorization).toBe(`Basic ${Buffer.from("somebody:hidden-word").toString("base64")}`);
    for (const file of ["config.json", "events.jsonl", "mlflow.json", "MODEL_CARD.md"])
      expect(readFileSync(join(out, file), "utf8")).not.toMatch(/hidden-word|somebody/);
    expect(JSON.stringify(events)).not.toContain("hidden-word");
  });

  it("may be a token", async () => {
    vi.stubEnv("MLFLOW_TRACKING_TOKEN", "hidden-token");
    await finish(await start(join(root, "token"), { ...track() }));
    expect(server.authorization).toBe("Bearer hidden-token");
  });
});

describe("the address", () => {
  it.each(["mlflow", "mlflow=http://host:5000", "mlflow=https://host/prefix/"])("%s is one", (word) => {
    expect(isTracking(word)).toBe(true);
  });
  it.each(["", "wandb", "mlflow=", "mlflow=file:///x", "mlflow=http://user:secret@host", "mlflow=http://host/?key=1"])(
    "%j is none",
    (word) => {
      expect(isTracking(word)).toBe(false);
    },
  );
  it("comes from the call, else the environment, else the last one, else is MLflow's own default", () => {
    const environment = { MLFLOW_TRACKING_URI: "http://variable:1" };
    expect(trackingServer("mlflow=http://call/prefix", environment).href).toBe("http://call/prefix/");
    expect(trackingServer("mlflow", environment, "http://last").href).toBe("http://variable:1/");
    expect(trackingServer("mlflow", {}, "http://last").href).toBe("http://last/");
    expect(trackingServer("mlflow", {}).href).toBe("http://127.0.0.1:5000/");
    expect(() => trackingServer("mlflow", { MLFLOW_TRACKING_URI: "sqlite:///secret.db" })).toThrowError(
      /MLFLOW_TRACKING_URI is not the address.*mlflow server/,
    );
  });
});

describe("names and values", () => {
  it("are those that MLflow allows", () => {
    expect(keyOf("train/joint/loss")).toBe("train/joint/loss");
    expect(keyOf("../a//b\n$/.")).toBe("a/b__");
    expect(keyOf("//")).toBe("_");
    expect(keyOf("x".repeat(300))).toHaveLength(250);
  });

  it("have no path of this machine", async () => {
    const { run } = await start(join(root, "places"));
    const data = { source: "C:\\Users\\alice\\flowers", location: "/home/alice/flowers", unlabelled: "../alice/more" };
    const more = { from: "/home/alice/run", backbone: "/home/alice/net.onnx@/layer4/Relu" };
    const config = { ...run.config, data: { ...run.config.data, ...data }, ...more };
    const params = paramsOf(config);
    expect(JSON.stringify(params)).not.toContain("alice");
    expect(params).toEqual(
      expect.arrayContaining([
        { key: "data.source", value: "/PATH/flowers" },
        { key: "data.unlabelled", value: "/PATH/more" },
        { key: "backbone", value: "/PATH/net.onnx@/layer4/Relu" },
      ]),
    );
    writeFileSync(run.file("events.jsonl"), "");
    const told = { config, path: run.path, file: (name: string) => run.file(name) } as RunFolder;
    await new MlflowSync(told, new MlflowServer(new URL(server.url), {})).bring("KILLED", () => {});
    expect(server.artifacts.get("1/run0/artifacts/config.json")!.toString()).not.toContain("alice");
  });

  it("of parameters are cut to their length", async () => {
    const { run } = await start(join(root, "params"));
    const long = { ...run.config, genclass: "v".repeat(9000) };
    expect(paramsOf(long).find(({ key }) => key === "genclass")!.value).toHaveLength(6000);
  });
});
