// Winograd's convolutions (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4): 3x3 taps and the values
// of a tile of the picture are coefficients of polynomials; these are evaluated at points, multiplied there, and the product is
// found from its values, so that a result takes fewer products than taps. Backends compute them each in their way.

/** Results of a tile along one axis. */
export type TileSize = 2 | 4;
/** Taps of the kernel along one axis. */
export const TAPS = 3;

/** What is evaluated at the points; each matrix has a row for each of them. */
export interface TileMatrices {
  /** Of `size + 2` values of the picture. */
  readonly picture: Matrix;
  /** Of the three taps. */
  readonly taps: Matrix;
  /** Of `size` results; its transpose gives the results. */
  readonly results: Matrix;
}

/** Rows of factors. */
export type Matrix = readonly (readonly number[])[];

/**
 * By tile size. The points are 0, 1, -1, infinity and 0, 1, -1, 2, -2, infinity; those that differ in their sign stand together, as
 * they share half of the sums. `picture` is B, `taps` G and `results` A of the paper, all as points by values.
 */
export const TILES: Readonly<Record<TileSize, TileMatrices>> = {
  2: {
    picture: [
      [1, 0, -1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, -1, 0, 1],
    ],
    taps: [
      [1, 0, 0],
      [1 / 2, 1 / 2, 1 / 2],
      [1 / 2, -1 / 2, 1 / 2],
      [0, 0, 1],
    ],
    results: [
      [1, 0],
      [1, 1],
      [1, -1],
      [0, 1],
    ],
  },
  4: {
    picture: [
      [4, 0, -5, 0, 1, 0],
      [0, -4, -4, 1, 1, 0],
      [0, 4, -4, -1, 1, 0],
      [0, -2, -1, 2, 1, 0],
      [0, 2, -1, -2, 1, 0],
      [0, 4, 0, -5, 0, 1],
    ],
    taps: [
      [1 / 4, 0, 0],
      [-1 / 6, -1 / 6, -1 / 6],
      [-1 / 6, 1 / 6, -1 / 6],
      [1 / 24, 1 / 12, 1 / 6],
      [1 / 24, -1 / 12, 1 / 6],
      [0, 0, 1],
    ],
    results: [
      [1, 0, 0, 0],
      [1, 1, 1, 1],
      [1, -1, 1, -1],
      [1, 2, 4, 8],
      [1, -2, 4, -8],
      [0, 0, 0, 1],
    ],
  },
};

/** Points along one axis. */
export const pointsOf = (size: TileSize): number => size + TAPS - 1;
