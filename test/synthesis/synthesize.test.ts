// New training pictures as a whole: how many, of which class, from which real ones.
import { describe, expect, it } from "vitest";
import { withAdded } from "../../src/data/added.ts";
import { gather, subset } from "../../src/data/dataset.ts";
import { withLabels } from "../../src/data/splits.ts";
import * as g from "../../src/graph/ops/index.ts";
import { head } from "../../src/models/heads.ts";
import type { BuiltModel } from "../../src/models/model.ts";
import { synthesize } from "../../src/synthesis/synthesize.ts";
import { backend, bars, modelOf, plain, SIZE } from "./bars.ts";

const data = bars(30);
const model = modelOf(plain);

const told: [string, number][] = [];
let made: ReturnType<typeof synthesize> | undefined;
/** Twenty new pictures of each class, made once. */
const twenty = () => {
  made ??= synthesize(model, data, { perClass: 20, backend, progress: (...now) => void told.push(now) });
  return made;
};

describe("new training pictures", () => {
  it("are as many of each class as were asked for, and of that class", async () => {
    const made = await twenty();
    const { train, classes } = made.data;
    expect([classes, train.labels]).toEqual([data.classes, Int32Array.from({ length: 40 }, (_, i) => Number(i >= 20))]);
    const bytes = await gather(train);
    // A bar across makes one row brighter than any column, and one down the reverse.
    const brightest = (i: number, step: number, next: number) =>
      Math.max(
        ...Array.from({ length: 8 }, (_, line) =>
          Array.from({ length: 8 }, (_, k) => bytes[i * SIZE + line * next + k * step]!).reduce((a, b) => a + b),
        ),
      );
    for (const [i, label] of train.labels.entries())
      expect(brightest(i, 1, 8) > brightest(i, 8, 1), `picture ${i}`).toBe(label === 0);
    for (const told of made.classes) {
      expect(told).toMatchObject({ real: 30, pictures: 20 });
      expect(told.passed).toBeGreaterThanOrEqual(20);
      expect(told.drawn).toBe(told.passed + told.doubted + told.copied + told.strayed);
    }
    expect(told.filter(([task]) => task === "teachers")).toEqual([1, 2, 3].map((count) => ["teachers", count]));
    expect(told.at(-1)).toEqual(["pictures", 40]);
  });

  it("repeat with their seed alone", { tags: ["long"] }, async () => {
    const bytes = await gather((await twenty()).data.train);
    const again = await synthesize(model, data, { perClass: 20, backend });
    const other = await synthesize(model, data, { perClass: 20, backend, seed: 1 });
    expect(await gather(again.data.train)).toEqual(bytes);
    expect(await gather(other.data.train)).not.toEqual(bytes);
  });

  it("are of pictures that are changed where the model saw them so, and not where it saw them as they are", async () => {
    const drawn = async (streams: BuiltModel["streams"], augment: string) => {
      const { data: made } = await synthesize(modelOf(plain, streams), data, { perClass: 5, backend, augment });
      return gather(made.train);
    };
    const asTheyAre = await drawn(undefined, "none");
    expect(await drawn({ all: { views: { x: "plain" } } }, "shift=0.2")).toEqual(asTheyAre);
    // As in hybrid, whose changed pictures teach classes alone.
    expect(await drawn({ labelled: {}, all: { views: { x: "plain" } } }, "shift=0.2")).toEqual(asTheyAre);
    // Half of the pictures are mirrored, which turns no bar into another kind of bar.
    expect(await drawn({ all: {} }, "mirror")).not.toEqual(asTheyAre);
    expect(await drawn({ all: {} }, "shift=0.2")).not.toEqual(asTheyAre);
  });

  it("come from labelled pictures of the data's own alone", async () => {
    const few = withAdded(withLabels(data, 5, 1), bars(20, 7), 0.5);
    const { classes } = await synthesize(model, few, { perClass: 1, backend });
    expect(classes.map(({ real }) => real)).toEqual([5, 5]);
  });

  it("are fewer where a class is hardly ever met, and the numbers say so", async () => {
    // Every new picture of the second class is black, which is no bar.
    const decode = head(["latent", "label"], "picture", (_scope, { latent, label, n }) =>
      g.mul(g.reshape(latent, [n, 8, 8, 1]), g.reshape(g.sub(1, g.cast(label, "float32")), [n, 1, 1, 1])),
    );
    const { data: made, classes } = await synthesize(modelOf({ ...plain, decode }), data, { perClass: 20, backend });
    expect(classes.map(({ pictures }) => pictures)).toEqual([20, 0]);
    expect(classes[1]).toMatchObject({ passed: 0, drawn: 1024 });
    expect([...made.train.labels]).toEqual(new Array(20).fill(0));
  });

  it("are refused where there would be none", async () => {
    const decode = head(["latent"], "picture", (_scope, { latent, n }) => g.mul(g.reshape(latent, [n, 8, 8, 1]), 0));
    // Of twenty thousand a class that might be drawn, a thousand are enough to see it.
    await expect(synthesize(modelOf({ ...plain, decode }), data, { perClass: 1000, backend })).rejects.toMatchObject({
      code: "E_DATA_EMPTY",
      // All are black: teachers take them for one class or for none, and no real picture is black.
      message: expect.stringMatching(
        /^none of 2048 new pictures is taken for its class and like the real ones: (100|50) % are .* What may help: /,
      ),
    });
  });

  it("need two labelled pictures of each class", async () => {
    const lone = { ...data, train: subset(data.train, [0, 2, 4, 1]) };
    await expect(synthesize(model, lone, { perClass: 1, backend })).rejects.toMatchObject({
      code: "E_DATA_EMPTY",
      message: expect.stringMatching(/^class "upright" of bars has 1 labelled training pictures; expected at least 2/),
    });
  });
});
