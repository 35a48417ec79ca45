// What a run goes on from, and when it does not: locks, damaged and missing files, ended runs.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { readCheckpoint } from "../../src/run/checkpoint.ts";
import { RunFolder } from "../../src/run/folder.ts";
import { load } from "../../src/run/load.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { bundled } from "../bundled.ts";
import { pictures } from "../train/tiny.ts";
import { data, finish, model, resume, start } from "./small-run.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-going-on-"));
afterAll(() => rmSync(root, { recursive: true }));
/** A folder that is not there yet. */
const newFolder = () => join(mkdtempSync(join(root, "run-")), "run");

const checkpointFile = (out: string, which: string) => join(out, "checkpoints", `${which}.safetensors`);
const notesOf = (told: readonly RunEvent[]) => told.flatMap((event) => (event.type === "note" ? [event.text] : []));
/** What a run that has ended says when it goes on as it is. */
const NOTHING_LEFT = expect.stringMatching(
  /^nothing was left to train: .* was trained for 2 epochs \([0-9.]+ minutes\), and --epochs 2 asks for no more; .* --resume --epochs 4$/,
);
const stepsOf = (told: readonly RunEvent[]) => told.flatMap((event) => (event.type === "step" ? [event.step] : []));

/** A run that has ended: two epochs of two steps. */
async function ended(): Promise<string> {
  const out = newFolder();
  await finish(await start(out));
  return out;
}

