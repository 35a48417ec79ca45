// Novelty: how unlike the validation pictures a picture is, from a few statistics that a model gives of it. A table for each
// statistic tells how rare its value is; the score is the Euclidean norm of these rarities, and its threshold has a false-alarm
// rate that holds for pictures like those of validation, whatever the score is (conformal prediction: Vovk et al. 2005).
import { type NdArray, ndarray } from "../base/array.ts";
import {
  axesFor,
  type FeatureGaussians,
  fitFeatureGaussians,
  fitProjection,
  hasResidual,
  type Projection,
  project,
  relativeDistance,
  residual,
  unitRows,
} from "./feature-distance.ts";
import { foldOf } from "./folds.ts";
import type { Fitted, FittedQuantity, Predictions } from "./metric.ts";
import { weibullQuantile } from "./quantile.ts";
import { fitTailTable, type RareSide, rarity, TABLE_POINTS, type TailTable } from "./tail-table.ts";

/** Validation pictures without which novelty is not fitted: of fewer, one typical picture in ten or more would be an alarm. */
export const NOVELTY_PICTURES = 20;
/**
 * Which score this is: that of a run of before another one is not told. 2: the Euclidean norm of rarities, with residuals; 3: the energy of
 * `class-vae` is that of its prior, and the deviations of codes count.
 */
export const NOVELTY_VERSION = 3;
/** Share of pictures like those of validation that may be past the threshold, where there are pictures enough to tell. */
export const FALSE_ALARMS = 0.01;
/**
 * Validation pictures whose scores reach the threshold, at least. With one, a single odd picture would set it where there are few: of a
 * VAE's features of MNIST with 100 validation pictures, a threshold by the highest score marked 14 % of Fashion-MNIST, by the second 38 %.
 */
const LEAST_PAST = 2;
/** Parts of the validation pictures, each of which is scored by what is fitted on the others. */
const FOLDS = 5;
/** Training pictures that tell where the classes lie in the features of a pretrained network, at most: 32 for each axis. */
const MOST_TRAINING = 2048;

/** Where the classes lie in features. */
export interface ClassFeatures {
  /** The head that gives the features. Those of a pretrained network are brought to length 1 first. */
  readonly of: "features" | "pretrained";
  readonly projection: Projection;
  readonly gaussians: FeatureGaussians;
}

/** What novelty is computed with. */
export interface NoveltyTables {
  /** One for each statistic that the model gives, then one for the distance of features and, where they have one, their residual. */
  readonly tables: readonly TailTable[];
  readonly features: ClassFeatures | undefined;
  /** The median score of validation pictures, where novelty is 0. */
  readonly median: number;
  /** The score where novelty is 1; a picture beyond is an alarm. */
  readonly threshold: number;
  /** Largest share of alarms among pictures like those of validation, 0..1. */
  readonly falseAlarms: number;
}

/** Features `[n, d]` of pictures, and the class of each. */
export interface FeatureRows {
  readonly rows: Float32Array;
  readonly groups: Int32Array;
  readonly classes: number;
}

/**
 * Fits tables and threshold on `n` pictures. Their own scores, which give the threshold, come from tables that were fitted
 * without them: a picture is more typical of itself than a new one is.
 * @param statistics `[n, s]`
 * @param features where the model gives some
 */
export function fitNovelty(statistics: Float32Array, n: number, features?: FeatureRows): NoveltyTables {
  const columns = columnsOf(statistics, n);
  if (!features) return withThreshold(columns, "both");
  const { groups, classes } = features;
  const parts = othersOf(n);
  // As many axes for all pictures as for the parts: what lies beside more axes would be less.
  const axes = axesFor(Math.min(...parts.map(({ length }) => length)), features.rows.length / n);
  const projection = fitProjection(features.rows, n, { axes });
  const rows = project(projection, features.rows);
  const gaussiansOf = (index: readonly number[]) => fitFeatureGaussians(rows, groups, classes, index);
  const gaussians = parts.map(gaussiansOf);
  const distances = Float64Array.from({ length: n }, (_, i) => relativeDistance(gaussians[foldOf(i, FOLDS)]!, rows, i));
  const ofAll = gaussiansOf(Array.from({ length: n }, (_, i) => i));
  const residuals = hasResidual(projection) ? [residualsOf(features.rows, n, parts, axes)] : [];
  return {
    ...withThreshold([...columns, distances, ...residuals], "both"),
    features: { of: "features", projection, gaussians: ofAll },
  };
}

