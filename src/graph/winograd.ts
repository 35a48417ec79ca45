// Winograd's convolutions (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4): the taps and the values of
// a tile of the picture are coefficients of polynomials; these are evaluated at points, multiplied there, and the product is found from
// its values, so that a result takes fewer products than taps. Backends compute them each in their way.
// A convolution with stride 2 is the sum of four with stride 1: those of the pixels in even or odd rows and columns (its phases) with
// the taps in such rows and columns; all four have the same points, where they are added up.

/** Results of a tile along one axis. */
export type TileSize = 2 | 4;
/** Taps along one axis of the kernels that are computed in tiles: 3 with stride 1, and 4 with stride 2. */
export type TiledKernel = 3 | 4;

/** What is evaluated at the points; each matrix has a row for each of them. */
export interface TileMatrices {
  /** Of the values of a phase of the picture that a tile of results reads: `size` and one less than there are taps. */
  readonly picture: Matrix;
  /** Of the taps of a phase. */
  readonly taps: Matrix;
  /** Of `size` results; its transpose gives the results. */
  readonly results: Matrix;
}

/** Rows of factors. */
export type Matrix = readonly (readonly number[])[];

/** How convolutions with one kernel are computed in tiles of one size; all numbers are along one axis. */
export interface Tiles extends TileMatrices {
  readonly size: TileSize;
  readonly kernel: TiledKernel;
  readonly stride: 1 | 2;
  readonly points: number;
}

/**
 * `picture` is B, `taps` G and `results` A of the paper, all as points by values. For three taps the points are 0, 1, -1, infinity and
 * 0, 1, -1, 2, -2, infinity; those that differ in their sign stand together, as they share half of the sums.
 */
const OF_THREE_TAPS: Readonly<Record<TileSize, TileMatrices>> = {
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

/** For two taps they are 0, 1, infinity and 0, 1, -1, 2, infinity. */
const OF_TWO_TAPS: Readonly<Record<TileSize, TileMatrices>> = {
  2: {
    picture: [
      [1, -1, 0],
      [0, 1, 0],
      [0, -1, 1],
    ],
    taps: [
      [1, 0],
      [1, 1],
      [0, 1],
    ],
    results: [
      [1, 0],
      [1, 1],
      [0, 1],
    ],
  },
  4: {
    picture: [
      [2, -1, -2, 1, 0],
      [0, -2, -1, 1, 0],
      [0, 2, -3, 1, 0],
      [0, -1, 0, 1, 0],
      [0, 2, -1, -2, 1],
    ],
    taps: [
      [1 / 2, 0],
      [-1 / 2, -1 / 2],
      [-1 / 6, 1 / 6],
      [1 / 6, 1 / 3],
      [0, 1],
    ],
    results: [
      [1, 0, 0, 0],
      [1, 1, 1, 1],
      [1, -1, 1, -1],
      [1, 2, 4, 8],
      [0, 0, 0, 1],
    ],
  },
};

function tilesWith(
  kernel: TiledKernel,
  stride: 1 | 2,
  matrices: Readonly<Record<TileSize, TileMatrices>>,
): Readonly<Record<TileSize, Tiles>> {
  const tiles = (size: TileSize) => ({
    ...matrices[size],
    size,
    kernel,
    stride,
    points: matrices[size].picture.length,
  });
  return { 2: tiles(2), 4: tiles(4) };
}

/** By kernel and tile size. */
export const TILES: Readonly<Record<TiledKernel, Readonly<Record<TileSize, Tiles>>>> = {
  3: tilesWith(3, 1, OF_THREE_TAPS),
  4: tilesWith(4, 2, OF_TWO_TAPS),
};

/** How many phases there are. */
export const phasesOf = ({ stride }: Tiles): number => stride ** 2;

/** Height, width and channels of pictures. */
export type Sides = readonly [h: number, w: number, c: number];

/** Rows and columns of tiles of a result. */
export const tilesOf = ({ size }: Tiles, [h, w]: Sides): readonly [rows: number, columns: number] => [
  Math.ceil(h / size),
  Math.ceil(w / size),
];

/** Bytes that a picture of so many channels and its result take at the points. */
export function bytesAtPoints(tiles: Tiles, channels: number, result: Sides): number {
  const [rows, columns] = tilesOf(tiles, result);
  return 4 * tiles.points ** 2 * rows * columns * (phasesOf(tiles) * channels + result[2]);
}
