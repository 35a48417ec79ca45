// A disk that is full, and a process that dies, at any of the system calls that a run makes.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GenclassError } from "../../src/base/errors.ts";
import { readCheckpoint } from "../../src/run/checkpoint.ts";
import { type Fault, withFault } from "./faults.ts";
import { finish, resume, start } from "./small-run.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-faults-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Goes on with a folder as a person would: with --resume, else from the start. */
async function goOn(out: string): Promise<void> {
  try {
    await finish(await resume(out));
  } catch (cause) {
    if (!(cause instanceof GenclassError && cause.code === "E_RUN_NOT_FOUND")) throw cause;
    await finish(await start(out));
  }
}

/** What a run leaves, without the time that it took: its logs, and all that the last checkpoint holds. */
function resultOf(out: string) {
  const { logs: _, ...last } = readCheckpoint(join(out, "checkpoints", "last.safetensors"));
  const events = readFileSync(join(out, "events.jsonl"), "utf8").trim().split("\n");
  const results = readFileSync(join(out, "results.csv"), "utf8").split("\n");
  return {
    ...last,
    progress: { ...last.progress, seconds: 0 },
    events: events.map((line) => {
      const { seconds, remaining, imagesPerSecond, streams, ...event } = JSON.parse(line);
      return event;
    }),
    results: results.map((line) => line.split(",").filter((_, column) => column !== 2)),
  };
}

describe("a run of which one system call goes wrong", () => {
  let expected: ReturnType<typeof resultOf>;
  let calls: readonly string[];
  beforeAll(async () => {
    const out = join(root, "straight");
    const straight = await withFault("fails", 0, async () => void (await finish(await start(out))));
    expect(straight.thrown).toBeUndefined();
    calls = straight.calls;
    expected = resultOf(out);
  });

  it("makes all kinds of calls", () => {
    expect(new Set(calls)).toEqual(
      new Set([
        "mkdirSync",
        "openSync",
        "writeSync",
        "fsyncSync",
        "renameSync",
        "linkSync",
        "appendFileSync",
        "rmSync",
      ]),
    );
    expect(calls.length).toBeGreaterThan(100);
  });

  it("says so where the disk is full for a checkpoint in mid-training, keeps the last one, and goes on from it", async () => {
    const out = join(root, "full");
    const told: string[] = [];
    // The second epoch is not the best: the last link makes the last checkpoint the previous one, before the new one is written.
    const mid = calls.lastIndexOf("linkSync");
    const { thrown } = await withFault("short", calls.indexOf("writeSync", mid) + 1, async () => {
      for await (const { type } of (await start(out)).events) told.push(type);
    });
    expect(thrown).toMatchObject({
      code: "E_WRITE",
      message: expect.stringMatching(
        /^.*(last|best)\.safetensors could not be written \(ENOSPC: the disk is full\); what .* is kept: free some space$/,
      ),
    });
    expect(told).toContain("step");
    expect(readCheckpoint(join(out, "checkpoints", "last.safetensors")).progress.step).toBe(2);
    await finish(await resume(out));
    expect(resultOf(out)).toEqual(expected);
  });

  it.each<[Fault, string]>([
    ["fails", "says so"],
    ["short", "says so"],
    ["dies", "leaves what it had"],
  ])(
    "%s, wherever that is, %s, and goes on to the same end with --resume or from the start",
    { tags: ["long"] },
    async (fault) => {
      for (const [i, call] of calls.entries()) {
        if (fault === "short" && call !== "writeSync" && call !== "appendFileSync") continue;
        const what = `${fault} at call ${i + 1}, ${call}`;
        const out = join(root, `${fault}-${i + 1}`);
        const { thrown } = await withFault(fault, i + 1, async () => void (await finish(await start(out))));
        // Some calls have another way when they fail, as a link that becomes a copy.
        if (fault !== "dies" && thrown !== undefined) expect(thrown, what).toMatchObject({ code: "E_WRITE" });
        await goOn(out);
        expect(resultOf(out), what).toEqual(expected);
      }
    },
  );
});
