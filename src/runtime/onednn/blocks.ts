// How convolutions in tiles are cut: into parts for the threads and blocks for their caches; and how the matrices of a block lie.

import { phasesOf, type Sides, type Tiles, tilesOf } from "../../graph/winograd.ts";
import { share } from "./protocol.ts";

/** Tiles in a block: enough for a product to run near its full rate, and as many as fit a core's own cache beside weights. */
interface BlockSize {
  readonly least: number;
  readonly most: number;
  readonly bytes: number;
  /** Whether blocks are of whole pictures. */
  readonly whole: boolean;
}
export const BLOCK: BlockSize = { least: 64, most: 96, bytes: 2 ** 20, whole: false };
/** Of a weights gradient, whose products are as long as the block. */
export const LONG_BLOCK: BlockSize = { ...BLOCK, most: 128 };
/** Of a picture whose tiles overlap. */
export const WHOLE_BLOCK: BlockSize = { ...BLOCK, whole: true };

/** What is convolved with what, in tiles. */
export interface TiledConvolution {
  /** For messages. */
  readonly label: string;
  readonly tiles: Tiles;
  readonly images: number;
  /** Height, width and channels of each picture, and of its result; both in the forward sense where tiles overlap. */
  readonly picture: Sides;
  readonly result: Sides;
  /** Pixels of padding above and to the left. */
  readonly before: readonly [top: number, left: number];
  /** How many parts the rows of tiles are cut into. */
  readonly parts: number;
}

/** Rows of tiles in parts, and each part in blocks. */
export class Blocks {
  /** Rows and columns of tiles of a picture. */
  readonly tiles: readonly [rows: number, columns: number];
  /** `[from, to)` in rows of tiles, counted through all pictures. */
  readonly parts: readonly (readonly (readonly [from: number, to: number])[])[];
  /** Tiles in the largest block. */
  readonly most: number;
  /**
   * Rows of its matrices: an odd number, so that values of a tile fall on other lines of a cache at every point, without the gaps between
   * matrices that the library's faster products do not take. One row may be no tile.
   */
  readonly rows: number;

  constructor(
    { tiles, images, picture: [, , c], result, parts }: TiledConvolution,
    { least, most: many, bytes, whole }: BlockSize,
  ) {
    this.tiles = tilesOf(tiles, result);
    const values = tiles.points ** 2 * (phasesOf(tiles) * c + result[2]);
    const tilesInBlock = Math.max(least, Math.min(many, bytes / (4 * values)));
    const [rows, columns] = this.tiles;
    const grain = whole ? rows : 1;
    const most = Math.max(grain, Math.floor(tilesInBlock / columns / grain) * grain);
    this.parts = share(images * rows, grain, parts).map(([begin, end]) =>
      share(end - begin, grain, Math.ceil((end - begin) / most)).map(
        ([from, to]) => [begin + from, begin + to] as const,
      ),
    );
    this.most = columns * Math.max(...this.parts.flat().map(([from, to]) => to - from));
    this.rows = this.most | 1;
  }
}

/** Values in a line of a cache, the sets of lines of a first cache, and the lines of a set that a tile may take. */
const LINE = 16;
const SETS = 64;
const WAYS = 6;

/** Values between matrices, so that a tile's at all points do not fall on the same few lines of a cache. */
export function gapAfter(values: number, points: number): number {
  let step = Math.ceil(values / LINE);
  let sets = SETS;
  for (; step % 2 === 0 && sets > 1; step /= 2) sets /= 2;
  return points <= WAYS * sets ? 0 : LINE;
}

/** Weights from which the library's products of matrices with gaps are as fast as of those without. */
const LARGE_WEIGHTS = 2 ** 13;
/** Values between matrices of weights: none where a product would be slower for them. */
export const weightsGap = (values: number, points: number): number =>
  values < LARGE_WEIGHTS ? 0 : gapAfter(values, points);
