import { describe, expect, it } from "vitest";
import { interpret } from "../../src/graph/interpret.ts";
import { SCHEDULES, schedule, withWarmup } from "../../src/nn/schedule.ts";
import { Build } from "../../src/nn/scope.ts";
import { StepFeeds } from "../../src/predict/feeds.ts";

// Values that differ by rounding of float64 alone.
const close = (value: number) => expect.closeTo(value, 12);

describe("schedules", () => {
  it("constant is 1; cosine runs from 1 through (1 + cos(π/4)) / 2 and 1/2 to 0, and stays there", () => {
    expect([0, 0.3, 1].map(schedule("constant"))).toEqual([1, 1, 1]);
    expect([0, 0.25, 0.5, 1, 1.2].map(schedule("cosine"))).toEqual([
      1,
      close((1 + Math.SQRT1_2) / 2),
      close(0.5),
      close(0),
      close(0),
    ]);
  });

  it("oneCycle rises from 0.04 to 1 in a line over 30 % and falls to 0 in a cosine", () => {
    expect([0, 0.15, 0.3, 0.65, 1].map(schedule("oneCycle"))).toEqual([
      0.04,
      close(0.52),
      close(1),
      close(0.5),
      close(0),
    ]);
  });

  it("triangular rises from 0.2 to 1 in a line over 23 % and falls to 0 in a line", () => {
    expect([0, 0.115, 0.23, 0.615, 1, 1.1].map(schedule("triangular"))).toEqual([
      0.2,
      close(0.6),
      close(1),
      close(0.5),
      close(0),
      0,
    ]);
  });

  it("of another name are refused with the nearest one", () => {
    expect(() => schedule("cosinus")).toThrowError(/unknown schedule "cosinus"; did you mean "cosine"\?/);
  });

  it("with warm-up rise in a line to the full rate, then pass through the whole schedule", () => {
    const warm = withWarmup(0.2, schedule("cosine"));
    expect([0.05, 0.1, 0.2, 0.4, 0.6, 1].map(warm)).toEqual([
      0.25,
      0.5,
      1,
      close((1 + Math.SQRT1_2) / 2),
      close(0.5),
      close(0),
    ]);
  });

  it("lateLinear stays at 1 for two thirds and ends at 0", () => {
    expect([0, 0.3, 2 / 3, 5 / 6, 1].map(schedule("lateLinear"))).toEqual([1, 1, close(1), close(0.5), close(0)]);
  });

  it("with warm-up move a little at the first step, and without warm-up are themselves", () => {
    expect(withWarmup(0.2, schedule("constant"))(0)).toBeCloseTo(0.005, 12);
    const none = withWarmup(0, schedule("oneCycle"));
    for (const progress of [0, 0.15, 0.3, 1]) expect(none(progress)).toBeCloseTo(schedule("oneCycle")(progress), 12);
  });

  it("stay in 0..1, however short the warm-up", () => {
    for (const name of Object.keys(SCHEDULES))
      for (const warmup of [0, 1e-4, 1e-3, 0.02, 0.5])
        for (let i = 0; i <= 1000; i++) {
          const factor = withWarmup(warmup, schedule(name))(i / 1000);
          expect(factor >= 0 && factor <= 1, `${name}, warm-up ${warmup}, at ${i / 1000}: ${factor}`).toBe(true);
        }
  });
});

describe("an annealed scalar", () => {
  // A loss weight of 4 that rises over the first quarter.
  const weight = (progress: number) => 4 * Math.min(1, progress / 0.25);

  it("has the value of the step's progress while training, from the first step to the end", () => {
    const build = new Build(true);
    const beta = build.root.child("loss").annealed("beta", weight);
    const feeds = new StepFeeds({ graph: { name: "train" }, noises: build.noises, annealed: build.annealed });
    const at = (progress: number) => interpret([beta], feeds.at(1, 0, progress))[0]!.data[0];
    expect([0, 0.125, 0.25, 0.7, 1].map(at)).toEqual([0, 2, 4, 4, 4]);
  });

  it("is a constant outside training: its value at the end", () => {
    const build = new Build(false);
    expect(interpret([build.root.annealed("beta", weight)])[0]!.data[0]).toBe(4);
    expect(build.annealed.size).toBe(0);
  });
});
