// How fast things are, and how much memory they take.
import { table } from "./cells.ts";
import { json } from "./json.ts";

interface BenchRow {
  job: string;
  backend: string;
  /** Of the library that computes. */
  version: string | null;
  ours_ms: number;
  gflops_matmul: number;
  peak_mb: number;
  peer: string | null;
  peer_version: string | null;
  peer_ms: number | null;
  ratio: number | null;
  peer_peak_mb: number | null;
}

/** How PyTorch was run, by the peer's name. */
const TORCH: Readonly<Record<string, string>> = {
  torch: "eager",
  "torch-tuned": "tuned",
  "torch-compiled": "compiled",
};

/** Medians of one run, and the ratios of our backends to PyTorch's fastest. */
export function benchTable(): string {
  const rows = json<BenchRow[]>("bench.json") ?? [];
  const find = (job: string, backend: string, peer?: string) =>
    rows.find((r) => r.job === job && r.backend === backend && (peer === undefined || r.peer === peer));
  const time = (ms: number | null | undefined) => (ms === null || ms === undefined ? "" : `${ms.toFixed(2)} ms`);
  const fastest = (job: string, backend: string) =>
    rows
      .filter((r) => r.job === job && r.backend === backend && r.peer !== null && Object.hasOwn(TORCH, r.peer))
      .sort((a, b) => a.peer_ms! - b.peer_ms!)[0];
  const cells = [...new Set(rows.map((r) => r.job))].map((job) => {
    // Trained models run on onnxruntime.
    const [mine, without] = [fastest(job, "onednn"), fastest(job, "onnxruntime")];
    const best = mine ?? without;
    return [
      job,
      time(find(job, "onednn")?.ours_ms),
      time(find(job, "onednn", "onednn-direct")?.peer_ms),
      time(find(job, "onednn-bf16")?.ours_ms),
      time(find(job, "onnxruntime")?.ours_ms),
      ...Object.keys(TORCH).map((peer) => time(find(job, "onnxruntime", peer)?.peer_ms)),
      mine?.ratio?.toFixed(2) ?? "",
      without?.ratio?.toFixed(2) ?? "",
      best ? `${best.peak_mb.toFixed(0)} / ${best.peer_peak_mb?.toFixed(0)} MB` : "",
    ];
  });
  const browsers = rows.filter((r) => r.backend === "onnxruntime" && /wasm/.test(r.peer ?? ""));
  const library = (backend: string) => (backend === "onnxruntime" ? backend : "oneDNN");
  const versions = [...new Set(rows.map((r) => `${library(r.backend)} ${r.version}`))];
  const torch = rows.find((r) => r.peer === "torch")?.peer_version;
  const ways = `PyTorch ${torch}: eager with its defaults, tuned (fused Adam, channels last), and compiled (that and \`torch.compile\`)`;
  return [
    table(
      [
        "job",
        "oneDNN",
        "direct convolutions",
        "bf16",
        "onnxruntime",
        ...Object.values(TORCH).map((name) => `PyTorch, ${name}`),
        "oneDNN : PyTorch's fastest",
        "onnxruntime : PyTorch's fastest",
        "peak memory, ours / PyTorch",
      ],
      cells,
    ),
    "",
    `${[versions.join(", "), ...(torch ? [ways] : [])].join("; ")}. A product of two 1024x1024 matrices ran at ${rows[0]?.gflops_matmul.toFixed(0)} GFLOP/s on the machine.`,
    ...(browsers.length > 0
      ? [
          "",
          `In JavaScript, the ${browsers[0]!.job}: ${browsers.map((r) => `${r.peer} ${time(r.peer_ms)}`).join(", ")}.`,
        ]
      : []),
  ].join("\n");
}

/** Time to a trained classifier of digits, from a cold start. */
export function timeLine(): string {
  type Row = { task?: string; goal?: number; who: string; epochs: number; ratio?: number; seconds?: number };
  // Older rows name no task and no goal: they are of digits.
  const rows = (json<Row[]>("time-to-accuracy.json") ?? []).filter(({ task = "mnist" }) => task === "mnist");
  const end = rows.find((r) => r.ratio !== undefined);
  if (!end) return "";
  const median = (who: string) => {
    const own = rows.filter((r) => r.who === who && r.epochs === end.epochs).map((r) => r.seconds!);
    return own.sort((x, y) => x - y)[Math.floor(own.length / 2)];
  };
  const bf16 = median("genclass, bf16");
  const seeds = rows.filter((r) => r.who === "PyTorch" && r.epochs === end.epochs).length;
  const torch = median("PyTorch")!;
  // A processor without bfloat16 has no such column.
  const [bf16Time, bf16Ratio] =
    bf16 === undefined ? ["", ""] : [`, in bf16 ${bf16.toFixed(1)} s`, `, in bf16 ${(bf16 / torch).toFixed(2)}`];
  return `From a cold start to ${(100 * (end.goal ?? 0.99)).toFixed(1)} % on MNIST's test part (${end.epochs} epochs, the fewest with which both get there; from the start of the process, with loading and validation, until it tells the accuracy; medians over ${seeds} seeds): genclass ${median("genclass, oneDNN")!.toFixed(1)} s${bf16Time}, PyTorch with the same network, batch, schedule and augmentation ${torch.toFixed(1)} s: ratio ${end.ratio!.toFixed(2)}${bf16Ratio} (\`bench/time-to-accuracy.ts\`, \`results/time-to-accuracy.json\`).`;
}

/** Speed of decoding, and memory of training from few and from many pictures. */
export function readingLines(): string {
  const decode = json<{ pictures: number; ours: number; bare: number; ratio: number }>("decode.json");
  const streams = json<{ pictures: number; peakMb: number; stepMs: number; readMs: number }[]>("streaming.json");
  const [few, many] = streams ?? [];
  if (!decode || !few || !many) return "";
  const share = (run: typeof few) => `${((100 * run.readMs) / run.stepMs).toFixed(1)} %`;
  return [
    `- ${decode.pictures} JPEGs of about 300x200 to 64x64: ${decode.ours.toFixed(0)} a second, a bare parallel sharp loop in the same run ${decode.bare.toFixed(0)}: ratio ${decode.ratio.toFixed(2)} (\`bench/decode.ts\`).`,
    `- Training from tar shards of 64x64x3: peak memory ${few.peakMb.toFixed(0)} MB with ${few.pictures.toLocaleString("en")} pictures, ${many.peakMb.toFixed(0)} MB with ${many.pictures.toLocaleString("en")}: ratio ${(many.peakMb / few.peakMb).toFixed(2)}. Reading a batch of decoded pictures takes ${share(few)} of a step from memory, ${share(many)} from the cache file, before it is overlapped with the step (\`bench/streaming.ts\`).`,
  ].join("\n");
}
