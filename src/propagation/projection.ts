// Random projection: fewer numbers a point, which keep distances about as they are (Johnson & Lindenstrauss 1984; Achlioptas 2003).
import { Random } from "../random/random.ts";

/**
 * Points `[n, width]` as `[n, target]`: products with a fixed matrix of normal values, of variance 1 / target, so that squared
 * distances keep their expectation. Points that are no wider are returned as they are.
 */
export function randomProjection(points: Float32Array, width: number, target: number): Float32Array {
  if (width <= target) return points;
  const matrix = new Float32Array(width * target);
  new Random(0, "projection").fillNormal(matrix);
  const scale = 1 / Math.sqrt(target);
  const n = points.length / width;
  const projected = new Float32Array(n * target);
  const row = new Float64Array(target);
  for (let i = 0; i < n; i++) {
    row.fill(0);
    for (let d = 0; d < width; d++) {
      const value = points[i * width + d]!;
      // Many are 0 where the features come from a ReLU.
      if (value === 0) continue;
      for (let j = 0; j < target; j++) row[j]! += value * matrix[d * target + j]!;
    }
    for (let j = 0; j < target; j++) projected[i * target + j] = row[j]! * scale;
  }
  return projected;
}
