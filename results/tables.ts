// The tables of README.md and docs/, made from the files of results/: npx tsx results/tables.ts writes them between marks.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ComparisonRow } from "../src/experiments/comparison.ts";
import { markdownTable } from "../src/experiments/comparison-table.ts";
import { EXPERIMENTS } from "./experiments.ts";
import { SYSTEMS } from "./systems.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

function records(file: string): Record<string, string>[] {
  if (!existsSync(here(file))) return [];
  const [head, ...lines] = readFileSync(here(file), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  return lines.map((cells) => Object.fromEntries(head!.map((name, i) => [name, cells[i] ?? ""])));
}

const json = <T>(file: string): T | undefined =>
  existsSync(here(file)) ? (JSON.parse(readFileSync(here(file), "utf8")) as T) : undefined;

const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

function meanAndDeviation(values: readonly number[], show: (value: number) => string): string {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length === 1) return show(mean);
  const deviation = Math.sqrt(values.reduce((t, v) => t + (v - mean) ** 2, 0) / (values.length - 1));
  return `${show(mean)} ± ${show(deviation)}`;
}

/** A budget by the machine's speed, and what it was in minutes. */
function budgetOf(runs: readonly Record<string, string>[]): string {
  const { minutes_at_250: minutes, gflops, machine } = runs[0]!;
  const spent = runs.reduce((total, run) => total + Number(run.seconds) / 60 / runs.length, 0).toFixed(1);
  // What is solved has no budget, and older runs do not say how fast the machine was.
  return minutes ? `${minutes} min@250: ${spent} min at ${gflops} GFLOP/s` : `${spent} min, ${machine}`;
}

/** What a run that learnt to denoise reaches beside filters that learn nothing. */
export function denoiseLine(): string {
  const runs = records("denoise.csv");
  const learnt = runs.filter(({ seed }) => seed);
  if (learnt.length === 0) return "";
  const { data, noise, pictures } = runs[0]!;
  const filters = runs.filter(({ method }) => method!.includes("gain")).map((run) => `${run.method} ${run.psnr}`);
  const own = learnt.map(
    (run) => `${run.method} ${run.psnr} dB (SSIM ${run.ssim}; seed ${run.seed}, ${run.minutes} min of training)`,
  );
  const noisy = runs.find(({ method }) => method === "noisy")!.psnr;
  return `Image to image: normal noise of ${noise} of the range on the first ${pictures} test pictures of ${data}, ${noisy} dB as it is. Filters with the parameter that is best on these very pictures: ${filters.join(", ")} dB. ${own.join("; ")} (\`results/denoise.csv\`).`;
}

/** Whether a generator draws what it is asked for, and of what use that is. */
export const askedLines = (): string =>
  records("acgan.csv")
    .map(
      (run) =>
        `Class to picture: acgan (seed ${run.seed}, ${run.minutes} min of training) on ${run.data}. A classifier trained by itself finds the class that was asked for in ${run.asked} % of ${run.pictures} generated pictures (${run.worst} % of the class where it is least); another one that saw generated pictures alone, for ${run.steps} steps, is right on ${run.trained} % of the real test part (\`results/acgan.csv\`).`,
    )
    .join("\n");

/** What other results than accuracies say of a system, in a few words. */
const IN_SHORT = {
  asked: () =>
    records("acgan.csv").map((run) => `acgan, ${run.data}: ${run.asked} % of pictures are of the class asked for`),
  denoise: () =>
    records("denoise.csv")
      .filter(({ seed }) => seed)
      .map((run) => `${run.method}, noise ${run.noise} on ${run.data}: ${run.psnr} dB`),
} as const;

