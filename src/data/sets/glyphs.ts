// Built-in data: digits 0-9 drawn from strokes with random slant, thickness, position, warp and noise. Needs no network.
import { Random } from "../../random/random.ts";
import type { Dataset, ImageSet } from "../dataset.ts";
import { inMemory } from "../pixels.ts";

type Point = readonly [x: number, y: number];

/** Points on an ellipse from angle `from` to `to`, in turns; 0 is right, 0.25 is down. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): Point[] {
  const count = Math.max(3, Math.ceil(Math.abs(to - from) * 16));
  return Array.from({ length: count + 1 }, (_, i): Point => {
    const angle = 2 * Math.PI * (from + ((to - from) * i) / count);
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  });
}

/** Strokes of each digit in a box of -1..1, y down. */
const DIGITS: readonly (readonly Point[])[][] = [
  [arc(0, 0, 0.62, 0.95, 0, 1)],
  [
    [
      [-0.35, -0.6],
      [0.1, -0.95],
      [0.1, 0.95],
    ],
  ],
  [[...arc(0, -0.45, 0.55, 0.5, 0.5, 1.08), [-0.6, 0.95], [0.65, 0.95]]],
  [[...arc(-0.05, -0.47, 0.55, 0.48, 0.55, 1.2), ...arc(-0.05, 0.47, 0.62, 0.48, 0.8, 1.45)]],
  [
    [
      [0.25, 0.95],
      [0.25, -0.95],
      [-0.65, 0.35],
      [0.7, 0.35],
    ],
  ],
  [[[0.55, -0.95], [-0.45, -0.95], [-0.5, -0.1], ...arc(-0.02, 0.35, 0.6, 0.58, 0.62, 1.42)]],
  [
    [[0.35, -0.95], ...arc(0, 0.4, 0.56, 0.55, 0.55, 1.55)],
    [
      [0.35, -0.95],
      [-0.35, -0.1],
      [-0.55, 0.35],
    ],
  ],
  [
    [
      [-0.6, -0.95],
      [0.6, -0.95],
      [-0.15, 0.95],
    ],
  ],
  [arc(0, -0.48, 0.48, 0.46, 0, 1), arc(0, 0.47, 0.6, 0.48, 0, 1)],
  [
    arc(0.02, -0.42, 0.52, 0.52, 0, 1),
    [
      [0.54, -0.42],
      [0.45, 0.3],
      [0.15, 0.95],
    ],
  ],
];

const SIDE = 28;

/** Squared distance from (x, y) to the segment a-b. */
function segmentDistance(x: number, y: number, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-12)));
  return (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2;
}

/** The strokes of one digit in pixels, after a random slant, turn, size, place and warp. */
function place(digit: number, random: Random): Point[][] {
  const symmetric = (size: number) => (2 * random.uniform() - 1) * size;
  const slant = symmetric(0.3) + 0.1;
  const angle = symmetric(0.18);
  const [sx, sy] = [8 + symmetric(1.6), 9.2 + symmetric(1.4)];
  const [cx, cy] = [SIDE / 2 + symmetric(2.2), SIDE / 2 + symmetric(2.2)];
  const waves = Array.from(
    { length: 4 },
    () => [symmetric(0.09), 1 + 2 * random.uniform(), 6.28 * random.uniform()] as const,
  );
  const wave = (k: number, at: number) => waves[k]![0] * Math.sin(waves[k]![1] * at + waves[k]![2]);
  return DIGITS[digit]!.map((stroke) =>
    stroke.map(([x, y]): Point => {
      const u = x + wave(0, 2 * y) + wave(1, 3 * x) - slant * y;
      const v = y + wave(2, 2 * x) + wave(3, 3 * y);
      return [
        cx + sx * (u * Math.cos(angle) - v * Math.sin(angle)),
        cy + sy * (u * Math.sin(angle) + v * Math.cos(angle)),
      ];
    }),
  );
}

/** Squared distance of each pixel's centre to the strokes, exact below `reach` pixels and large beyond. */
function distances(strokes: readonly Point[][], reach: number): Float64Array {
  const nearest = new Float64Array(SIDE * SIDE).fill(1e9);
  const range = (a: number, b: number) =>
    [
      Math.max(0, Math.floor(Math.min(a, b) - reach - 0.5)),
      Math.min(SIDE - 1, Math.ceil(Math.max(a, b) + reach)),
    ] as const;
  for (const stroke of strokes)
    for (let i = 1; i < stroke.length; i++) {
      const [a, b] = [stroke[i - 1]!, stroke[i]!];
      const [x0, x1] = range(a[0], b[0]);
      const [y0, y1] = range(a[1], b[1]);
      for (let y = y0; y <= y1; y++)
        for (let x = x0; x <= x1; x++)
          nearest[y * SIDE + x] = Math.min(nearest[y * SIDE + x]!, segmentDistance(x + 0.5, y + 0.5, a, b));
    }
  return nearest;
}

function draw(digit: number, random: Random, colour: boolean, out: Uint8Array, offset: number): void {
  const strokes = place(digit, random);
  const radius = 0.7 + 1.1 * random.uniform();
  const noise = 0.1 * random.uniform();
  const channels = colour ? 3 : 1;
  const paper = Array.from({ length: channels }, () => (colour ? 0.45 * random.uniform() : 0));
  const ink = Array.from({ length: channels }, () =>
    colour ? 0.6 + 0.4 * random.uniform() : 0.8 + 0.2 * random.uniform(),
  );
  const nearest = distances(strokes, radius + 0.5);
  const grains = new Float32Array(SIDE * SIDE);
  random.fillUniform(grains);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const cover = Math.min(1, Math.max(0, radius + 0.5 - Math.sqrt(nearest[y * SIDE + x]!)));
      const grain = noise * (2 * grains[y * SIDE + x]! - 1);
      for (let k = 0; k < channels; k++) {
        const value = paper[k]! + (ink[k]! - paper[k]!) * cover + grain;
        out[offset++] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
    }
}

function make(count: number, seed: number, colour: boolean): ImageSet {
  const channels = colour ? 3 : 1;
  const size = SIDE * SIDE * channels;
  const pixels = new Uint8Array(count * size);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 10);
  for (let i = 0; i < count; i++) draw(labels[i]!, new Random(seed, i), colour, pixels, i * size);
  return { height: SIDE, width: SIDE, channels, pixels: inMemory(size, pixels), labels };
}

/** How many digits are drawn, and how. */
export interface GlyphOptions {
  /** Training pictures. Default 10,000. */
  train?: number;
  /** Test pictures. Default 2,000. */
  test?: number;
  /** Seed of the drawings. Default 1. */
  seed?: number;
  /** Whether paper and ink have random colours (3 channels) or are black and white (1 channel). Default false. */
  colour?: boolean;
}

/**
 * Draws a data set of the digits 0 to 9, 28x28 pixels, each class equally often. Picture i depends on the seed and i alone,
 * and the test pictures on another seed than the training pictures.
 */
export function glyphs({ train = 10000, test = 2000, seed = 1, colour = false }: GlyphOptions = {}): Dataset {
  return {
    name: colour ? "glyphs-colour" : "glyphs",
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
    train: make(train, seed, colour),
    test: make(test, seed + 0x5eed, colour),
    mirror: false,
    warnings: [],
  };
}
