// The error of angles, for models whose angles are known: those of the centre of the ink.
import { describe, expect, it } from "vitest";
import type { ImageSet } from "../../src/data/dataset.ts";
import { inMemory } from "../../src/data/pixels.ts";
import { angleFindings, turnErrors } from "../../src/predict/angle-error.ts";
import type { TrainedModel } from "../../src/predict/trained.ts";

const SIZE = 21;
const MIDDLE = (SIZE - 1) / 2;
const DIGITS = [..."0123456789"];

/** Pictures of a white disc of radius 2 at 6 pixels from the centre, around the circle; of the ten classes in turn. */
function discs(n: number): ImageSet {
  const bytes = new Uint8Array(n * SIZE * SIZE);
  for (let i = 0; i < n; i++) {
    const angle = 2.4 * i;
    const [x, y] = [MIDDLE + 6 * Math.cos(angle), MIDDLE - 6 * Math.sin(angle)];
    for (let row = 0; row < SIZE; row++)
      for (let column = 0; column < SIZE; column++)
        if (Math.hypot(column - x, row - y) <= 2) bytes[(i * SIZE + row) * SIZE + column] = 255;
  }
  return {
    ...{ height: SIZE, width: SIZE, channels: 1 },
    pixels: inMemory(SIZE * SIZE, bytes),
    labels: Int32Array.from({ length: n }, (_, i) => i % 10),
  };
}

/** Degrees of the centre of the ink of pictures, counterclockwise as seen. */
const directions = (picture: Uint8Array): number[] =>
  Array.from({ length: picture.length / SIZE ** 2 }, (_, i) => {
    let [x, y] = [0, 0];
    for (let p = 0; p < SIZE ** 2; p++) {
      const ink = picture[i * SIZE ** 2 + p]!;
      x += ink * ((p % SIZE) - MIDDLE);
      y += ink * (MIDDLE - Math.floor(p / SIZE));
    }
    return (Math.atan2(y, x) * 180) / Math.PI;
  });

/** A model that says of pictures what `tell` makes of their directions; `call` counts from 0. */
function saying(
  classes: readonly string[],
  tell: (direction: number, i: number, call: number) => number,
): TrainedModel {
  let calls = 0;
  return {
    spec: { classes },
    has: (name: string) => name === "angle",
    run: async (_: string, { picture }: { picture: Uint8Array }) => {
      const call = calls++;
      return { data: Float32Array.from(directions(picture), (angle, i) => tell(angle, i, call)) };
    },
  } as unknown as TrainedModel;
}

describe("the error of angles", () => {
  const set = discs(400);

  it("is next to nothing for a model that tells the true angle, in any frame", async () => {
    const { index, errors } = await turnErrors(
      saying(DIGITS, (angle) => angle + 77),
      set,
    );
    expect([...index].sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, i) => i));
    // The centre of a disc of 13 pixels is known to a fifth of a pixel, which is two degrees at 6 pixels; before and after the turn.
    expect(Math.max(...errors)).toBeLessThan(4);
  });

  it("is a quarter turn on average for a model that always says the same, and half of it for what looks the same upside down", async () => {
    const { index, errors } = await turnErrors(
      saying(DIGITS, () => 12),
      set,
    );
    const mean = (holds: (label: number) => boolean) => {
      const own = errors.filter((_, i) => holds(set.labels[index[i]!]!));
      return own.reduce((a, b) => a + b) / own.length;
    };
    const isSymmetric = (label: number) => [0, 1, 8].includes(label);
    // Uniform in 0..180 and 0..90: standard deviations 52 and 26, of 280 and 120 pictures; four standard errors.
    expect(Math.abs(mean((label) => !isSymmetric(label)) - 90)).toBeLessThan((4 * 52) / Math.sqrt(280));
    expect(Math.abs(mean(isSymmetric) - 45)).toBeLessThan((4 * 26) / Math.sqrt(120));
  });

  it("of half a turn counts for 0, 1 and 8 among the ten digits alone", async () => {
    const flipping = (classes: readonly string[]) => saying(classes, (angle, _, call) => angle + 180 * call);
    const { index, errors } = await turnErrors(flipping(DIGITS), set);
    errors.forEach((error, i) => {
      expect(error > 170).toBe(![0, 1, 8].includes(set.labels[index[i]!]!));
    });
    const others = await turnErrors(flipping(DIGITS.map((digit) => `class ${digit}`)), set);
    expect(Math.min(...others.errors)).toBeGreaterThan(170);
  });

  it("is the mean in degrees, with its interval, of 2000 pictures at most; none without an angle", async () => {
    const [finding] = await angleFindings(
      saying(DIGITS, () => 0),
      set,
    );
    const { errors } = await turnErrors(
      saying(DIGITS, () => 0),
      set,
    );
    expect(finding!.info).toMatchObject({ name: "angleError", unit: "degrees", better: "lower" });
    expect(finding!.value).toBeCloseTo(errors.reduce((a, b) => a + b) / 400, 9);
    const [low, high] = finding!.interval!;
    expect((low + high) / 2).toBeCloseTo(finding!.value!, 9);
    expect(
      (
        await turnErrors(
          saying(DIGITS, () => 0),
          discs(2100),
        )
      ).errors,
    ).toHaveLength(2000);
    const silent = { has: () => false } as unknown as TrainedModel;
    expect(await angleFindings(silent, set)).toEqual([]);
  });
});
