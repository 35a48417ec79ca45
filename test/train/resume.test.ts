import { spawn } from "node:child_process";
import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { linkAtomically, readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.ts";
import type { Snapshot } from "../../src/train/fit.ts";
import { BACKENDS } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-resume-"));
afterAll(() => rmSync(root, { recursive: true }));
const program = join(import.meta.dirname, "kill-target.ts");

/** Trains in a process of its own; killed with SIGKILL when `killAt` steps are done. Resolves with the exit signal. */
function train(out: string, killAt: number, resume: boolean, backend: string): Promise<string | null> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", program, out, String(killAt), resume ? "resume" : "start", backend],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return new Promise((done) => child.on("exit", (_code, signal) => done(signal)));
}

const weights = (out: string) => readCheckpoint(join(out, "checkpoints", "last.safetensors"));

describe.each(BACKENDS)("a run that is killed on $name", ({ name }) => {
  it("at three moments and resumed ends with bit-for-bit the weights of the run that was not", async () => {
    const straight = join(root, `straight-${name}`);
    const broken = join(root, `broken-${name}`);
    expect(await train(straight, -1, false, name)).toBeNull();
    // In the first epoch before any epoch's checkpoint, inside the second, and inside the third: 8 steps an epoch.
    const moments = [
      1 + Math.floor(Math.random() * 6),
      8 + Math.floor(Math.random() * 7),
      17 + Math.floor(Math.random() * 6),
    ];
    expect(await train(broken, moments[0]!, false, name)).toBe("SIGKILL");
    expect(await train(broken, moments[1]!, true, name)).toBe("SIGKILL");
    expect(await train(broken, moments[2]!, true, name)).toBe("SIGKILL");
    expect(await train(broken, -1, true, name)).toBeNull();
    const [a, b] = [weights(straight), weights(broken)];
    expect([...b.state.keys()]).toEqual([...a.state.keys()]);
    for (const [path, { data }] of a.state)
      expect(
        Buffer.from(b.state.get(path)!.data.buffer).equals(Buffer.from(data.buffer)),
        `${path} after kills at ${moments}`,
      ).toBe(true);
    const epochs = (out: string) =>
      readFileSync(join(out, "events.jsonl"), "utf8")
        .split("\n")
        .filter((line) => line.includes('"type":"epoch"'))
        .map((line) => JSON.parse(line))
        .map(({ epoch, step, metrics }) => ({ epoch, step, metrics }));
    expect(epochs(broken)).toEqual(epochs(straight));
  }, 240_000);
});

const CURSOR = {
  ...{ step: 0, seconds: 0, planned: 0, bestScore: null, bestEpoch: 0 },
  seen: { labelled: 0, unlabelled: 0 },
};

describe("a checkpoint", () => {
  it("gives back the state and the cursor exactly", () => {
    const file = join(root, "one.safetensors");
    const snapshot: Snapshot = {
      state: new Map([
        ["a/b", ndarray("float32", [2, 2], [1.5, -0, 3e-40, 1e38])],
        ["c", ndarray("float32", [], [7])],
      ]),
      cursor: {
        step: 3,
        seconds: 1.25,
        planned: 9,
        bestScore: null,
        bestEpoch: 0,
        seen: { labelled: 0, unlabelled: 0 },
      },
      metrics: { loss: 2 },
      temperature: 1.5,
    };
    writeCheckpoint(file, snapshot);
    const read = readCheckpoint(file);
    expect(read).toEqual(snapshot);
    expect(Object.is(read.state.get("a/b")!.data[1], -0)).toBe(true);
  });

  it("that is the best and the last stays the best when a later one is written, and after a crash between its names", () => {
    const file = (name: string) => join(root, `${name}.safetensors`);
    const write = (name: string, value: number) =>
      writeCheckpoint(file(name), {
        state: new Map([["a", ndarray("float32", [1], [value])]]),
        ...{ cursor: CURSOR, metrics: {}, temperature: 1 },
      });
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
    writeCheckpoint(file, {
      state: new Map([["a", ndarray("float32", [4], [1, 2, 3, 4])]]),
      cursor: CURSOR,
      metrics: {},
      temperature: 1,
    });
    const bytes = readFileSync(file);
    for (const length of [0, 4, 20, bytes.length - 1]) {
      const cut = join(root, `cut-${length}.safetensors`);
      // A file cut short at any place.
      writeFileSync(cut, bytes.subarray(0, length));
      expect(() => readCheckpoint(cut)).toThrowError(/damaged checkpoint/);
    }
  });

  it("that cannot be written leaves the old one and says so", () => {
    const snapshot: Snapshot = {
      state: new Map([["a", ndarray("float32", [1], [1])]]),
      cursor: CURSOR,
      metrics: {},
      temperature: 1,
    };
    expect(() => writeCheckpoint(join(root, "no-such-folder", "x.safetensors"), snapshot)).toThrowError(
      /could not be written .* what was there before is kept/,
    );
  });
});
