import { availableParallelism, cpus, totalmem } from "node:os";
import type { Command } from "commander";
import { ndarray, zeros } from "../../base/array.ts";
import { now } from "../../base/clock.ts";
import { counted } from "../../base/counted.ts";
import { matmul } from "../../graph/ops/index.ts";
import { input } from "../../graph/tensor.ts";
import { type Backend, chooseBackend, nativeBackend, onednnBackend } from "../../node.ts";
import { webBackend } from "../../web.ts";
import { print, printJson, table } from "../render.ts";

interface BackendReport {
  name: string;
  available: boolean;
  version: string | null;
  gflops: number | null;
  why: string;
}

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass doctor\n")
    .action(run);
}

async function run(options: { json?: boolean }): Promise<void> {
  const backends = [
    await probe("onednn", onednnBackend, ({ details }) => details ?? ""),
    await probe("onnxruntime", nativeBackend, () => "native; used for trained models, and to train without oneDNN"),
    await probe("onnxruntime-web", webBackend, () => "WebAssembly, one thread here; what a browser uses"),
  ];
  const { backend: chosen } = chooseBackend();
  const report = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    data: process.env.GENCLASS_DATA ?? null,
    trainsWith: chosen.name,
    backends,
  };
  if (options.json) {
    printJson(report);
    return;
  }
  print(
    table([
      ["node", report.node],
      ["platform", report.platform],
      ["processor", `${report.cpu}, ${counted(report.cores, "core")}, ${report.memoryGb} GB`],
      ["trains with", `${report.trainsWith} (--backend auto)`],
      ["GENCLASS_DATA", report.data ?? "not set: only glyphs and folders can be opened by name"],
    ]),
  );
  print();
  print(
    table([
      ["backend", "version", "GFLOP/s (1024³ product)", ""],
      ...backends.map((b) => [b.name, b.version ?? "missing", b.gflops === null ? "" : b.gflops.toFixed(0), b.why]),
    ]),
  );
}

const PROBE_SECONDS = 1;

/** Times a 1024x1024 float32 matrix product: the median of the second half of a second. */
async function probe(
  name: string,
  make: () => Backend,
  describe: (backend: Backend) => string,
): Promise<BackendReport> {
  try {
    const backend = make();
    const n = 1024;
    const executable = await backend.compile(
      "probe",
      { y: matmul(input("a", [n, n]), input("b", [n, n])) },
      { mode: "train" },
    );
    const feeds = {
      a: ndarray("float32", [n, n], new Float32Array(n * n).fill(0.5)),
      b: ndarray("float32", [n, n], new Float32Array(n * n).fill(0.5)),
    };
    const y = zeros([n, n]);
    const times: number[] = [];
    // Threads that have just begun may share a core for a while.
    for (const start = now(); times.length < 6 || now() - start < PROBE_SECONDS; ) {
      const begun = now();
      await executable.run(feeds, { y });
      times.push(now() - begun);
    }
    await executable.dispose();
    const late = times.slice(Math.floor(times.length / 2)).sort((a, b) => a - b);
    const median = late[Math.floor(late.length / 2)]!;
    return {
      name,
      available: true,
      version: backend.version,
      gflops: (2 * n ** 3) / median / 1e9,
      why: describe(backend),
    };
  } catch (error) {
    return {
      name,
      available: false,
      version: null,
      gflops: null,
      why: (error as Error).message,
    };
  }
}
