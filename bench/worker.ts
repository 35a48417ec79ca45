// Times our side of a job. Lines in: "run N". Lines out: JSON {ms: […], peakMb, version}. The same protocol as the peers.
import { createInterface } from "node:readline";
import { ndarray, zeros } from "../src/base/array.ts";
import { streamOfInput } from "../src/data/batches.ts";
import { matmul, softmax } from "../src/graph/ops/index.ts";
import { constant, input, isInput, topological } from "../src/graph/tensor.ts";
import { applyHead, requireHead } from "../src/models/heads.ts";
import { Build, initialState } from "../src/nn/scope.ts";
import { nativeBackend, onednnBackend } from "../src/node.ts";
import { FREE_BATCH } from "../src/onnx/lower.ts";
import { pixelsToUnit } from "../src/predict/batch.ts";
import { IN_FLIGHT, StepFeeds } from "../src/predict/feeds.ts";
import { Program, type StepGraph } from "../src/runtime/program.ts";
import { compileModel } from "../src/train/steps.ts";
import { randomInput } from "./inputs.ts";
import { JOBS } from "./jobs.ts";

type Once = () => Promise<void>;
const backend = {
  onnx: () => nativeBackend(),
  onednn: () => onednnBackend(),
  "onednn-direct": () => onednnBackend({ winograd: 0 }),
  "onednn-bf16": () => onednnBackend({ precision: "bf16" }),
}[process.argv[3] ?? "onnx"]!();

async function training(name: string): Promise<{ once: Once; dispose: () => Promise<void> }> {
  const job = JOBS[name]!();
  const { stages, specs } = compileModel(job.model, job.spec, job.batch);
  const { phases } = stages[0]!;
  const { height, width, channels } = job.spec;
  const pictures = randomInput("pictures", [16, height, width, channels], "float32");
  const state = initialState(new Map([...specs].filter(([path]) => !path.startsWith("average/"))), 1, pictures);
  // The peers keep no averaged weights.
  const graphs = phases.map(
    ({ graph }): StepGraph => ({
      ...graph,
      updates: new Map([...graph.updates].filter(([path]) => !path.startsWith("average/"))),
    }),
  );
  const program = await Program.create(backend, graphs, state);
  const batches = graphs.map((graph) => {
    const inputs = topological([...graph.updates.values(), ...graph.log.values()]).filter(isInput);
    return Object.fromEntries(
      inputs
        .filter(({ attrs }) => streamOfInput(attrs.name) !== undefined)
        .map((x) => [x.attrs.name, randomInput(x.attrs.name, x.shape, x.dtype)]),
    );
  });
  const feeds = phases.map((phase) => new StepFeeds(phase, (shape) => program.allocate(shape)));
  let t = 0;
  // As in training: noise of the next step is drawn while this one is computed.
  const once = async () => {
    t++;
    const runs = phases.map(({ phase, graph, scalars }, i) => {
      const fed = feeds[i]!.at(0, t, 0, scalars({ [phase.name]: t }, phase.learningRate));
      return program.run(graph.name, { ...batches[i]!, ...fed });
    });
    for (const each of feeds) each.prepare(0, t + 1);
    await Promise.all(runs);
  };
  return { once, dispose: () => program.dispose() };
}

/** The classifier of the conv VAE as the exported file holds it: bytes in, probabilities out. */
async function inference(batch: number): Promise<Once> {
  const job = JOBS["conv-vae"]!();
  const build = new Build(false, {
    bind: (path, spec) => constant(initialState(new Map([[path, spec]]), 1).get(path)!),
  });
  const pixels = input("pixels", [FREE_BATCH, 28, 28, 1], "uint8");
  const classify = requireHead(job.model.heads, "classify");
  const logits = applyHead(classify, build.root, FREE_BATCH, { picture: pixelsToUnit(pixels) });
  const probabilities = softmax(logits);
  const executable = await backend.compile("classifier", { probabilities }, { mode: "infer", freeBatch: FREE_BATCH });
  const feeds = { pixels: randomInput("pixels", [batch, 28, 28, 1], "uint8") };
  const results = { probabilities: ndarray("float32", [batch, 10], new Float32Array(batch * 10)) };
  return () => executable.run(feeds, results);
}

/** The machine's rate, as every GFLOP/s is read against: a 1024x1024 product. */
async function matmulRate(): Promise<Once> {
  const n = 1024;
  const executable = await backend.compile(
    "matmul",
    { y: matmul(input("a", [n, n]), input("b", [n, n])) },
    { mode: "train" },
  );
  const feeds = { a: randomInput("a", [n, n], "float32"), b: randomInput("b", [n, n], "float32") };
  const y = zeros([n, n]);
  return () => executable.run(feeds, { y });
}

/** A program made, run once and dropped: the conv VAE. */
async function program(): Promise<Once> {
  return async () => {
    const { once, dispose } = await training("conv-vae");
    await once();
    await dispose();
    globalThis.gc?.();
  };
}

async function prepare(name: string): Promise<Once> {
  if (name === "programs") return program();
  if (name in JOBS) return (await training(name)).once;
  if (name.startsWith("inference-")) return inference(Number(name.slice(10)));
  return matmulRate();
}

const name = process.argv[2]!;
const once = await prepare(name);
/** Training asks for the next step before the last has ended, as the training loop does. */
const atOnce = name in JOBS ? IN_FLIGHT : 1;
for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line.split(" ")[1]);
  const ms: number[] = [];
  const inFlight: Promise<void>[] = [];
  for (let ended = performance.now(), begun = 0; ms.length < count; ) {
    for (; begun < count && inFlight.length < atOnce; begun++) inFlight.push(once());
    await inFlight.shift();
    const now = performance.now();
    ms.push(now - ended);
    ended = now;
  }
  const peakMb = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(`${JSON.stringify({ ms, peakMb, version: backend.version })}\n`);
}