/**
 * The residual of each picture beside axes that the pictures of other folds gave: those that gave them lie nearer.
 * @param features `[n, d]`
 * @param parts for each fold, the pictures that are not in it
 */
function residualsOf(
  features: Float32Array,
  n: number,
  parts: readonly (readonly number[])[],
  axes: number,
): Float64Array {
  const d = features.length / n;
  const found = new Float64Array(n);
  for (const [fold, of] of parts.entries()) {
    const projection = fitProjection(features, n, { of, axes });
    const own = Array.from({ length: n }, (_, i) => i).filter((i) => foldOf(i, FOLDS) === fold);
    const rows = new Float32Array(own.length * d);
    for (const [r, i] of own.entries()) rows.set(features.subarray(i * d, (i + 1) * d), r * d);
    const projected = project(projection, rows);
    for (const [r, i] of own.entries()) found[i] = residual(projection, rows, projected, r);
  }
  return found;
}

/** The score of a picture by the rarities of its statistics: their Euclidean norm, so that one that is very rare counts most. */
export const scoreOf = (rarities: readonly number[]): number => Math.hypot(...rarities);

/**
 * As `fitNovelty`, of a model on a pretrained network. Where the classes lie in its features is learnt from training pictures, of which
 * there are ten times as many: the network has not learnt these, so that validation pictures lie no farther out (where it is trained on,
 * they do, and the tables, which are theirs alone, know). A small distance is as good as can be and not rare.
 * @param statistics `[n, s]`, of which large values are rare
 * @param features `[n, d]` of the validation pictures
 * @param training the same of training pictures
 */
export function fitPretrainedNovelty(
  statistics: Float32Array,
  n: number,
  features: Float32Array,
  training: FeatureRows,
): NoveltyTables {
  const known = classesIn(training);
  const unit = unitRows(features, n);
  const rows = project(known.projection, unit);
  const distances = Float64Array.from({ length: n }, (_, i) => relativeDistance(known.gaussians, rows, i));
  const residuals = hasResidual(known.projection)
    ? [Float64Array.from({ length: n }, (_, i) => residual(known.projection, unit, rows, i))]
    : [];
  return { ...withThreshold([...columnsOf(statistics, n), distances, ...residuals], "above"), features: known };
}

/** What was last fitted to training pictures: features of a frozen network are the same for each checkpoint of a run. */
let last: { readonly training: FeatureRows; readonly found: ClassFeatures } | undefined;

/** Where the classes lie in the features of a pretrained network. */
function classesIn(training: FeatureRows): ClassFeatures {
  const { rows, groups, classes } = training;
  if (
    last &&
    last.training.classes === classes &&
    isSame(last.training.groups, groups) &&
    isSame(last.training.rows, rows)
  )
    return last.found;
  const m = groups.length;
  const known = unitRows(rows, m);
  const projection = fitProjection(known, m);
  const all = Array.from({ length: m }, (_, i) => i);
  const gaussians = fitFeatureGaussians(project(projection, known), groups, classes, all);
  const found: ClassFeatures = { of: "pretrained", projection, gaussians };
  last = { training, found };
  return found;
}

const isSame = (a: Float32Array | Int32Array, b: Float32Array | Int32Array): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

function columnsOf(statistics: Float32Array, n: number): Float64Array[] {
  const s = statistics.length / n;
  return Array.from({ length: s }, (_, c) => Float64Array.from({ length: n }, (_, i) => statistics[i * s + c]!));
}

/** For each fold of `n` pictures: those that are not in it. */
const othersOf = (n: number): number[][] =>
  Array.from({ length: FOLDS }, (_, k) => Array.from({ length: n }, (_, i) => i).filter((i) => foldOf(i, FOLDS) !== k));

