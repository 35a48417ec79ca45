// Random forests: trees that are grown on histograms, so that a node looks at each of its examples once for each feature.
import { Random } from "../random/random.ts";
import type { Examples } from "./examples.ts";

/** How trees are grown. */
export interface ForestOptions {
  readonly trees: number;
  /** Decisions from the root to a leaf, at most. */
  readonly depth: number;
  /** Leaves of a tree, at most. */
  readonly leaves: number;
  /** Examples of a leaf, at least. */
  readonly least: number;
  /** Features that a node chooses from. */
  readonly tried: number;
}

/** A tree as rows of nodes, the root first; the two children of a node lie beside each other. */
export interface Tree {
  /** The number that a node looks at; 0 for a leaf. */
  readonly features: Int32Array;
  /** A row whose number is above it goes to the right; of a leaf the largest float32. */
  readonly thresholds: Float32Array;
  /** The left child; of a leaf itself. */
  readonly children: Int32Array;
  /** Which leaf a node is; 0 for any other. */
  readonly leaves: Int32Array;
  /** Shares of the classes in each leaf, `[leaves, classes]`. */
  readonly shares: Float32Array;
}

/** What no number is above. */
export const NEVER = 3.4e38;

/** Bins of a feature, and rows that their borders are taken from, at most. */
const [BINS, BORDERED_ON] = [256, 5000];
/** Nodes between two tellings of how far it is. */
const TOLD = 50;

/**
 * Trees on bootstrap samples, each node split where the Gini impurity falls most, of a few features drawn anew (Breiman 2001, Random
 * Forests). Borders lie between bins of a feature, of which there is one for each value where there are no more. A tree with its
 * number of leaves, level by level from the root, is done. Yields the share that is done.
 */
export function* growForest(examples: Examples, options: ForestOptions, seed: number): Generator<number, Tree[]> {
  const binned = new BinnedRows(examples, seed);
  for (const _ of binned.fill()) yield 0;
  const trees: Tree[] = [];
  for (let t = 0; t < options.trees; t++) {
    const growing = new Growing(examples, binned, options, new Random(seed, `tree:${t}`)).grow();
    let next = growing.next();
    for (; !next.done; next = growing.next()) yield t / options.trees;
    trees.push(next.value);
  }
  return trees;
}

/** The bin of each number of each row, feature after feature. */
class BinnedRows {
  /** `[d, n]` */
  readonly bins: Uint8Array;
  /** Of each feature the borders between its bins, rising: bin b is above border b - 1 and not above b. */
  readonly borders: readonly Float32Array[];

  constructor(
    private readonly examples: Examples,
    seed: number,
  ) {
    const { rows, d, labels } = examples;
    const n = labels.length;
    const sample = new Random(seed, "bins").permutation(n).subarray(0, BORDERED_ON);
    this.bins = new Uint8Array(n * d);
    this.borders = Array.from({ length: d }, (_, f) => bordersOf(Float32Array.from(sample, (i) => rows[i * d + f]!)));
  }

  *fill(): Generator<undefined, void> {
    const { rows, d, labels } = this.examples;
    const n = labels.length;
    for (const [f, borders] of this.borders.entries()) {
      for (let i = 0; i < n; i++) {
        let [low, high] = [0, borders.length];
        const value = rows[i * d + f]!;
        while (low < high) {
          const middle = (low + high) >> 1;
          if (value > borders[middle]!) low = middle + 1;
          else high = middle;
        }
        this.bins[f * n + i] = low;
      }
      yield undefined;
    }
  }
}

/** The middles between values, or where there are too many, between those at equal shares of them. */
function bordersOf(values: Float32Array): Float32Array {
  values.sort();
  const distinct = values.filter((value, i) => i === 0 || value !== values[i - 1]);
  const middle = (all: Float32Array, i: number) => Math.fround((all[i - 1]! + all[i]!) / 2);
  if (distinct.length <= BINS)
    return Float32Array.from({ length: distinct.length - 1 }, (_, i) => middle(distinct, i + 1));
  const borders = Float32Array.from({ length: BINS - 1 }, (_, b) =>
    middle(values, Math.round(((b + 1) * values.length) / BINS)),
  );
  return borders.filter((value, i) => i === 0 || value !== borders[i - 1]);
}

/** Where a node is best divided. */
interface Split {
  readonly feature: number;
  /** The last bin that goes to the left. */
  readonly bin: number;
}

/** A node that may be divided: the examples `from..to` of the tree's order. */
interface Open {
  readonly node: number;
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

/** One tree as it grows. */
class Growing {
  /** Numbers of the examples that were drawn, those of a node beside each other. */
  private readonly order: Int32Array;
  /** How much each counts: how often it was drawn times its weight. */
  private readonly counts: Float64Array;
  private readonly histogram: Float64Array;
  private readonly inBin = new Int32Array(BINS);
  private readonly left: Float64Array;
  private readonly drawn: Int32Array;

  constructor(
    private readonly examples: Examples,
    private readonly binned: BinnedRows,
    private readonly options: ForestOptions,
    private readonly random: Random,
  ) {
    const { labels, classes, weights, d } = examples;
    const n = labels.length;
    this.counts = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const drawn = random.integer(n);
      this.counts[drawn]! += weights[drawn]!;
    }
    this.order = Int32Array.from(labels.keys()).filter((i) => this.counts[i]! > 0);
    this.histogram = new Float64Array(BINS * classes);
    this.left = new Float64Array(classes);
    this.drawn = Int32Array.from({ length: d }, (_, f) => f);
  }