/** Puts a checkpoint whose first weight is another in the place of one, which may have other names. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  bytes[8 + Number(bytes.readBigUInt64LE(0))]! ^= 1;
  rmSync(file);
  writeFileSync(file, bytes);
}

describe("a run folder in use", () => {
  const lock = (out: string, pid: number, host = hostname()) =>
    writeFileSync(join(out, "lock.json"), JSON.stringify({ pid, host, time: "2026-01-02T03:04:05.000Z" }));

  it.each(["no process", "one that is gone"])(
    "is one process's of several that want it at once, after %s",
    async (before) => {
      const out = newFolder();
      mkdirSync(out);
      if (before !== "no process") lock(out, spawnSync(process.execPath, ["--version"]).pid);
      const program = bundled(join(import.meta.dirname, "lock-target.ts"));
      // Late enough for all to have started.
      const moment = Date.now() + 1500;
      const told = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const child = spawn(process.execPath, [program, out, String(moment)], {
            stdio: ["ignore", "pipe", "inherit"],
          });
          let text = "";
          child.stdout.on("data", (part) => {
            text += part;
          });
          await once(child, "close");
          return text.trim();
        }),
      );
      expect(told.sort()).toEqual(["E_RUN_LOCKED", "E_RUN_LOCKED", "E_RUN_LOCKED", "has it"]);
      expect(readdirSync(out)).toEqual(["lock.json"]);
    },
  );

  it("is refused to a second run, also in the same process, and is free after the first", async () => {
    const out = newFolder();
    const first = await start(out);
    await first.events.next();
    await expect(resume(out)).rejects.toMatchObject({
      code: "E_RUN_LOCKED",
      message: expect.stringMatching(`is being trained by process ${process.pid} on ${hostname()} since 20`),
    });
    await finish(first);
    expect(existsSync(join(out, "lock.json"))).toBe(false);
    await finish(await resume(out));
  });

  it("by another process is left as it is", async () => {
    const out = await ended();
    lock(out, process.ppid);
    const before = readFileSync(join(out, "config.json"), "utf8");
    await expect(resume(out, { epochs: 3 })).rejects.toMatchObject({ code: "E_RUN_LOCKED" });
    expect(readFileSync(join(out, "config.json"), "utf8")).toBe(before);
  });

  it.each([
    ["a process that is gone", (out: string) => lock(out, spawnSync(process.execPath, ["--version"]).pid)],
    ["an earlier process of the same number", (out: string) => lock(out, process.pid)],
  ])("by %s is taken over, saying so", async (_, leave) => {
    const out = await ended();
    leave(out);
    expect(notesOf(await finish(await resume(out)))).toEqual([
      expect.stringMatching(/^the run was left by process \d+ on .* since 2026-01-02T03:04:05.000Z, which is gone/),
      NOTHING_LEFT,
    ]);
  });

  it.runIf(process.platform === "linux")("by a process that has ended and was not reaped is taken over", async () => {
    const out = await ended();
    // The shell becomes a sleep, which never asks for the child that it had.
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
    const [line] = (await once(parent.stdout!, "data")) as [Buffer];
    const child = Number(String(line));
    while (!readFileSync(`/proc/${child}/stat`, "utf8").includes(") Z "))
      await new Promise((wake) => setTimeout(wake, 10));
    lock(out, child);
    const notes = notesOf(await finish(await resume(out)));
    parent.kill();
    expect(notes).toEqual([expect.stringMatching(/which is gone/), NOTHING_LEFT]);
  });

  it("by a process of another host is refused for a quarter of an hour after its last checkpoint", async () => {
    const out = await ended();
    lock(out, 1, "elsewhere");
    await expect(resume(out)).rejects.toThrowError(/process 1 on elsewhere .* If it is gone, delete .*lock.json/);
    const quarterAgo = new Date(Date.now() - 15 * 60_000 - 1000);
    utimesSync(join(out, "lock.json"), quarterAgo, quarterAgo);
    expect(notesOf(await finish(await resume(out)))).toHaveLength(2);
  });
});

describe("a run that has ended", () => {
  it("trains no step more when it goes on, tells its end again, and logs nothing twice", async () => {
    const out = newFolder();
    const first = (await finish(await start(out))).at(-1);
    const log = readFileSync(join(out, "events.jsonl"), "utf8");
    rmSync(join(out, "model.onnx"));
    const again = await finish(await resume(out));
    expect(stepsOf(again)).toEqual([]);
    expect(notesOf(again)).toEqual([NOTHING_LEFT]);
    expect(again.at(-1)).toEqual({ ...first, seconds: expect.any(Number), streams: expect.anything() });
    expect(existsSync(join(out, "model.onnx"))).toBe(true);
    expect(readFileSync(join(out, "events.jsonl"), "utf8").split("\n").slice(0, -2)).toEqual(
      log.split("\n").slice(0, -2),
    );
  });

  it.each([
    [
      "until",
      { until: { metric: "accuracy", value: 0 } },
      /--until accuracy=0 was reached; .* --until accuracy=VALUE$/,
    ],
    ["patience", { patience: 1 }, /nothing had got better for 1 epochs; .* --resume --patience 2$/],
  ] as const)("by --%s before its epochs were used up stays ended, saying so", async (reason, goal, note) => {
    const out = newFolder();
    // What is learned of these pictures is wrong for the same with other labels: sooner or later validation gets worse from epoch to epoch.
    const validation = { ...data.train, labels: data.train.labels.map((label) => 1 - label) };
    const told = await finish(await start(out, { ...goal, epochs: 300, data: { ...data, validation } }));
    expect(told.at(-1)).toMatchObject({ type: "end", reason });
    const again = await finish(await resume(out, { data: { ...data, validation } }));
    expect(stepsOf(again)).toEqual([]);
    expect(again.at(-1)).toMatchObject({ type: "end", reason });
    expect(notesOf(again)).toEqual([expect.stringMatching(note)]);
  });

  it("is not made shorter: fewer epochs or minutes than it was trained for are refused, and it stays as it is", async () => {
    const out = await ended();
    const before = readFileSync(join(out, "config.json"), "utf8");
    // As of a slow machine.
    appendFileSync(
      join(out, "events.jsonl"),
      `${JSON.stringify({ type: "step", step: 4, epoch: 2, seconds: 600.3 })}\n`,
    );
    await expect(resume(out, { epochs: 1 })).rejects.toMatchObject({
      code: "E_OPTION",
      message: expect.stringMatching(
        /^--epochs 1: .* was trained for 2 epochs \(10.01 minutes\), and .* --resume --epochs 4, or use it .* evaluate /,
      ),
    });
    await expect(resume(out, { minutes: 10 })).rejects.toThrowError(/^--minutes 10: .* --resume --minutes 22, or use/);
    expect(readFileSync(join(out, "config.json"), "utf8")).toBe(before);
    // As long as it was trained, and no longer.
    await expect(resume(out, { minutes: 10.01 })).resolves.toBeDefined();
    await expect(resume(out, { epochs: 2 })).resolves.toBeDefined();
  });

  it("on other threads or another backend says that its weights will not repeat, without an option that asks for them", async () => {
    const out = await ended();
    const written = JSON.parse(readFileSync(join(out, "config.json"), "utf8"));
    expect([written.computeThreads, written.threads]).toEqual([1, 0]);
    // As of a machine with 64 cores.
    writeFileSync(join(out, "config.json"), JSON.stringify({ ...written, computeThreads: 64, backend: "onednn" }));
    expect(notesOf(await finish(await resume(out)))).toEqual([
      "backend onnxruntime (was onednn), threads 1 (was 64): the weights will not repeat bit for bit",
      NOTHING_LEFT,
    ]);
    expect(notesOf(await finish(await resume(out)))).toEqual([NOTHING_LEFT]);
    const again = JSON.parse(readFileSync(join(out, "config.json"), "utf8"));
    expect(again.node).toBe(process.version);
    writeFileSync(join(out, "config.json"), JSON.stringify({ ...again, backendVersion: "1.2.3" }));
    expect(notesOf(await finish(await resume(out)))).toEqual([
      `onnxruntime ${written.backendVersion} (was 1.2.3): the weights will not repeat bit for bit`,
      NOTHING_LEFT,
    ]);
  });

  it("goes on when it gets more epochs, or more minutes than it has trained", async () => {
    const out = await ended();
    expect(stepsOf(await finish(await resume(out, { epochs: 3 })))).toEqual([5, 6]);
    const more = await finish(await resume(out, { minutes: 60 }), ({ type }) => type === "epoch");
    expect(stepsOf(more)).toEqual([7, 8]);
  });
});

describe("checkpoints", () => {
  it("a last one that is damaged or missing is replaced by the one before, saying so; the end is the same", async () => {
    const expected = readCheckpoint(checkpointFile(await ended(), "last"));
    for (const harm of [damage, rmSync]) {
      const out = newFolder();
      // The last checkpoint is that of step 2, the one before it that of step 0.
      await finish(await start(out), ({ type, ...event }) => type === "step" && "step" in event && event.step === 3);
      harm(checkpointFile(out, "last"));
      rmSync(checkpointFile(out, "best"));
      const told = await finish(await resume(out));
      expect(notesOf(told)).toEqual([
        expect.stringMatching(
          /last.safetensors is (a damaged checkpoint .*|missing); going on from the previous checkpoint, at step 0$/,
        ),
      ]);
      expect(stepsOf(told)).toEqual([1, 2, 3, 4]);
      expect(readCheckpoint(checkpointFile(out, "last")).state).toEqual(expected.state);
    }
  });

  it("the best is further than the one before: the run goes on from it", async () => {
    const out = newFolder();
    await finish(await start(out), ({ type, ...event }) => type === "step" && "step" in event && event.step === 3);
    rmSync(checkpointFile(out, "last"));
    const told = await finish(await resume(out));
    expect(notesOf(told)).toEqual([expect.stringMatching(/missing; going on from the best checkpoint, at step 2$/)]);
    expect(stepsOf(told)).toEqual([3, 4]);
  });

  it("a best one that is damaged or missing is replaced by the last where the run is used, with a warning", async () => {
    for (const harm of [damage, rmSync]) {
      const out = await ended();
      harm(checkpointFile(out, "best"));
      const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      await (await load(out, { model })).dispose();
      expect(warn.mock.calls).toEqual([
        [expect.stringMatching(/best.safetensors is .*; the last checkpoint, of step 4, is used$/)],
      ]);
      warn.mockRestore();
    }
  });

  it("all of which are damaged or gone leave nothing to go on from", async () => {
    const out = await ended();
    const files = readdirSync(join(out, "checkpoints")).map((name) => join(out, "checkpoints", name));
    expect(files).toHaveLength(3);
    files.forEach(damage);
    const goOn = async () => finish(await resume(out));
    await expect(goOn()).rejects.toMatchObject({
      code: "E_DATA_FORMAT",
      message: expect.stringMatching(/last.*previous.*best.* no checkpoint of the run is left/),
    });
    for (const file of files) rmSync(file);
    const gone = /was trained, but its checkpoints are gone; .*Start a new run with another --out$/;
    await expect(goOn()).rejects.toThrowError(gone);
    await expect(load(out, { model })).rejects.toThrowError(gone);
  });
});

describe("a run that was stopped before its first checkpoint", () => {
  it("begins anew, saying so, and from the weights that it was to begin from", async () => {
    const [from, out] = [await ended(), newFolder()];
    await start(out, { from });
    const told = await finish(await resume(out));
    expect(notesOf(told)).toEqual([
      "the run was stopped before its first checkpoint; it begins anew",
      "taken: 2 of 2 arrays",
    ]);
    expect(stepsOf(told)).toEqual([1, 2, 3, 4]);
  });

  it("and before its configuration leaves a folder that counts as new", async () => {
    const out = newFolder();
    for (const folder of ["checkpoints", "plots"]) mkdirSync(join(out, folder), { recursive: true });
    writeFileSync(join(out, "config.json.draft"), "{");
    await expect(resume(out)).rejects.toMatchObject({ code: "E_RUN_NOT_FOUND" });
    expect((await finish(await start(out))).at(-1)).toMatchObject({ type: "end" });
  });

  it.each([["notes.txt"], ["plots/mine.svg"]])("but a folder with %s is not new", async (name) => {
    const out = newFolder();
    mkdirSync(join(out, "plots"), { recursive: true });
    writeFileSync(join(out, name), "");
    await expect(start(out)).rejects.toMatchObject({ code: "E_RUN_EXISTS" });
  });
});

describe("a configuration", () => {
  const edited = async (change: (config: Record<string, Record<string, unknown>>) => void) => {
    const out = await ended();
    const config = JSON.parse(readFileSync(join(out, "config.json"), "utf8"));
    change(config);
    writeFileSync(join(out, "config.json"), JSON.stringify(config));
    return out;
  };

  it.each([
    ["an option of the model", (config: Record<string, Record<string, unknown>>) => (config.options!.breaksAt = 3)],
    ["the classes", (config: Record<string, Record<string, unknown>>) => (config.data!.classes = ["a", "c"])],
    ["the size of pictures", (config: Record<string, Record<string, unknown>>) => (config.data!.width = 1)],
  ])("of which %s was changed is refused", async (_, change) => {
    const out = await edited(change);
    expect(() => RunFolder.open(out, model)).toThrowError(
      expect.objectContaining({
        code: "E_DATA_FORMAT",
        message: expect.stringMatching(/config.json does not say what was trained/),
      }),
    );
  });

  it("does not go on with pictures without labels where it does not say how many, as runs of 0.1 do not", async () => {
    const out = newFolder();
    const few = { ...data, train: pictures([0, 1, 0, 1, 0, 1, 0, 1, -1, -1]) };
    await finish(await start(out, { data: few }));
    const { checksum, ...config } = JSON.parse(readFileSync(join(out, "config.json"), "utf8"));
    const old = { ...config, data: { ...config.data, examples: undefined } };
    writeFileSync(join(out, "config.json"), JSON.stringify(old));
    await expect(resume(out, { data: few, epochs: 3 })).rejects.toMatchObject({
      code: "E_RUN_VERSION",
      message: expect.stringMatching(
        /does not say how many of its pictures have labels.* Start a new run with --from /,
      ),
    });
  });

  it("of which something else was changed is read", async () => {
    const out = await edited((config) => Object.assign(config, { patience: 7 }));
    expect(RunFolder.open(out, model).config.patience).toBe(7);
  });
});