/** The five systems: how each is called, and test accuracies of it, mean ± sd over seeds. */
export function systemsTable(): string {
  const runs = records("classifiers.csv");
  const accuracies = (id: string) => {
    const { task, system } = EXPERIMENTS.find((experiment) => experiment.id === id)!;
    const own = runs.filter((run) => run.id === id);
    const percent = (v: number) => (100 * v).toFixed(2);
    const values = own.map((run) => Number(run.accuracy));
    return own.length === 0
      ? []
      : [
          `${system.replace(/^S\d /, "")}, ${task}: ${meanAndDeviation(values, percent)} % (${own.length === 1 ? "one run" : `${own.length} runs`})`,
        ];
  };
  return [
    row(["", "system", "command", "measured"]),
    row(Array(4).fill("---")),
    ...SYSTEMS.map(({ name, what, commands, measured, alsoFrom = [] }) =>
      row([
        name,
        what,
        commands,
        [...measured.flatMap(accuracies), ...alsoFrom.flatMap((file) => IN_SHORT[file]())].join("; "),
      ]),
    ),
  ].join("\n");
}

/** Mean ± sd over seeds of each experiment. */
export function resultsTable(): string {
  const runs = records("classifiers.csv");
  const rows = EXPERIMENTS.flatMap((experiment) => {
    const own = runs.filter((run) => run.id === experiment.id);
    if (own.length === 0) return [];
    const of = (name: string, show: (value: number) => string) => {
      const values = own.map((run) => run[name]!);
      return values.includes("") ? "" : meanAndDeviation(values.map(Number), show);
    };
    return [
      row([
        experiment.system,
        experiment.task,
        of("accuracy", (v) => `${(100 * v).toFixed(2)}`),
        of("mse", (v) => v.toFixed(4)),
        of("ece", (v) => `${(100 * v).toFixed(2)}`),
        budgetOf(own),
        own.map((run) => run.seed).join(", "),
        experiment.published,
      ]),
    ];
  });
  return [
    row([
      "system",
      "task",
      "test accuracy %",
      "squared error a pixel",
      "calibration error %",
      "budget",
      "seeds",
      "published",
    ]),
    row(Array(8).fill("---")),
    ...rows,
  ].join("\n");
}

/** What `genclass compare` made of several models on equal data, as its compare.json has it. */
export function comparisonTable(): string {
  const made = json<{ command: string; machine: string; rows: ComparisonRow[] }>("comparison.json");
  if (!made) return "";
  return `\`${made.command}\` on ${made.machine}, from \`results/comparison.json\`:\n\n${markdownTable(made.rows).trim()}`;
}

/** Test accuracies that had been seen while what is measured was being made. */
export function seenList(): string {
  const runs = records("seen.csv");
  const tasks = [...new Set(runs.map(({ task, while: made }) => `${made}: ${task}`))];
  return tasks
    .map((task) => {
      const own = runs.filter((run) => `${run.while}: ${run.task}` === task);
      const seeds = [...new Set(own.map(({ seed }) => seed))].map((seed) => {
        const values = own.filter((run) => run.seed === seed).map((run) => (100 * Number(run.accuracy)).toFixed(2));
        return `${values.join(", ")} % (seed ${seed})`;
      });
      return `- ${task}, ${seeds.join(", ")}`;
    })
    .join("\n");
}

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
    return row([
      job,
      time(find(job, "onednn")?.ours_ms),
      time(find(job, "onednn", "onednn-direct")?.peer_ms),
      time(find(job, "onednn-bf16")?.ours_ms),
      time(find(job, "onnxruntime")?.ours_ms),
      ...Object.keys(TORCH).map((peer) => time(find(job, "onnxruntime", peer)?.peer_ms)),
      mine?.ratio?.toFixed(2) ?? "",
      without?.ratio?.toFixed(2) ?? "",
      best ? `${best.peak_mb.toFixed(0)} / ${best.peer_peak_mb?.toFixed(0)} MB` : "",
    ]);
  });
  const browsers = rows.filter((r) => r.backend === "onnxruntime" && /wasm/.test(r.peer ?? ""));
  const library = (backend: string) => (backend === "onnxruntime" ? backend : "oneDNN");
  const versions = [...new Set(rows.map((r) => `${library(r.backend)} ${r.version}`))];
  const torch = rows.find((r) => r.peer === "torch")?.peer_version;
  const ways = `PyTorch ${torch}: eager with its defaults, tuned (fused Adam, channels last), and compiled (that and \`torch.compile\`)`;
  return [
    row([
      "job",
      "oneDNN",
      "direct convolutions",
      "bf16",
      "onnxruntime",
      ...Object.values(TORCH).map((name) => `PyTorch, ${name}`),
      "oneDNN : PyTorch's fastest",
      "onnxruntime : PyTorch's fastest",
      "peak memory, ours / PyTorch",
    ]),
    row(Array(11).fill("---")),
    ...cells,
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
  const rows = json<{ who: string; epochs: number; ratio?: number; seconds?: number }[]>("time-to-accuracy.json") ?? [];
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
  return `From a cold start to 99.0 % on MNIST's test part (${end.epochs} epochs, the fewest with which both get there; from the start of the process, with loading and validation, until it tells the accuracy; medians over ${seeds} seeds): genclass ${median("genclass, oneDNN")!.toFixed(1)} s${bf16Time}, PyTorch with the same network, batch, schedule and augmentation ${torch.toFixed(1)} s: ratio ${end.ratio!.toFixed(2)}${bf16Ratio} (\`bench/time-to-accuracy.ts\`, \`results/time-to-accuracy.json\`).`;
}

