// The report of an evaluated run: numbers, curves, confusion, calibration, pictures. Files go into the run folder.

import type { Dataset } from "../data/dataset.ts";
import { gather } from "../data/dataset.ts";
import { argmax } from "../metrics/classification.ts";
import { Random } from "../random/random.ts";
import { type ReportSection, reportHtml } from "../report/html.ts";
import { gridPng, toBytes } from "../report/pictures.ts";
import { type Curve, confusion, curves, reliability } from "../report/plots.ts";
import { writeAtomically } from "./checkpoint.ts";
import type { Evaluation } from "./evaluate.ts";
import type { RunEvent } from "./events.ts";
import type { RunFolder } from "./run.ts";
import type { TrainedModel } from "./trained.ts";

const PICTURES = 40;

/** Writes `report.html`, plots and sample pictures; returns the path of the report. */
export async function writeReport(
  run: RunFolder,
  model: TrainedModel,
  data: Dataset,
  split: string,
  found: Evaluation,
): Promise<string> {
  const events = run.events();
  const plots: Record<string, string> = {
    ...trainingCurves(events),
    confusion: confusion(found.confusion, data.classes),
    reliability: reliability(found.calibration),
  };
  const pictures = await samplePictures(model, found);
  for (const [name, svg] of Object.entries(plots)) writeAtomically(run.file("plots", `${name}.svg`), svg);
  for (const { file, png } of pictures) writeAtomically(run.file("samples", file), [png]);
  const { config } = run;
  const share = (value: number) => `${(100 * value).toFixed(2)} %`;
  const m = found.metrics;
  const cards: [string, string][] = [
    ["accuracy", share(m.accuracy!)],
    ["calibration error", share(m.ece!)],
    ["log-loss", `${m.nll!.toFixed(4)} nats`],
  ];
  if (m.mse !== undefined) cards.push(["reconstruction error", `${m.mse.toFixed(5)} a pixel`]);
  if (m.elbo !== undefined) cards.push(["ELBO", `${m.elbo.toFixed(1)} nats`]);
  const pick = (prefix: string) =>
    Object.entries(plots)
      .filter(([name]) => name.startsWith(prefix))
      .map(([, svg]) => svg);
  const sections: ReportSection[] = [
    {
      title: "Classes",
      svgs: [plots.confusion!, plots.reliability!],
      table: {
        head: ["class", "precision", "recall", "F1", "pictures"],
        rows: found.classes.map((c) => [c.name, share(c.precision), share(c.recall), share(c.f1), c.support]),
      },
    },
    { title: "Pictures", pngs: pictures.map(({ caption, png }) => ({ caption, png })) },
    { title: "Training", svgs: pick("training-") },
    {
      title: "All numbers",
      note: `Split: ${split}, ${found.n} pictures. The checkpoint was chosen, and the temperature fitted, on the validation part of the training data.`,
      table: {
        head: ["metric", "value"],
        rows: Object.entries(m).map(([name, value]) => [name, value.toPrecision(5)]),
      },
    },
    { title: "How to repeat", table: { head: ["setting", "value"], rows: settingsRows(config) } },
  ];
  const lead = `${config.model} on ${config.data.name} (${config.data.height}x${config.data.width}x${config.data.channels}, ${config.data.classes.length} classes), seed ${config.seed}`;
  writeAtomically(
    run.file("report.html"),
    reportHtml(`genclass: ${config.model} on ${config.data.name}`, lead, cards, sections),
  );
  return run.file("report.html");
}

function settingsRows(config: RunFolder["config"]): [string, string][] {
  const { options, data, ...rest } = config;
  const flat = { ...rest, source: data.source, fingerprint: data.fingerprint, ...options };
  return Object.entries(flat).map(([name, value]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
}

function trainingCurves(events: readonly RunEvent[]): Record<string, string> {
  const steps = events.filter((event) => event.type === "step");
  const epochs = events.filter((event) => event.type === "epoch");
  const losses = new Map<string, [number, number][]>();
  const stride = Math.max(1, Math.floor(steps.length / 400));
  steps.forEach((event, i) => {
    if (i % stride !== 0) return;
    for (const [name, value] of Object.entries(event.losses))
      losses.set(name, [...(losses.get(name) ?? []), [event.step, value]]);
  });
  const metric = (name: string): Curve => ({
    name,
    points: epochs.flatMap((e) => (e.metrics[name] === undefined ? [] : [[e.epoch, e.metrics[name]] as const])),
  });
  const plots: Record<string, string> = {};
  if (losses.size > 0)
    plots["training-losses"] = curves(
      "Training losses",
      [...losses].map(([name, points]) => ({ name, points })),
      "step",
    );
  for (const [file, title, names] of [
    ["training-accuracy", "Validation accuracy", ["validation/accuracy"]],
    ["training-calibration", "Validation log-loss and calibration error", ["validation/nll", "validation/ece"]],
    ["training-reconstruction", "Validation reconstruction error", ["validation/mse"]],
  ] as const) {
    const lines = names.map(metric).filter((line) => line.points.length > 0);
    if (lines.length > 0) plots[file] = curves(title, lines, "epoch");
  }
  return plots;
}

async function samplePictures(
  model: TrainedModel,
  found: Evaluation,
): Promise<{ file: string; caption: string; png: Buffer }[]> {
  const out: { file: string; caption: string; png: Buffer }[] = [];
  const { set } = found;
  const k = model.spec.classes.length;
  const grid = async (file: string, caption: string, pixels: Uint8Array, columns: number) => {
    out.push({ file, caption, png: await gridPng(pixels, model.spec, columns) });
  };
  const order = new Random(0, "report pictures").permutation(set.labels.length).slice(0, PICTURES);
  if (model.has("reconstruct")) {
    const pixels = await gather(set, order);
    const again = toBytes((await model.reconstruct(pixels)).data);
    const size = pixels.length / order.length;
    const pairs = new Uint8Array(2 * pixels.length);
    // Rows of ten pictures, each row above its reconstructions.
    order.forEach((_, i) => {
      const at = (Math.floor(i / 10) * 20 + (i % 10)) * size;
      pairs.set(pixels.subarray(i * size, (i + 1) * size), at);
      pairs.set(again.subarray(i * size, (i + 1) * size), at + 10 * size);
    });
    if (order.length % 10 === 0)
      await grid("reconstructions.png", "Pictures, and below each row its reconstructions", pairs, 10);
  }
  if (model.has("decode")) {
    const codes = new Float32Array(PICTURES * model.codeSize);
    new Random(0, "report samples").fillNormal(codes);
    await grid(
      "generated.png",
      "Generated from codes drawn from the prior",
      toBytes((await model.decode(codes)).data),
      10,
    );
  }
  const wrong = Array.from(set.labels, (_, i) => i)
    .filter((i) => argmax(found.probabilities, i * k, k) !== set.labels[i])
    .sort((a, b) => found.probabilities[a * k + set.labels[a]!]! - found.probabilities[b * k + set.labels[b]!]!)
    .slice(0, PICTURES);
  if (wrong.length > 0) {
    const text = wrong
      .slice(0, 10)
      .map(
        (i) => `${model.spec.classes[set.labels[i]!]} as ${model.spec.classes[argmax(found.probabilities, i * k, k)]}`,
      );
    await grid(
      "mistakes.png",
      `The most confident mistakes (first row: ${text.join(", ")})`,
      await gather(set, wrong),
      10,
    );
  }
  return out;
}