  *grow(): Generator<undefined, Tree> {
    const { depth: deepest, leaves: most, least } = this.options;
    const features = [0];
    const thresholds = [NEVER];
    const children = [0];
    const ends = new Map<number, Open>();
    const open: Open[] = [{ node: 0, from: 0, to: this.order.length, depth: 0 }];
    let leaves = 1;
    for (let at = 0; at < open.length; at++) {
      if (at % TOLD === 0) yield undefined;
      const part = open[at]!;
      const divisible = leaves < most && part.depth < deepest && part.to - part.from >= 2 * least;
      const split = divisible ? this.bestSplit(part) : undefined;
      if (!split) {
        ends.set(part.node, part);
        continue;
      }
      const middle = this.divide(part, split);
      const first = features.length;
      features[part.node] = split.feature;
      thresholds[part.node] = this.binned.borders[split.feature]![split.bin]!;
      children[part.node] = first;
      for (const [i, [from, to]] of [[part.from, middle] as const, [middle, part.to] as const].entries()) {
        features.push(0);
        thresholds.push(NEVER);
        children.push(first + i);
        open.push({ node: first + i, from, to, depth: part.depth + 1 });
      }
      leaves++;
    }
    const numbers = new Int32Array(features.length);
    const { classes } = this.examples;
    const shares = new Float32Array(ends.size * classes);
    for (const [leaf, [node, part]] of [...ends].entries()) {
      numbers[node] = leaf;
      shares.set(this.sharesOf(part), leaf * classes);
    }
    return {
      features: Int32Array.from(features),
      thresholds: Float32Array.from(thresholds),
      children: Int32Array.from(children),
      leaves: numbers,
      shares,
    };
  }

  private sharesOf({ from, to }: Open): Float64Array {
    const { labels, classes } = this.examples;
    const sums = new Float64Array(classes);
    let total = 0;
    for (let at = from; at < to; at++) {
      const i = this.order[at]!;
      sums[labels[i]!]! += this.counts[i]!;
      total += this.counts[i]!;
    }
    return sums.map((sum) => sum / total);
  }

  /** The best split of a node over features drawn until enough of them are not the same in all of its examples. */
  private bestSplit(part: Open): Split | undefined {
    const { random, drawn } = this;
    const sums = this.sharesOf(part);
    if (sums.some((share) => share === 1)) return undefined;
    let best: (Split & { readonly score: number }) | undefined;
    let useful = 0;
    for (let i = 0; i < drawn.length && useful < this.options.tried; i++) {
      const j = i + random.integer(drawn.length - i);
      [drawn[i], drawn[j]] = [drawn[j]!, drawn[i]!];
      const found = this.splitOf(part, drawn[i]!);
      if (found === undefined) continue;
      useful++;
      if (!best || found.score > best.score) best = found;
    }
    return best && Number.isFinite(best.score) ? best : undefined;
  }

  /** The best border of a feature; undefined where all examples are in one bin. Its score is -∞ where no side would be large enough. */
  private splitOf({ from, to }: Open, feature: number): (Split & { readonly score: number }) | undefined {
    const { labels, classes } = this.examples;
    const { histogram, inBin, left, order, counts } = this;
    const offset = feature * labels.length;
    const { bins } = this.binned;
    let [low, high] = [BINS, -1];
    const whole = new Float64Array(classes);
    for (let at = from; at < to; at++) {
      const i = order[at]!;
      const bin = bins[offset + i]!;
      if (bin < low) low = bin;
      if (bin > high) high = bin;
      inBin[bin]!++;
      histogram[bin * classes + labels[i]!]! += counts[i]!;
      whole[labels[i]!]! += counts[i]!;
    }
    const total = whole.reduce((a, b) => a + b, 0);
    let best = { feature, bin: -1, score: Number.NEGATIVE_INFINITY };
    let [sum, seen, last] = [0, 0, -1];
    left.fill(0);
    for (let bin = low; bin <= high; bin++) {
      const here = inBin[bin]!;
      if (here === 0) continue;
      if (last >= 0 && seen >= this.options.least && to - from - seen >= this.options.least) {
        // The Gini impurity of the two sides is least where this is largest.
        let [squaresLeft, squaresRight] = [0, 0];
        for (let c = 0; c < classes; c++) {
          squaresLeft += left[c]! ** 2;
          squaresRight += (whole[c]! - left[c]!) ** 2;
        }
        const score = squaresLeft / sum + squaresRight / (total - sum);
        // Of the borders in between, that in the middle.
        if (score > best.score) best = { feature, bin: (last + bin - 1) >> 1, score };
      }
      for (let c = 0; c < classes; c++) {
        left[c]! += histogram[bin * classes + c]!;
        sum += histogram[bin * classes + c]!;
      }
      seen += here;
      last = bin;
    }
    for (let bin = low; bin <= high; bin++) inBin[bin] = 0;
    histogram.fill(0, low * classes, (high + 1) * classes);
    return low === high ? undefined : best;
  }

  /** Brings the examples of the left side before those of the right. @returns where the right begins */
  private divide({ from, to }: Open, { feature, bin }: Split): number {
    const { order } = this;
    const offset = feature * this.examples.labels.length;
    const right: number[] = [];
    let at = from;
    for (let k = from; k < to; k++) {
      const i = order[k]!;
      if (this.binned.bins[offset + i]! > bin) right.push(i);
      else order[at++] = i;
    }
    order.set(right, at);
    return at;
  }
}
