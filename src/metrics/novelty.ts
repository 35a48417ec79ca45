// Novelty: how unlike the validation pictures a picture is, from a few statistics that a model gives of it. A table for each
// statistic tells how rare its value is; the score is the sum of these rarities, and its threshold has a false-alarm rate that
// holds for pictures like those of validation, whatever the score is (conformal prediction: Vovk et al. 2005).
import { type NdArray, ndarray } from "../base/array.ts";
import {
  type FeatureGaussians,
  fitFeatureGaussians,
  fitProjection,
  type Projection,
  project,
  relativeDistance,
} from "./feature-distance.ts";
import { foldOf } from "./folds.ts";
import type { Fitted, FittedQuantity } from "./metric.ts";
import { weibullQuantile } from "./quantile.ts";
import { fitTailTable, rarity, TABLE_POINTS, type TailTable } from "./tail-table.ts";

/** Validation pictures without which novelty is not fitted: of fewer, more than one typical picture in 20 would be an alarm. */
export const NOVELTY_PICTURES = 20;
/** Share of pictures like those of validation that may be past the threshold, where there are pictures enough to tell. */
export const FALSE_ALARMS = 0.01;
/** Parts of the validation pictures, each of which is scored by what is fitted on the others. */
const FOLDS = 5;

/** What novelty is computed with. */
export interface NoveltyTables {
  /** One for each statistic that the model gives, and a last one for the distance of features, where there are any. */
  readonly tables: readonly TailTable[];
  readonly features: { readonly projection: Projection; readonly gaussians: FeatureGaussians } | undefined;
  /** The score of a typical picture, where novelty is 0. */
  readonly median: number;
  /** The score where novelty is 1; a picture beyond is an alarm. */
  readonly threshold: number;
  /** Largest share of alarms among pictures like those of validation, 0..1. */
  readonly falseAlarms: number;
}

/**
 * Fits tables and threshold on `n` pictures. Their own scores, which give the threshold, come from tables that were fitted
 * without them: a picture is more typical of itself than a new one is.
 * @param statistics `[n, s]`
 * @param features `[n, d]` and the class of each picture, where the model gives features
 */
export function fitNovelty(
  statistics: Float32Array,
  n: number,
  features?: { readonly rows: Float32Array; readonly groups: Int32Array; readonly classes: number },
): NoveltyTables {
  const fold = (i: number) => foldOf(i, FOLDS);
  const all = Array.from({ length: n }, (_, i) => i);
  const others = Array.from({ length: FOLDS }, (_, k) => all.filter((i) => fold(i) !== k));
  const given = statistics.length / n;
  const columns = Array.from({ length: given }, (_, c) => Float64Array.from(all, (i) => statistics[i * given + c]!));
  const projection = features && fitProjection(features.rows, n);
  const projected = features && projection && { ...features, rows: project(projection, features.rows) };
  const gaussiansOf = ({ rows, groups, classes }: NonNullable<typeof projected>, index: readonly number[]) =>
    fitFeatureGaussians(rows, groups, classes, index);
  if (projected) {
    const gaussians = others.map((index) => gaussiansOf(projected, index));
    columns.push(Float64Array.from(all, (i) => relativeDistance(gaussians[fold(i)]!, projected.rows, i)));
  }
  const tablesOf = (index: readonly number[]) =>
    columns.map((column) => fitTailTable(Float64Array.from(index, (i) => column[i]!)));
  const withoutFold = others.map(tablesOf);
  const scores = Float64Array.from(all, (i) =>
    withoutFold[fold(i)]!.reduce((total, table, c) => total + rarity(table, columns[c]![i]!), 0),
  ).sort();
  // Of n + 1 pictures of one kind, each is as likely as any other to have one of the k highest scores.
  const falseAlarms = Math.max(FALSE_ALARMS, 1 / (n + 1));
  const k = Math.floor(falseAlarms * (n + 1) + 1e-9);
  return {
    tables: tablesOf(all),
    features: projection && projected && { projection, gaussians: gaussiansOf(projected, all) },
    median: weibullQuantile(scores, 0.5),
    threshold: scores[n - k]!,
    falseAlarms,
  };
}

/** Share of pictures whose novelty is past the threshold, 0..1. */
export function shareOfAlarms(novelty: ArrayLike<number>): number {
  let alarms = 0;
  for (let i = 0; i < novelty.length; i++) if (novelty[i]! > 1) alarms++;
  return alarms / novelty.length;
}

/** Fitted on validation pictures, and kept as arrays. */
export const noveltyQuantity: FittedQuantity = {
  name: "novelty",
  needs: ["noveltyStatistics"],
  uses: ["features", "classify"],
  slow: true,
  fit(predictions) {
    const n = predictions.labels.length;
    if (n < NOVELTY_PICTURES) return undefined;
    const { outputs, classes, labelsOrAnswers: groups } = predictions;
    const rows = groups.includes(-1) ? undefined : outputs.get("features");
    return toArrays(fitNovelty(predictions.output("noveltyStatistics"), n, rows && { rows, groups, classes }));
  },
};

const named = (name: string) => `novelty/${name}`;

function toArrays({ tables, features, median, threshold, falseAlarms }: NoveltyTables): Record<string, NdArray> {
  const stacked = (rows: readonly ArrayLike<number>[]) =>
    ndarray("float32", [rows.length, rows[0]!.length], Float32Array.from(rows.flatMap((row) => Array.from(row))));
  const arrays: Record<string, NdArray> = {
    [named("knots")]: stacked(tables.map(({ knots }) => knots)),
    [named("heights")]: ndarray("float32", [TABLE_POINTS], tables[0]!.heights),
    [named("slopes")]: stacked(tables.map(({ slopes }) => slopes)),
    [named("scale")]: ndarray("float32", [3], [median, threshold, falseAlarms]),
  };
  if (!features) return arrays;
  const { projection, gaussians } = features;
  const { axes, centre } = projection;
  arrays[named("centre")] = ndarray("float32", [centre.length], centre);
  arrays[named("basis")] = ndarray("float32", [centre.length, axes], projection.basis);
  arrays[named("within")] = ndarray("float32", [axes, axes], gaussians.within);
  arrays[named("means")] = ndarray("float32", [gaussians.means.length / axes, axes], gaussians.means);
  arrays[named("overall")] = ndarray("float32", [axes, axes], gaussians.overall);
  arrays[named("mean")] = ndarray("float32", [axes], gaussians.mean);
  return arrays;
}

/** What `noveltyQuantity` fitted; undefined where it was not, or by a version that knew no tables. */
export function noveltyTables(fitted: Fitted): NoveltyTables | undefined {
  const data = (name: string) => fitted.get(named(name))?.data as Float32Array | undefined;
  const [knots, heights, slopes, scale] = [data("knots"), data("heights"), data("slopes"), data("scale")];
  if (!knots || !heights || !slopes || !scale) return undefined;
  const tables = Array.from(
    { length: slopes.length / 2 },
    (_, s): TailTable => ({
      knots: knots.slice(s * heights.length, (s + 1) * heights.length),
      heights,
      slopes: [slopes[2 * s]!, slopes[2 * s + 1]!],
    }),
  );
  const [centre, basis, within, means] = [data("centre"), data("basis"), data("within"), data("means")];
  const [overall, mean] = [data("overall"), data("mean")];
  const features =
    centre && basis && within && means && overall && mean
      ? { projection: { axes: mean.length, centre, basis }, gaussians: { within, means, overall, mean } }
      : undefined;
  return { tables, features, median: scale[0]!, threshold: scale[1]!, falseAlarms: scale[2]! };
}
