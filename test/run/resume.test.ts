import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { Random } from "../../src/random/random.ts";
import { readCheckpoint, readWeights, writeCheckpoint } from "../../src/run/checkpoint.ts";
import { linkAtomically } from "../../src/run/files.ts";
import type { Snapshot } from "../../src/train/fit-options.ts";
import { newProgress } from "../../src/train/progress.ts";
import { BACKENDS } from "../helpers.ts";
import { KILLED_RUNS, killAndFinish, leftBy, runProcess } from "./kills.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-resume-"));
afterAll(() => rmSync(root, { recursive: true }));

const CASES = BACKENDS.flatMap(({ name }, b) =>
  Object.keys(KILLED_RUNS).map((run, r) => ({
    backend: name,
    run,
    seed: 20 * b + r,
    // One of them among the quick tests: a run of few steps.
    tags: b === 0 && run === "until" ? [] : ["long"],
  })),
);

describe.each(CASES)("a run on $backend that ends by $run", ({ backend, run, seed, tags }) => {
  it("and is killed at two random moments leaves, when it went on, what the run leaves that was not", {
    tags,
    timeout: 240_000,
  }, async () => {
    const [straight, killed] = ["straight", "killed"].map((kind) => join(root, `${kind}-${backend}-${run}`));
    await runProcess(straight!, backend, run, { at: "never" });
    const { kills, left } = await killAndFinish(killed!, backend, run, 2, new Random(seed, "kills"));
    expect(left, JSON.stringify(kills)).toEqual(leftBy(straight!));
  });
});

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

  it("gives a trained model the averages, buffers and fitted values, and notices damage to them alone", () => {
    const file = join(root, "weights.safetensors");
    const array = (...values: number[]) => ndarray("float32", [values.length], values);
    const snapshot: Snapshot = {
      ...snapshotOf([]),
      state: new Map([
        ["w", array(1, 2)],
        ["optimizer/joint/w/m", array(3, 4)],
        ["average/w", array(5, 6)],
        ["norm/mean", array(7)],
      ]),
      fitted: new Map([["temperature", array(8)]]),
      tables: new Map([["soft", array(9, 10)]]),
    };
    writeCheckpoint(file, snapshot);
    const { state, fitted, tables } = readCheckpoint(file);
    expect([[...state.keys()], fitted, tables]).toEqual([[...snapshot.state.keys()], snapshot.fitted, snapshot.tables]);
    expect(state).toEqual(snapshot.state);
    const weights = new Map([...snapshot.state].filter(([path]) => ["average/w", "norm/mean"].includes(path)));
    expect(readWeights(file)).toMatchObject({ state: weights, fitted: snapshot.fitted });
    // Of 10 numbers, the first four are weights and fitted values.
    const bytes = readFileSync(file);
    for (let number = 0; number < 10; number++) {
      const harmed = Buffer.from(bytes);
      harmed[bytes.length - 40 + 4 * number + 1]! ^= 1;
      writeFileSync(file, harmed);
      expect(() => readCheckpoint(file)).toThrowError(/damaged checkpoint/);
      if (number < 4) expect(() => readWeights(file)).toThrowError(/damaged checkpoint/);
      else expect(readWeights(file).state).toEqual(weights);
    }
    const head = Buffer.from(bytes);
    head[head.indexOf("norm/mean")]! ^= 1;
    writeFileSync(file, head);
    expect(() => readWeights(file)).toThrowError(/damaged checkpoint/);
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

  it("that is cut short is refused with its name", () => {
    const file = join(root, "two.safetensors");
    writeCheckpoint(file, snapshotOf([1, 2, 3, 4]));
    const bytes = readFileSync(file);
    for (const length of [0, 4, 20, bytes.length - 1]) {
      const cut = join(root, `cut-${length}.safetensors`);
      writeFileSync(cut, bytes.subarray(0, length));
      expect(() => readCheckpoint(cut)).toThrowError(new RegExp(`${cut} is a damaged checkpoint`));
    }
  });

  it("with any bit changed is refused", () => {
    const file = join(root, "three.safetensors");
    writeCheckpoint(file, snapshotOf([1, 2, 3, 4]));
    const bytes = readFileSync(file);
    const damaged = join(root, "damaged.safetensors");
    for (let i = 0; i < bytes.length; i++) {
      const copy = Buffer.from(bytes);
      copy[i]! ^= 1 << (i % 8);
      writeFileSync(damaged, copy);
      expect(() => readCheckpoint(damaged), `byte ${i}`).toThrowError(/damaged checkpoint/);
    }
  });

  it("of a version without checksums is read", () => {
    const file = join(root, "four.safetensors");
    writeCheckpoint(file, snapshotOf([1, 2]));
    const bytes = readFileSync(file);
    const size = Number(bytes.readBigUInt64LE(0));
    const { __metadata__, ...entries } = JSON.parse(bytes.toString("utf8", 8, 8 + size));
    const { sha256: _, ...metadata } = __metadata__;
    const header = Buffer.from(JSON.stringify({ __metadata__: metadata, ...entries }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(file, Buffer.concat([length, header, bytes.subarray(8 + size)]));
    expect([...readCheckpoint(file).state.get("a")!.data]).toEqual([1, 2]);
  });

  it("that cannot be written leaves the old one and says so", () => {
    expect(() => writeCheckpoint(join(root, "no-such-folder", "x.safetensors"), snapshotOf([1]))).toThrowError(
      /could not be written .* what was there before is kept/,
    );
  });
});
