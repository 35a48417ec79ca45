// Training with convolutions in tiles of each size, and in none: a run repeats its bits when it is stopped and gone on with.
import { beforeAll, describe, expect, it } from "vitest";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { cnn } from "../../src/models/cnn.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { Snapshot } from "../../src/train/fit-options.ts";
import { BY_TILES } from "../helpers.ts";
import { trainGan } from "./small-gan.ts";

const data = withValidation(glyphs({ train: 240, test: 10 }), 0.2, 1);
const { height, width, channels } = data.train;
const spec = { ...{ height, width, channels }, classes: data.classes, mirror: false };
// Two convolutions, of one channel and of four: on oneDNN only the second can be in tiles.
const model = cnn.build(parseOptions(cnn, { width: 4, depth: 1, hidden: 8 }), spec);

const bitsOf = ({ state }: Snapshot) =>
  [...state].map(([path, { data }]) => [path, Buffer.from(data.buffer).toString("base64")]);

describe("a run with a size of tiles forced", () => {
  /** Runs that were never stopped, in the order of `BY_TILES`. */
  const straight: Snapshot[] = [];

  beforeAll(async () => {
    for (const backend of BY_TILES) straight.push((await trainGan(model, data, { backend, epochs: 2 })).saved);
  });

  it.each(BY_TILES.map((backend, i) => ({ ...backend, i })))(
    "is stopped in mid-epoch and gone on with: $name leaves the same bits",
    async ({ i, ...backend }) => {
      let seen = 0;
      const stopped = await trainGan(model, data, { backend, epochs: 2, interrupted: () => ++seen >= 4 });
      // An epoch is six steps; the one that was in flight is kept too.
      expect(stopped.saved.progress.step).toBe(5);
      const resumed = await trainGan(model, data, { backend, epochs: 2, resume: stopped.saved });
      expect(resumed.saved.progress.step).toBe(12);
      expect(bitsOf(resumed.saved)).toEqual(bitsOf(straight[i]!));
    },
  );

  it("rounds as its tiles do", () => {
    expect(new Set(straight.map((run) => JSON.stringify(bitsOf(run)))).size).toBe(BY_TILES.length);
  });
});
