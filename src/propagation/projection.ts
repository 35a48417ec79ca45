// Random projection: fewer numbers a point, which keep distances about as they are (Johnson & Lindenstrauss 1984; Achlioptas 2003).
import { Random } from "../random/random.ts";
import { product } from "./product.ts";

/**
 * Points `[n, width]` as `[n, target]`: products with a fixed matrix of normal values, of variance 1 / target, so that squared
 * distances keep their expectation. Points that are no wider are returned as they are.
 * @throws `E_BACKEND` where the process may not have the memory
 */
export function randomProjection(points: Float32Array, width: number, target: number): Float32Array {
  if (width <= target) return points;
  const matrix = new Float32Array(width * target);
  new Random(0, "projection").fillNormal(matrix);
  const scaled = matrix.map((value) => value / Math.sqrt(target));
  return product(points, width, scaled, target);
}
