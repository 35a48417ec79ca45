import { spawn } from "node:child_process";
import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/base/array.ts";
import { Random } from "../../src/random/random.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/run/checkpoint.ts";
import { linkAtomically } from "../../src/run/files.ts";
import type { Snapshot } from "../../src/train/fit-options.ts";
import { newProgress } from "../../src/train/progress.ts";
import { BACKENDS } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-resume-"));
afterAll(() => rmSync(root, { recursive: true }));
const program = join(import.meta.dirname, "kill-target.ts");

/** Trains in a process of its own; killed with SIGKILL when `killAt` steps are done. Resolves with the exit signal. */
function train(out: string, killAt: number, resume: boolean, backend: string, model: string): Promise<string | null> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", program, out, String(killAt), resume ? "resume" : "start", backend, model],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return new Promise((done) => child.on("exit", (_code, signal) => done(signal)));
}

const checkpoint = (out: string) => readCheckpoint(join(out, "checkpoints", "last.safetensors"));

/** What a run tells, without the time that it took. */
const told = (out: string) =>
  readFileSync(join(out, "events.jsonl"), "utf8")
    .split("\n")
    .filter((line) => /"type":"(epoch|note)"/.test(line))
    .map((line) => ({ ...JSON.parse(line), seconds: 0 }));

/** Numbers by name of arrays that must be equal bit for bit. */
function expectSameBits(a: ReadonlyMap<string, NdArray>, b: ReadonlyMap<string, NdArray>, what: string): void {
  expect([...b.keys()], what).toEqual([...a.keys()]);
  for (const [path, { data }] of a)
    expect(Buffer.from(b.get(path)!.data.buffer).equals(Buffer.from(data.buffer)), `${path} ${what}`).toBe(true);
}

/** Steps after which a run of each model is killed: at random in its first third, its second and its third. */
const KILLS = BACKENDS.flatMap(({ name }, k) =>
  [
    // 8 steps an epoch, three epochs.
    { model: "vae", steps: 24 },
    { model: "dcgan", steps: 24 },
    { model: "cnn", steps: 24 },
    // 8 of its first stage, and 16 of its second.
    { model: "two-stages", steps: 24 },
  ].map(({ model, steps }, m) => {
    const random = new Random(20 + k, `kill ${m}`);
    const moments = [0, 1, 2].map((third) => third * (steps / 3) + 1 + random.integer(steps / 3 - 1));
    return { backend: name, model, moments };
  }),
);

describe.each(KILLS)(
  "a run of $model on $backend that is killed after steps $moments",
  ({ backend, model, moments }) => {
    it("and resumed ends with the bits of the run that was not, and tells the same", async () => {
      const straight = join(root, `straight-${backend}-${model}`);
      const broken = join(root, `broken-${backend}-${model}`);
      expect(await train(straight, -1, false, backend, model)).toBeNull();
      for (const [k, moment] of moments.entries())
        expect(await train(broken, moment, k > 0, backend, model)).toBe("SIGKILL");
      expect(await train(broken, -1, true, backend, model)).toBeNull();
      const [a, b] = [checkpoint(straight), checkpoint(broken)];
      expectSameBits(a.state, b.state, "in the state");
      expectSameBits(a.tables, b.tables, "in the tables");
      expectSameBits(a.fitted, b.fitted, "in what was fitted");
      expect({ ...b.progress, seconds: 0 }).toEqual({ ...a.progress, seconds: 0 });
      expect(told(broken)).toEqual(told(straight));
    }, 240_000);
  },
);

/** A snapshot of a state of one array. */
const snapshotOf = (values: number[]): Snapshot => ({
  state: new Map([["a", ndarray("float32", [values.length], values)]]),
  progress: newProgress(),
  metrics: {},
  fitted: new Map(),
  tables: new Map(),
});

describe("a checkpoint", () => {
  it("gives back the state, the progress and all else exactly", () => {
    const file = join(root, "one.safetensors");
    const snapshot: Snapshot = {
      state: new Map([
        ["a/b", ndarray("float32", [2, 2], [1.5, -0, 3e-40, 1e38])],
        ["c", ndarray("float32", [], [7])],
      ]),
      progress: {
        ...{ step: 13, seconds: 1.25, budget: { epochs: 4, minutes: null } },
        stage: { index: 1, step: 3, planned: 9, epochsBefore: 2 },
        phaseSteps: { joint: 13 },
        totals: { "joint/loss": [1 / 3, 3] },
        best: { epoch: 1, values: { accuracy: 0.5, nll: 0.1 } },
        seen: { labelled: 5, unlabelled: 6 },
      },
      metrics: { loss: 2 },
      fitted: new Map([["temperature", ndarray("float32", [], [1.5])]]),
      tables: new Map([["soft", ndarray("float32", [2, 3], [0, 1, 2, 3, 4, 5])]]),
    };
    writeCheckpoint(file, snapshot);
    const read = readCheckpoint(file);
    expect(read).toEqual(snapshot);
    expect(Object.is(read.state.get("a/b")!.data[1], -0)).toBe(true);
  });

  it("that is the best and the last stays the best when a later one is written, and after a crash between its names", () => {
    const file = (name: string) => join(root, `${name}.safetensors`);
    const write = (name: string, value: number) => writeCheckpoint(file(name), snapshotOf([value]));
    const value = (name: string) => readCheckpoint(file(name)).state.get("a")!.data[0];
    write("best", 1);
    linkAtomically(file("best"), file("last"));
    expect([value("best"), value("last")]).toEqual([1, 1]);
    write("last", 2);
    expect([value("best"), value("last")]).toEqual([1, 2]);
    // The draft has the best one's content already, and is not yet renamed.
    linkSync(file("best"), `${file("last")}.draft`);
    write("last", 3);
    expect([value("best"), value("last")]).toEqual([1, 3]);
  });

  it("that is damaged is refused with its name", () => {
    const file = join(root, "two.safetensors");
    writeCheckpoint(file, snapshotOf([1, 2, 3, 4]));
    const bytes = readFileSync(file);
    for (const length of [0, 4, 20, bytes.length - 1]) {
      const cut = join(root, `cut-${length}.safetensors`);
      // A file cut short at any place.
      writeFileSync(cut, bytes.subarray(0, length));
      expect(() => readCheckpoint(cut)).toThrowError(/damaged checkpoint/);
    }
  });

  it("that cannot be written leaves the old one and says so", () => {
    expect(() => writeCheckpoint(join(root, "no-such-folder", "x.safetensors"), snapshotOf([1]))).toThrowError(
      /could not be written .* what was there before is kept/,
    );
  });
});
