// A run whose numbers run away, and goes on from its last checkpoint with half the learning rates.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import * as g from "../../src/graph/ops/index.ts";
import { head } from "../../src/models/heads.ts";
import { defineModel } from "../../src/models/model.ts";
import { zerosInit } from "../../src/nn/init.ts";
import { readCheckpoint } from "../../src/run/checkpoint.ts";
import { RunFolder } from "../../src/run/folder.ts";
import { resumeRun, startRun, type TrainOptions } from "../../src/run/train.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { phase } from "../train/tiny.ts";
import { SmallMlflow } from "./mlflow-server.ts";
import { backend, data } from "./small-run.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-restarts-"));
afterAll(() => rmSync(root, { recursive: true }));

/**
 * One weight on its way from 0 to 1, before a cliff at 2: (w - 1)² - ln(2 - w) / 1000. SGD makes a first step of twice the rate, nearly:
 * from 1 on it is over the cliff, where there is no logarithm.
 */
const cliff = defineModel({
  ...{ name: "cliff", title: "a cliff", cite: "Written for the tests, 2026" },
  options: z.object({ rate: z.number().default(3) }),
  build: ({ rate }) => ({
    heads: {},
    stages: [
      {
        phases: [
          phase("joint", {
            learningRate: rate,
            loss(scope) {
              const weight = scope.child("joint").param("value", [], zerosInit);
              const barrier = g.mul(g.log(g.sub(2, weight)), 1e-3);
              const loss = g.sub(g.square(g.sub(weight, 1)), barrier);
              return { loss, log: { loss } };
            },
          }),
        ],
      },
    ],
  }),
});

async function trained(rate: number, more: Partial<TrainOptions> = {}) {
  const out = join(mkdtempSync(join(root, "run-")), "run");
  const { events } = await startRun(cliff, {
    ...{ data, backend, out, batch: 5, epochs: 3, options: { rate } },
    ...more,
  });
  return { out, ...(await told(events)) };
}

/** What a run tells until it ends, or fails. */
async function told(events: AsyncIterable<RunEvent>) {
  const notes: string[] = [];
  let failure: unknown;
  try {
    for await (const event of events) if (event.type === "note") notes.push(event.text);
  } catch (error) {
    failure = error;
  }
  return { notes, failure };
}

const checkpoint = (out: string) => readCheckpoint(join(out, "checkpoints", "last.safetensors"));
/** What the log has of epochs and steps. */
const logged = (out: string) =>
  RunFolder.open(out, cliff)
    .events()
    .filter(({ type }) => type === "epoch")
    .map((event) => ({ ...event, seconds: 0 }));

/** One value that is solved, and is not a number. */
const unsolved = defineModel({
  ...{ name: "unsolved", title: "no solution", cite: "Written for the tests, 2026" },
  options: z.object({}),
  build: () => ({
    heads: {
      classify: head(["picture"], "logits", (scope, { n }) =>
        g.broadcast(scope.child("at").param("value", [1, 2], zerosInit), [n, 2]),
      ),
    },
    stages: [
      {
        phases: [],
        solve: {
          heads: [],
          updates: ["at/"],
          async *run() {
            yield { what: "nothing", share: 0 };
            return { "at/value": new Float32Array(2).fill(Number.NaN) };
          },
        },
      },
    ],
  }),
});

describe("a run whose numbers run away", () => {
  it("ends, unless it may be set back", async () => {
    expect((await trained(3)).failure).toMatchObject({ code: "E_NAN" });
    const { failure, notes } = await trained(3, { restarts: 1 });
    expect(failure).toMatchObject({ code: "E_NAN" });
    expect(notes).toEqual([expect.stringMatching(/^loss joint\/loss is NaN at step 2: back to step 0, with 0.5 of/)]);
  });

  it("goes on with half the rates, and again half of them, as a run that had these from the start", async () => {
    // 3 and 3 / 2 are too much.
    const { out, failure, notes } = await trained(3, { restarts: 5 });
    expect(failure).toBeUndefined();
    expect(notes.length).toBe(2);
    const straight = await trained(0.75);
    expect(straight.notes).toEqual([]);
    expect(checkpoint(out).state).toEqual(checkpoint(straight.out).state);
    expect(checkpoint(out).progress.rateFactor).toBe(0.25);
    expect(logged(out).length).toBe(3);
    expect(logged(out)).toEqual(logged(straight.out));
  });

  it("is not set back in what is solved, which has no learning rates", async () => {
    const out = join(mkdtempSync(join(root, "run-")), "run");
    const { events } = await startRun(unsolved, { data, backend, out, batch: 5, epochs: 1, restarts: 3 });
    const { failure, notes } = await told(events);
    expect(failure).toMatchObject({ code: "E_NAN", message: expect.stringContaining("the solve gives NaN") });
    expect(notes).toEqual([]);
  });

  it("has not failed for its tracker while it goes on", async () => {
    const server = new SmallMlflow();
    await server.start();
    const { failure } = await trained(3, { restarts: 5, track: `mlflow=${server.url}` });
    await server.stop();
    expect(failure).toBeUndefined();
    expect(server.runs).toMatchObject([{ status: "FINISHED" }]);
    expect(server.calls.filter((call) => call === "POST runs/update")).toHaveLength(1);
  });

  it("keeps its rates where it is stopped and goes on", async () => {
    let steps = 0;
    const { out } = await trained(3, { restarts: 2, interrupted: () => ++steps > 4 });
    expect(checkpoint(out).progress).toMatchObject({ rateFactor: 0.25 });
    expect(checkpoint(out).progress.step).toBeLessThan(6);
    const { events } = await resumeRun(out, { data, backend, model: cliff });
    expect((await told(events)).failure).toBeUndefined();
    const straight = await trained(0.75);
    expect(checkpoint(out).state).toEqual(checkpoint(straight.out).state);
  });
});