/** That the backend does not matter for what is learned. */
export function backendsTable(): string {
  const runs = records("backends.csv");
  const names = [...new Set(runs.map((run) => run.backend!))];
  return [
    row(["backend", "test accuracy %, ten epochs of MNIST", "log-loss", "seeds"]),
    row(Array(4).fill("---")),
    ...names.map((name) => {
      const own = runs.filter((run) => run.backend === name);
      const of = (column: string, show: (v: number) => string) =>
        meanAndDeviation(
          own.map((run) => Number(run[column])),
          show,
        );
      return row([
        name,
        of("accuracy", (v) => (100 * v).toFixed(2)),
        of("nll", (v) => v.toFixed(4)),
        own.map((run) => run.seed).join(", "),
      ]);
    }),
  ].join("\n");
}

/** What a remedy against rare classes brings. */
export function imbalanceTable(): string {
  const runs = records("imbalance.csv");
  const percent = (name: string, own: typeof runs) =>
    meanAndDeviation(
      own.map((run) => 100 * Number(run[name])),
      (v) => v.toFixed(2),
    );
  const variants = [...new Set(runs.map((run) => run.variant!))];
  return [
    "MNIST cut to 1,000 zeros down to 20 nines (50:1), equal steps, three seeds, from `results/imbalance.csv`:",
    "",
    row(["", "balanced accuracy %", "recall of the rarest class %"]),
    row(Array(3).fill("---")),
    ...variants.map((variant) => {
      const own = runs.filter((run) => run.variant === variant);
      return row([variant, percent("balanced_accuracy", own), percent("rarest_recall", own)]);
    }),
  ].join("\n");
}

/** Accuracy with and without generated pictures. */
export function generatedTable(): string {
  const runs = records("generated.csv");
  if (runs.length === 0) return "";
  const arms = [...new Set(runs.map((run) => run.arm!))];
  const groups = [...new Set(runs.map((run) => `${run.data},${run.per_class}`))];
  return [
    "Test accuracy in per cent of the same classifier after equal steps, mean ± standard deviation over draws of the real pictures, from `results/generated.csv`:",
    "",
    row(["data", "real pictures a class", ...arms, "draws"]),
    row(Array(arms.length + 3).fill("---")),
    ...groups.map((group) => {
      const own = runs.filter((run) => `${run.data},${run.per_class}` === group);
      const cells = arms.map((arm) => {
        const values = own.filter((run) => run.arm === arm).map((run) => 100 * Number(run.accuracy));
        return values.length === 0 ? "" : meanAndDeviation(values, (v) => v.toFixed(2));
      });
      return row([...group.split(","), ...cells, String(new Set(own.map((run) => run.draw)).size)]);
    }),
  ].join("\n");
}

