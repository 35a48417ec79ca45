// RandAugment (Cubuk et al. 2020): a few operations, picked at random from a table, each at a random strength.
import type { Random } from "../../random/random.ts";
import type { PictureShape } from "../picture.ts";
import { recolour } from "./colour.ts";
import { applyByHistogram, applyCurve, autocontrast, equalize, posterize, solarize } from "./curves.ts";
import { DEGREE, symmetric } from "./draw.ts";
import type { Filters } from "./filters.ts";
import type { Move } from "./geometry.ts";

/** What an operation may use beside the picture `[h, w, c]`. */
interface Tools {
  readonly shape: PictureShape;
  readonly filters: Filters;
  readonly random: Random;
}

/** One operation: it moves the picture, or changes its values, or neither. */
export interface Operation {
  readonly move?: (move: Move, tools: Tools) => void;
  readonly change?: (picture: Uint8Array, tools: Tools) => void;
}

/** A factor of an enhancement, 0.1 to 1.9. */
const factor = (random: Random): number => 1 + symmetric(random, 0.9);

/** The table, with the ranges of AutoAugment (Cubuk et al. 2019, appendix); shifts go up to 0.3 of the side. */
export const OPERATIONS = {
  identity: {},
  rotate: { move: (move, { random }) => void (move.angle += symmetric(random, 30 * DEGREE)) },
  shearX: { move: (move, { random }) => void (move.shear += symmetric(random, 0.3)) },
  shearY: { move: (move, { random }) => void (move.slope += symmetric(random, 0.3)) },
  translateX: { move: (move, { random, shape }) => void (move.dx += symmetric(random, 0.3) * shape.width) },
  translateY: { move: (move, { random, shape }) => void (move.dy += symmetric(random, 0.3) * shape.height) },
  autocontrast: { change: (picture, { shape }) => applyByHistogram(picture, shape.channels, autocontrast) },
  equalize: { change: (picture, { shape }) => applyByHistogram(picture, shape.channels, equalize) },
  posterize: { change: (picture, { random }) => applyCurve(picture, posterize(4 + random.integer(5))) },
  solarize: { change: (picture, { random }) => applyCurve(picture, solarize(256 * random.uniform())) },
  brightness: { change: (picture, { shape, random }) => recolour(picture, shape, { brightness: factor(random) }) },
  contrast: { change: (picture, { shape, random }) => recolour(picture, shape, { contrast: factor(random) }) },
  sharpness: { change: (picture, { filters, random }) => filters.sharpen(picture, factor(random)) },
  saturation: { change: (picture, { shape, random }) => recolour(picture, shape, { saturation: factor(random) }) },
} as const satisfies Record<string, Operation>;

const { saturation: _, ...GREY } = OPERATIONS;

/** Picks operations for a picture, each independently of the others; saturation for colour alone. */
export function pickOperations(count: number, { channels }: PictureShape, random: Random): Operation[] {
  const known: readonly Operation[] = Object.values(channels === 3 ? OPERATIONS : GREY);
  return Array.from({ length: count }, () => known[random.integer(known.length)]!);
}
