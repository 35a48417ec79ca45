// Filters against noise that learn nothing, on grey pictures [h · w] in 0..1: what a denoiser must beat.

/** A filter with a parameter: a picture of `height` x `width` -> a picture. */
export type Filter = (picture: Float64Array, height: number, width: number, parameter: number) => Float64Array;

/** Beyond the edge, the edge repeats. */
const reader = (picture: Float64Array, h: number, w: number) => (y: number, x: number) =>
  picture[Math.min(Math.max(y, 0), h - 1) * w + Math.min(Math.max(x, 0), w - 1)]!;

const eachPixel = (h: number, w: number, value: (y: number, x: number) => number) =>
  Float64Array.from({ length: h * w }, (_, i) => value(Math.floor(i / w), i % w));

/** Gaussian blur. @param deviation in pixels */
export const gaussian: Filter = (picture, h, w, deviation) => {
  const radius = Math.ceil(3 * deviation);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / deviation) ** 2),
  );
  const total = weights.reduce((a, b) => a + b, 0);
  const sum = (at: (k: number) => number) =>
    weights.reduce((all, weight, i) => all + weight * at(i - radius), 0) / total;
  const at = reader(picture, h, w);
  const rows = reader(
    eachPixel(h, w, (y, x) => sum((k) => at(y, x + k))),
    h,
    w,
  );
  return eachPixel(h, w, (y, x) => sum((k) => rows(y + k, x)));
};

/** The median of a square. @param side of it, an odd number of pixels */
export const median: Filter = (picture, h, w, side) => {
  const at = reader(picture, h, w);
  const radius = side >> 1;
  return eachPixel(h, w, (y, x) => {
    const values = Float64Array.from({ length: side * side }, (_, i) =>
      at(y + Math.floor(i / side) - radius, x + (i % side) - radius),
    ).sort();
    return values[values.length >> 1]!;
  });
};

/** Pixels from the middle to the edge of the compared patches, and of the part that is searched. */
const [PATCH, SEARCH] = [2, 7];

/**
 * Non-local means (Buades, Coll & Morel 2005): each pixel becomes the mean of those near it whose surroundings look alike.
 * @param h how unlike surroundings may be: the weight is exp(-(mean squared difference) / h²)
 */
export const nonLocalMeans: Filter = (picture, height, width, h) => {
  const at = reader(picture, height, width);
  const [wide, side] = [width + 2 * PATCH, 2 * PATCH + 1];
  const sums = new Float64Array(height * width);
  const weights = new Float64Array(height * width);
  const rows = new Float64Array((height + 2 * PATCH) * width);
  const squares = new Float64Array(wide);
  for (let dy = -SEARCH; dy <= SEARCH; dy++)
    for (let dx = -SEARCH; dx <= SEARCH; dx++) {
      // Squared differences for this move: sums along rows, then down columns.
      for (let y = -PATCH; y < height + PATCH; y++) {
        for (let x = 0; x < wide; x++) squares[x] = (at(y, x - PATCH) - at(y + dy, x - PATCH + dx)) ** 2;
        for (let x = 0; x < width; x++) {
          let total = 0;
          for (let j = 0; j < side; j++) total += squares[x + j]!;
          rows[(y + PATCH) * width + x] = total;
        }
      }
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          let total = 0;
          for (let i = 0; i < side; i++) total += rows[(y + i) * width + x]!;
          const weight = Math.exp(-total / side ** 2 / h ** 2);
          sums[y * width + x]! += weight * at(y + dy, x + dx);
          weights[y * width + x]! += weight;
        }
    }
  return sums.map((sum, i) => sum / weights[i]!);
};