/** Tables of all columns, and the threshold of the score. */
function withThreshold(columns: readonly Float64Array[], side: RareSide): NoveltyTables {
  const n = columns[0]!.length;
  const tablesOf = (index: ArrayLike<number>) =>
    columns.map((column) =>
      fitTailTable(
        Float64Array.from(index, (i) => column[i]!),
        side,
      ),
    );
  const withoutFold = othersOf(n).map(tablesOf);
  const all = Array.from({ length: n }, (_, i) => i);
  const scores = Float64Array.from(all, (i) =>
    scoreOf(withoutFold[foldOf(i, FOLDS)]!.map((table, c) => rarity(table, columns[c]![i]!))),
  ).sort();
  // Of n + 1 pictures of one kind, each is as likely as any other to have one of the k highest scores.
  const falseAlarms = Math.max(FALSE_ALARMS, LEAST_PAST / (n + 1));
  const k = Math.floor(falseAlarms * (n + 1) + 1e-9);
  return {
    tables: tablesOf(all),
    features: undefined,
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

/** Fitted on validation pictures, above a pretrained network with the help of training pictures, and kept as arrays. */
export const noveltyQuantity: FittedQuantity = {
  name: "novelty",
  needs: ["noveltyStatistics"],
  uses: ["features", "pretrained", "classify"],
  ofTraining: { needs: ["pretrained"], uses: ["classify"], most: MOST_TRAINING },
  slow: true,
  fit(predictions, training) {
    const n = predictions.labels.length;
    if (n < NOVELTY_PICTURES) return undefined;
    const statistics = predictions.output("noveltyStatistics");
    const known = training && rowsOf(training, "pretrained");
    return toArrays(
      known
        ? fitPretrainedNovelty(statistics, n, predictions.output("pretrained"), known)
        : fitNovelty(statistics, n, rowsOf(predictions, "features")),
    );
  },
};

/** Features that a model gives, with the class that each picture has or is taken for; undefined where it gives none, or no class. */
function rowsOf(
  { outputs, classes, labelsOrAnswers: groups }: Predictions,
  head: ClassFeatures["of"],
): FeatureRows | undefined {
  const rows = groups.includes(-1) ? undefined : outputs.get(head);
  return rows && { rows, groups, classes };
}

const named = (name: string) => `novelty/${name}`;
/** Where the arrays of features lie. */
const FEATURE_NAMES: Readonly<Record<ClassFeatures["of"], (name: string) => string>> = {
  features: named,
  pretrained: (name) => named(`pretrained/${name}`),
};

function toArrays({ tables, features, median, threshold, falseAlarms }: NoveltyTables): Record<string, NdArray> {
  const stacked = (rows: readonly ArrayLike<number>[]) =>
    ndarray("float32", [rows.length, rows[0]!.length], Float32Array.from(rows.flatMap((row) => Array.from(row))));
  const arrays: Record<string, NdArray> = {
    [named("knots")]: stacked(tables.map(({ knots }) => knots)),
    [named("heights")]: ndarray("float32", [TABLE_POINTS], tables[0]!.heights),
    [named("slopes")]: stacked(tables.map(({ slopes }) => slopes)),
    [named("scale")]: ndarray("float32", [3], [median, threshold, falseAlarms]),
    [named("version")]: ndarray("float32", [1], [NOVELTY_VERSION]),
  };
  if (!features) return arrays;
  const { of, projection, gaussians } = features;
  const { axes, centre } = projection;
  const at = FEATURE_NAMES[of];
  arrays[at("centre")] = ndarray("float32", [centre.length], centre);
  arrays[at("basis")] = ndarray("float32", [centre.length, axes], projection.basis);
  arrays[at("within")] = ndarray("float32", [axes, axes], gaussians.within);
  arrays[at("means")] = ndarray("float32", [gaussians.means.length / axes, axes], gaussians.means);
  arrays[at("overall")] = ndarray("float32", [axes, axes], gaussians.overall);
  arrays[at("mean")] = ndarray("float32", [axes], gaussians.mean);
  return arrays;
}

/** Whether tables of another version were fitted. */
export const isOfAnotherVersion = (fitted: Fitted): boolean =>
  fitted.has(named("knots")) && fitted.get(named("version"))?.data[0] !== NOVELTY_VERSION;

/** What `noveltyQuantity` fitted; undefined where it was not, or by a version whose score was another. */
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
  const features = featuresIn(fitted, "pretrained") ?? featuresIn(fitted, "features");
  return { tables, features, median: scale[0]!, threshold: scale[1]!, falseAlarms: scale[2]! };
}

function featuresIn(fitted: Fitted, of: ClassFeatures["of"]): ClassFeatures | undefined {
  const data = (name: string) => fitted.get(FEATURE_NAMES[of](name))?.data as Float32Array | undefined;
  const [centre, basis, within, means] = [data("centre"), data("basis"), data("within"), data("means")];
  const [overall, mean] = [data("overall"), data("mean")];
  if (!centre || !basis || !within || !means || !overall || !mean) return undefined;
  return { of, projection: { axes: mean.length, centre, basis }, gaussians: { within, means, overall, mean } };
}