/** How many planted wrong labels are found. */
export function noiseLine(): string {
  const runs = records("label-noise.csv");
  const shares = runs.map((run) => 100 * Number(run.share));
  return `With 2 % of MNIST's training labels made wrong and a run of ${runs[0]?.epochs} epochs on all of them, ${meanAndDeviation(shares, (v) => v.toFixed(1))} % of the wrong ones are in the first 3 % of the list (seeds ${runs.map((run) => run.seed).join(", ")}; \`results/label-noise.csv\`).`;
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

/** How fast features of a frozen network are, and how well they tell other pictures. */
export function pretrainedLines(): string {
  const features = json<{ pictures: number; cores: number; ours: number; bare: number; ratio: number; again: number }>(
    "features.json",
  );
  const novel = records("novelty.csv").filter(({ own }) => own?.startsWith("caltech"));
  const lines = novel.map((run) => `| ${run.model} | ${run.own} | ${run.novel} | ${run.pictures} | ${run.auroc} |`);
  return [
    ...(features
      ? [
          `Features of ${features.pictures} photographs on EfficientNet-Lite0 (cores: ${features.cores}): ${features.ours.toFixed(1)} a second, bare parallel decoding and bare onnxruntime in the same run ${features.bare.toFixed(1)}: ratio ${features.ratio.toFixed(2)}. A second run has them after ${features.again.toFixed(2)} s (\`bench/features.ts\`, \`results/features.json\`).`,
        ]
      : []),
    ...(lines.length > 0
      ? [
          "",
          "Novelty is what a run has stored. `caltech8` is caltech10 without its classes ketch and watch; the pictures of CIFAR-10 are the first of its test part, as files (`results/novelty.ts`).",
          "",
          "| model | known | other pictures | how many | AUROC of novelty |",
          row(Array(5).fill("---")),
          ...lines,
        ]
      : []),
    ...leftOutLines(),
  ].join("\n");
}

/** How well novelty tells pairs of classes that a seed has left out of training. */
function leftOutLines(): string[] {
  const runs = records("left-out.csv");
  const models = [...new Set(runs.map(({ model }) => model!))];
  return models.flatMap((model) => {
    const own = runs.filter((run) => run.model === model);
    const pairs = own.map((run) => `${run.left_out!.replaceAll("-and-", " and ")} ${run.auroc}`);
    const of = (name: string) => own.map((run) => Number(run[name]));
    const mean = of("auroc").reduce((a, b) => a + b, 0) / own.length;
    const alarms = of("own_alarms").reduce((a, b) => a + b, 0) / own.length;
    return [
      "",
      `${model} without a pair of the classes of ${own[0]!.data}, which a seed draws: AUROC ${mean.toFixed(4)} on average (${pairs.join(", ")}); ${(100 * alarms).toFixed(2)} % alarms among known test pictures (\`results/left-out.ts\`).`,
    ];
  });
}

/** The model that shows how one is written. */
const exampleModel = () => `\`\`\`ts\n${readFileSync(here("../examples/own-model.ts"), "utf8")}\`\`\``;

/** The files that hold tables, and what stands between the marks of each. */
export const FILLED: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  "README.md": {
    systems: systemsTable,
    seen: seenList,
    results: resultsTable,
    denoise: denoiseLine,
    asked: askedLines,
    comparison: comparisonTable,
    bench: benchTable,
    time: timeLine,
  },
  "docs/architecture.md": { example: exampleModel },
  "docs/backbones.md": { pretrained: pretrainedLines },
  "docs/onednn.md": { backends: backendsTable },
  "docs/data.md": { generated: generatedTable, imbalance: imbalanceTable, noise: noiseLine, reading: readingLines },
};

/** A file's text with its tables as the result files say. */
export function fill(file: string): string {
  let text = readFileSync(here(`../${file}`), "utf8");
  for (const [mark, make] of Object.entries(FILLED[file]!)) {
    const place = new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(<!-- /${mark} -->)`);
    if (!place.test(text)) throw new Error(`${file} has no marks for the table "${mark}"`);
    text = text.replace(place, (_, open, close) => `${open}${make()}\n${close}`);
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const file of Object.keys(FILLED)) writeFileSync(here(`../${file}`), fill(file));
