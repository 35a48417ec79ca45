// The dual of a support vector machine of two classes, by sequential minimal optimisation.

/** A problem of two classes. */
export interface DualProblem {
  /** Examples. */
  readonly n: number;
  /** +1 or -1 for each. */
  readonly signs: Int8Array;
  /** The largest coefficient of each: C times its weight. */
  readonly limits: Float64Array;
  /** The kernel of example `i` with all, `[n]`; valid until two others have been asked for. */
  row(i: number): Float32Array;
  /** The kernel of each example with itself. */
  readonly diagonal: (i: number) => number;
}

/** What decides: the sum of coefficient · sign · kernel over the examples, plus the offset, is above 0 for the class +1. */
export interface DualSolution {
  /** α of each example, 0..its limit. */
  readonly alpha: Float64Array;
  readonly offset: number;
  /** Whether the conditions of an optimum hold; else it was given up after many steps. */
  readonly solved: boolean;
}

/** How far the conditions of an optimum may be missed, as in LIBSVM. */
const TOLERANCE = 1e-3;
/** In place of a curvature that is not above 0. */
const FLAT = 1e-12;
/** Steps between two tellings of how far it is. */
const TOLD = 500;

/**
 * Minimises ½ Σ αᵢ αⱼ yᵢ yⱼ K(i, j) - Σ αᵢ with Σ αᵢ yᵢ = 0: two coefficients a step, chosen by second-order information (Fan, Chen & Lin
 * 2005, Working Set Selection Using Second Order Information for Training Support Vector Machines, WSS 2). Yields now and then.
 */
export function* supportVectors(problem: DualProblem): Generator<undefined, DualSolution> {
  const { n, signs, limits, diagonal } = problem;
  const alpha = new Float64Array(n);
  /** Of the function that is minimised. */
  const gradient = new Float64Array(n).fill(-1);
  const most = Math.max(10_000, 100 * n);
  const own = Float64Array.from({ length: n }, (_, i) => diagonal(i));
  // The two largest violations meet at the offset.
  let [high, low] = [0, 0];
  for (let step = 1; step <= most; step++) {
    let i = -1;
    high = Number.NEGATIVE_INFINITY;
    for (let t = 0; t < n; t++) {
      const y = signs[t]!;
      if (y > 0 ? alpha[t]! >= limits[t]! : alpha[t]! <= 0) continue;
      const value = -y * gradient[t]!;
      if (value > high) {
        high = value;
        i = t;
      }
    }
    const first = i < 0 ? undefined : problem.row(i);
    let j = -1;
    low = Number.POSITIVE_INFINITY;
    let steepest = Number.POSITIVE_INFINITY;
    for (let t = 0; first && t < n; t++) {
      const y = signs[t]!;
      if (y > 0 ? alpha[t]! <= 0 : alpha[t]! >= limits[t]!) continue;
      const value = -y * gradient[t]!;
      if (value < low) low = value;
      const away = high - value;
      if (away <= 0) continue;
      const curvature = own[i]! + own[t]! - 2 * first[t]!;
      const gain = -(away * away) / (curvature > 0 ? curvature : FLAT);
      if (gain < steepest) {
        steepest = gain;
        j = t;
      }
    }
    if (j < 0 || high - low < TOLERANCE) return { alpha, offset: offsetOf(high, low), solved: true };
    move(i, j, { alpha, gradient, limits, signs, own }, first!, problem.row(j));
    if (step % TOLD === 0) yield undefined;
  }
  return { alpha, offset: offsetOf(high, low), solved: false };
}

const offsetOf = (high: number, low: number): number =>
  Number.isFinite(high) && Number.isFinite(low) ? (high + low) / 2 : Number.isFinite(high) ? high : low;

interface State {
  readonly alpha: Float64Array;
  readonly gradient: Float64Array;
  readonly limits: Float64Array;
  readonly signs: Int8Array;
  readonly own: Float64Array;
}

/** Moves two coefficients to their optimum within their limits, the sum of signed ones unchanged, and the gradient with them. */
function move(
  i: number,
  j: number,
  { alpha, gradient, limits, signs, own }: State,
  kernelI: Float32Array,
  kernelJ: Float32Array,
): void {
  const [yi, yj] = [signs[i]!, signs[j]!];
  const curvature = Math.max(own[i]! + own[j]! - 2 * kernelI[j]!, FLAT);
  // αᵢ changes by yᵢ δ and αⱼ by -yⱼ δ.
  let delta = (-yi * gradient[i]! + yj * gradient[j]!) / curvature;
  delta = Math.min(delta, yi > 0 ? limits[i]! - alpha[i]! : alpha[i]!, yj > 0 ? alpha[j]! : limits[j]! - alpha[j]!);
  const clamp = (value: number, limit: number) => Math.min(limit, Math.max(0, value));
  const [beforeI, beforeJ] = [alpha[i]!, alpha[j]!];
  alpha[i] = clamp(beforeI + yi * delta, limits[i]!);
  alpha[j] = clamp(beforeJ - yj * delta, limits[j]!);
  const [changeI, changeJ] = [(alpha[i]! - beforeI) * yi, (alpha[j]! - beforeJ) * yj];
  for (let t = 0; t < gradient.length; t++) gradient[t]! += signs[t]! * (changeI * kernelI[t]! + changeJ * kernelJ[t]!);
}
