import { describe, expect, it } from "vitest";
import { z } from "zod";
import { gather } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import * as g from "../../src/graph/ops/index.ts";
import { head } from "../../src/models/heads.ts";
import { defineModel, type Solution, type SolveContext } from "../../src/models/model.ts";
import { zerosInit } from "../../src/nn/init.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions, Snapshot } from "../../src/train/fit-options.ts";
import { allOf } from "../helpers.ts";

const data = withLabels(withValidation(glyphs({ train: 300, test: 10 }), 0.2, 1), 5, 1);
const { labels } = data.train;

/** Means of the pictures of each class, which is the class of the nearest; `spoil` changes what is solved. */
const means = (spoil: (solution: Solution) => Solution = (solution) => solution) =>
  defineModel({
    name: "means",
    title: "nearest mean",
    cite: "Rocchio 1971",
    options: z.object({}),
    build: (_, { classes, height, width, channels }) => {
      const [k, d] = [classes.length, height * width * channels];
      return {
        stages: [
          {
            phases: [],
            solve: {
              heads: ["values"],
              updates: ["means/"],
              async *run({ weights, labels, predict, note }: SolveContext) {
                const examples = Int32Array.from(weights.keys()).filter((i) => weights[i]! > 0);
                const rows = await predict("values", examples);
                const sums = new Float32Array(k * d);
                const totals = new Float32Array(k);
                for (const [i, example] of examples.entries()) {
                  const began = performance.now();
                  // Long enough to be told of each.
                  while (performance.now() - began < 4);
                  const c = labels[example]!;
                  totals[c]! += weights[example]!;
                  for (let j = 0; j < d; j++) sums[c * d + j]! += weights[example]! * rows[i * d + j]!;
                  yield { what: "means", share: i / examples.length };
                }
                note(`${examples.length} pictures`);
                return spoil({ "means/rows": sums.map((sum, at) => sum / totals[Math.floor(at / d)]!) });
              },
            },
          },
        ],
        best: ["accuracy"],
        heads: {
          values: head(["picture"], "features", (_, { picture }) => g.flatten(picture)),
          classify: head(["picture"], "logits", (scope, { picture, n }) => {
            const rows = scope.child("means").param("rows", [k, d], zerosInit);
            return g.neg(g.sum(g.square(g.sub(g.reshape(g.flatten(picture), [n, 1, d]), rows)), 2));
          }),
        },
      };
    },
  });

async function train(model = means(), more: Partial<FitOptions> = {}) {
  const { height, width, channels } = data.train;
  let saved: Snapshot | undefined;
  const running = fit({
    name: "means",
    model: model.build({}, { height, width, channels, classes: data.classes, mirror: false }),
    ...{ data, backend: nativeBackend(), seed: 1, batch: 32, augmentation: {}, epochs: 7 },
    save: (_, snapshot) => void (saved = snapshot),
    ...more,
  });
  return { events: await allOf(running), saved: saved! };
}

describe("a stage that is solved", () => {
  it("computes from all labelled pictures at once, is one step and one epoch, and tells how far it is", async () => {
    const { events, saved } = await train();
    const epoch = events.find((event) => event.type === "epoch")!;
    expect(epoch).toMatchObject({ epoch: 1, step: 1, best: true });
    // Chance is 0.1.
    expect(epoch.metrics["validation/accuracy"]).toBeGreaterThan(0.3);
    expect(events.filter((event) => event.type === "solve").length).toBeGreaterThan(1);
    expect(events.find((event) => event.type === "note")).toMatchObject({ text: "50 pictures" });
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "planned", step: 1 });
    expect(events.at(-1)).toMatchObject({ epochsPerExample: { labelled: 1, unlabelled: 0 } });
    const bytes = await gather(data.train);
    const rows = saved.state.get("means/rows")!.data;
    for (const c of [0, 7]) {
      const own = Array.from(labels.keys()).filter((i) => labels[i] === c);
      for (const j of [100, 400]) {
        const mean = own.reduce((sum, i) => sum + bytes[i * 784 + j]! / 255, 0) / own.length;
        expect(rows[c * 784 + j]).toBeCloseTo(mean, 6);
      }
    }
  });

  it("is left where it is when it is stopped, and begins anew when the run goes on", async () => {
    let asked = 0;
    const stopped = await train(means(), { interrupted: () => ++asked > 2 });
    expect(stopped.events.at(-1)).toMatchObject({ type: "end", reason: "interrupted", step: 0 });
    expect(stopped.saved.state.get("means/rows")!.data.every((value) => value === 0)).toBe(true);
    const resumed = await train(means(), { resume: stopped.saved });
    const straight = await train();
    expect(resumed.saved.state).toEqual(straight.saved.state);
    // A run that is done has nothing to solve.
    const again = await train(means(), { resume: resumed.saved, epochs: 20 });
    expect(again.events.map(({ type }) => type)).toEqual(["start", "end"]);
  });

  it.each([
    ["a path that it does not name", { "means/other": new Float32Array(1) }, /"means\/other" is not among them/],
    ["nothing of what it names", {}, /"means\/rows" is missing/],
    ["another number of values", { "means/rows": new Float32Array(3) }, /3 values for "means\/rows"/],
    ["no numbers", { "means/rows": new Float32Array(7840).fill(Number.NaN) }, /NaN in "means\/rows"/],
  ])("is refused when it gives %s", async (_, solution, message) => {
    await expect(
      train(
        means((right) =>
          Object.keys(solution)[0] === "means/other" ? { ...right, ...solution } : (solution as Solution),
        ),
      ),
    ).rejects.toThrowError(message);
  });

  it("has no phases beside it, and heads that read what it solves", async () => {
    const { height, width, channels } = data.train;
    const built = means().build({}, { height, width, channels, classes: data.classes, mirror: false });
    const [stage] = built.stages;
    const fitted = (solve: object) =>
      train({ ...means(), build: () => ({ ...built, stages: [{ ...stage!, ...solve }] }) });
    await expect(fitted({ solve: { ...stage!.solve!, updates: ["medians/"] } })).rejects.toThrowError(/"medians\/"/);
    await expect(fitted({ refresh: { heads: [], run: async () => {} } })).rejects.toThrowError(/phases or a refresh/);
  });
});
