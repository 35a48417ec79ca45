// Statistics of angles in degrees (Mardia & Jupp 2000, "Directional Statistics", chapter 2). On plain numbers.

const DEGREE = Math.PI / 180;

/** The angle that differs from `angle` by whole periods and lies in -period/2 (included) to period/2. */
export const wrapDegrees = (angle: number, period = 360): number => angle - period * Math.floor(angle / period + 0.5);

/** The direction of the mean of unit vectors, and its length. */
export interface CircularMean {
  /** Degrees in -180..180. */
  readonly mean: number;
  /** 1 for equal angles, 0 for angles that cancel out. */
  readonly resultant: number;
}

/** The circular mean of angles in degrees; a resultant of 0 without any. */
export function circularMean(angles: readonly number[]): CircularMean {
  let [x, y] = [0, 0];
  for (const angle of angles) {
    x += Math.cos(angle * DEGREE) / angles.length;
    y += Math.sin(angle * DEGREE) / angles.length;
  }
  return { mean: Math.atan2(y, x) / DEGREE, resultant: Math.hypot(x, y) };
}

/**
 * Whether angles have a common direction: their resultant R is at least ½, and n R² at least 7, which uniform angles reach
 * with a probability of e^-7 (Rayleigh's test, Mardia & Jupp 2000, section 6.3.1).
 */
export function haveDirection(angles: readonly number[]): boolean {
  const { resultant } = circularMean(angles);
  return resultant >= 0.5 && angles.length * resultant ** 2 >= 7;
}

/** What errors of angles come to. */
export interface AngleErrors {
  /** Mean of the absolute errors, degrees. */
  readonly mean: number;
  /** Their median, degrees. */
  readonly median: number;
  /** Share of them up to 10 degrees, 0..1. */
  readonly within10: number;
}

/** Statistics of absolute errors in degrees; NaN without any. */
export function angleErrors(errors: readonly number[]): AngleErrors {
  const sorted = [...errors].sort((a, b) => a - b);
  const n = sorted.length;
  return {
    mean: sorted.reduce((total, size) => total + size, 0) / n,
    median: n === 0 ? Number.NaN : (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2,
    within10: sorted.filter((size) => size <= 10).length / n,
  };
}
