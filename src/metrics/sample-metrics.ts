// The metrics of a model's samples beside as many real pictures, on thumbnails of both; and how a discriminator tells them apart.
import { scattered } from "../base/scattered.ts";
import { kernelDistance } from "./kernel-distance.ts";
import { type ManifoldMetrics, manifoldMetrics } from "./manifold.ts";
import type { Metric, Predictions } from "./metric.ts";
import { type Rows, rowCount, rowsAt } from "./nearest.ts";
import { spread } from "./spread.ts";

/** Rows of which all are compared with all, at most: of more, scattered ones. */
export const MOST_COMPARED = 2000;

/** At most `most` of the rows, scattered: parts may be sorted by class, and samples have their classes in turn. */
export function spreadRows(rows: Rows, most = MOST_COMPARED): Rows {
  const n = rowCount(rows);
  return rowsAt(rows, scattered(n, Math.min(n, most)));
}

const THUMBNAILS = ["thumbnail", "sampleThumbnail"];

/** The thumbnails that are compared. */
function compared(p: Predictions): readonly [real: Rows, generated: Rows] {
  const [real, generated] = THUMBNAILS.map((name) => {
    const data = p.output(name);
    return spreadRows({ data, width: data.length / p.labels.length });
  });
  return [real!, generated!];
}

/** They share one pass over all pairs. */
const manifolds = new WeakMap<Predictions, ManifoldMetrics | "none">();

function manifoldOf(p: Predictions): ManifoldMetrics | undefined {
  const found = manifolds.get(p) ?? manifoldMetrics(...compared(p)) ?? "none";
  manifolds.set(p, found);
  return found === "none" ? undefined : found;
}

const manifoldMetric = (name: string, of: keyof ManifoldMetrics, title: string): Metric => ({
  ...{ name, title, better: of === "density" ? "neither" : "higher", unit: of === "density" ? "" : "share" },
  ...{ slow: true, needs: THUMBNAILS },
  compute: (p) => manifoldOf(p)?.[of],
});

const shareOf = (scores: Float32Array, isRight: (score: number) => boolean): number =>
  scores.reduce((sum, score) => sum + Number(isRight(score)), 0) / scores.length;

/** Metrics of samples and of discriminators. */
export const SAMPLE_METRICS: readonly Metric[] = [
  {
    name: "kernelDistance",
    title: "kernel distance of samples",
    better: "lower",
    unit: "",
    headline: true,
    slow: true,
    needs: THUMBNAILS,
    compute: (p) => kernelDistance(p.output("thumbnail"), p.output("sampleThumbnail"), p.labels.length),
  },
  { ...manifoldMetric("coverage", "coverage", "coverage of real pictures by samples"), headline: true },
  manifoldMetric("density", "density", "density of samples among real pictures"),
  manifoldMetric("samplePrecision", "precision", "samples near real pictures"),
  manifoldMetric("sampleRecall", "recall", "real pictures near samples"),
  {
    name: "diversity",
    title: "distance between samples, over that between real pictures",
    better: "neither",
    unit: "",
    slow: true,
    needs: THUMBNAILS,
    compute: (p) => spread(...compared(p)),
  },
  {
    name: "discriminatorReal",
    title: "real pictures that the discriminator takes for real",
    better: "neither",
    unit: "share",
    needs: ["discriminate", "discriminateSample"],
    compute: (p) => shareOf(p.output("discriminate"), (score) => score > 0),
  },
  {
    name: "discriminatorGenerated",
    title: "samples that the discriminator takes for generated",
    better: "neither",
    unit: "share",
    needs: ["discriminate", "discriminateSample"],
    compute: (p) => shareOf(p.output("discriminateSample"), (score) => score < 0),
  },
];
