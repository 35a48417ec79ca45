// What goes on where one phase hands over to another: averages always, the optimizer's slots and step number where it says so.
import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/ops/index.ts";
import type { BuiltModel, ParameterGroup, Phase } from "../../src/models/model.ts";
import { zerosInit } from "../../src/nn/init.ts";
import { adam, type Optimizer, sgd } from "../../src/nn/optim.ts";
import { averagePath } from "../../src/nn/scope.ts";
import { phase, STEPS, train } from "./tiny.ts";

const modelOf = (...stages: (readonly Phase[])[]): BuiltModel => ({
  heads: {},
  stages: stages.map((phases) => ({ phases })),
});

/** Moves `names` under `net/` towards the brightest pixel, which is the same in any order, at speeds of their own. */
const moving = (name: string, names: readonly string[], more: Partial<Phase> = {}) =>
  phase(name, {
    updates: ["net/"],
    optimizer: adam(),
    loss(scope, { x }) {
      const each = names.map((one, k) =>
        g.mul(g.square(g.sub(scope.child("net").param(one, [], zerosInit), g.max(x))), k + 1),
      );
      const loss = each.reduce((a, b) => g.add(a, b));
      return { loss, log: { loss } };
    },
    ...more,
  });

/** The last state of a run of 12 steps of all four pictures, without slots. */
async function ended(model: BuiltModel, more: Parameters<typeof train>[1] = {}) {
  const { saves } = await train(model, { epochs: 12, batch: 4, emaDecay: 0.8, ...more });
  const { state } = saves.at(-1)!.snapshot;
  return new Map(
    [...state].filter(([path]) => !path.startsWith("optimizer/")).map(([path, { data }]) => [path, data[0]!]),
  );
}

describe("a phase that continues another", () => {
  const whole = modelOf([moving("whole", ["a", "b"])]);
  const second = moving("second", ["a", "b"], { continues: "first" });

  it("trains exactly as if both were one: in a window of the same stage, and in a stage of its own", async () => {
    const expected = await ended(whole);
    expect([...expected.keys()].sort()).toEqual(["average/net/a", "average/net/b", "net/a", "net/b"]);
    const first = moving("first", ["a", "b"]);
    const windows = [
      { ...first, window: [0, 0.5] as const },
      { ...second, window: [0.5, 1] as const },
    ];
    expect(await ended(modelOf(windows))).toEqual(expected);
    expect(await ended(modelOf([first], [second]))).toEqual(expected);
    const third = moving("third", ["a", "b"], { continues: "second" });
    expect(await ended(modelOf([first], [second], [third]))).toEqual(expected);
    // Slots that begin anew are seen: Adam's first steps are of the learning rate itself.
    const anew = await ended(modelOf([first], [moving("second", ["a", "b"])]));
    expect(Math.abs(anew.get("net/a")! - expected.get("net/a")!)).toBeGreaterThan(1e-3);
  });

  it("does so where what only the first moves is a group of its own", async () => {
    const first = moving("first", ["a", "b", "c"], { updates: ["net/", { prefix: "net/c" }] });
    const found = await ended(modelOf([first], [second]));
    const expected = await ended(whole);
    for (const [path, value] of expected) expect(found.get(path), path).toBe(value);
  });

  it("resumes bit for bit from a save between the two", async () => {
    const model = modelOf([moving("first", ["a", "b"])], [second]);
    const straight = await train(model, { epochs: 6 });
    for (const epoch of [2, 3, 4]) {
      const { snapshot } = straight.saves.find(({ snapshot }) => snapshot.progress.step === epoch * STEPS)!;
      const rest = await train(model, { epochs: 6, resume: snapshot });
      expect(rest.saves.at(-1)!.snapshot.state).toEqual(straight.saves.at(-1)!.snapshot.state);
    }
  });

  const refused = (message: RegExp, ...phases: Phase[]) =>
    expect(train(modelOf(phases), { epochs: 1 })).rejects.toThrowError(
      expect.objectContaining({ code: "E_NAME", message: expect.stringMatching(message) }),
    );

  it("is refused where there is none such before it", async () => {
    await refused(/"second" continues "first", and there is none before it .*: other/, moving("other", ["a"]), second);
    await refused(/"second" continues "first"/, second, moving("first", ["a", "b"]));
  });

  it.each<[string, string[], Partial<Phase>]>([
    ["moves less", ["a"], {}],
    ["moves more", ["a", "b", "c"], {}],
    ["moves by another rule", ["a", "b"], { optimizer: sgd({ momentum: 0.9 }) }],
    ["moves other groups", ["a", "b"], { updates: [{ prefix: "net/" } satisfies ParameterGroup] }],
  ])("is refused where the other %s", (_what, names, more) =>
    refused(
      /"second" continues "first", which does not move "net\/a, net\/b" as one group/,
      moving("first", names, more),
      second,
    ),
  );
});

describe("the average of a parameter", () => {
  /** The average of a value that moves along `values`, a step each, by the definition. */
  const averaged = (values: readonly number[]) =>
    values.reduce((average, value, i) => average + (value - average) * (1 - Math.min(0.8, (i + 1) / (i + 10))), 0);
  const plain = (name: string, names: readonly string[], optimizer: Optimizer = sgd()) =>
    moving(name, names, { optimizer, learningRate: 0.1 });
  const brightest = 232 / 255;
  const after = (steps: number) => brightest * (1 - 0.8 ** steps);

  it("goes on in another phase, which begins that of what it is the first to move", async () => {
    // Two stages of 6 steps. "b" costs twice as much, so that each step leaves 1 - 4 · 0.1 of the way.
    const model = modelOf([plain("first", ["a"])], [plain("second", ["a", "b"])]);
    const found = await ended(model);
    const steps = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
    // float32: 12 steps of 6e-8.
    expect(found.get(averagePath("net/a"))).toBeCloseTo(averaged(steps(12).map(after)), 5);
    expect(found.get(averagePath("net/b"))).toBeCloseTo(averaged(steps(6).map((t) => brightest * (1 - 0.6 ** t))), 5);
  });

  it("of what two phases move in each step counts both", async () => {
    const found = await ended(modelOf([plain("one", ["a"]), plain("two", ["a"])]), { epochs: 6 });
    const values = Array.from({ length: 12 }, (_, i) => after(i + 1));
    expect(found.get(averagePath("net/a"))).toBeCloseTo(averaged(values), 5);
  });
});
