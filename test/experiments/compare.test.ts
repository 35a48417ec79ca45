// Comparisons and searches that train: stopped, killed, gone on with, refused.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { writeNpz } from "../../src/data/write.ts";
import type { CompareCall, CompareEvent } from "../../src/experiments/compare.ts";
import type { Comparison } from "../../src/experiments/comparison.ts";
import type { TuneCall, TuneEvent } from "../../src/experiments/tune.ts";
import { bundled } from "../bundled.ts";
import { drawGlyphs } from "../drawings.ts";
import { smallCall, tinyNetwork, withoutTimes } from "./small.ts";

const program: typeof import("./program.ts") = await import(bundled(join(import.meta.dirname, "program.ts")));
const { compare, tune } = program;

const root = mkdtempSync(join(tmpdir(), "genclass-compare-"));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => void vi.unstubAllEnvs());
let data: string;
beforeAll(async () => {
  data = await drawGlyphs(root, { train: 120, test: 40 });
});

/** All that a comparison tells, and what it found. */
async function finished(call: CompareCall): Promise<{ events: CompareEvent[]; comparison: Comparison }> {
  const events: CompareEvent[] = [];
  for await (const event of compare(call)) events.push(event);
  const end = events.at(-1)!;
  if (end.type !== "end") throw new Error("a comparison ended without saying so");
  return { events, comparison: end.comparison };
}

describe("a comparison", () => {
  it("killed or interrupted in the middle goes on where it was, and tells what one tells that never stopped", {
    tags: ["long"],
  }, async () => {
    const { events, comparison } = await finished(smallCall(data, join(root, "whole")));
    expect(events.flatMap((event) => (event.type === "cell" ? [event.state] : []))).toEqual([
      "begins",
      "done",
      "begins",
      "done",
    ]);
    const { rows } = comparison;
    expect(rows.map(({ model, labels, labelled }) => [model, labels, labelled])).toEqual([
      ["cnn", "all", 110],
      ["vae", "all", 110],
    ]);
    for (const row of rows)
      for (const value of [row.msPerPicture, row.msOnePicture, row.fitSeconds, row.multiplyAdds, row.modelBytes])
        expect(value).toBeGreaterThan(0);

    const out = join(root, "killed");
    const target = bundled(join(import.meta.dirname, "kill-target.ts"));
    const killed = spawnSync(process.execPath, [target, data, out], { encoding: "utf8" });
    expect([killed.signal, killed.stderr]).toEqual(["SIGKILL", ""]);
    // Interrupted before it trains again, it stops after the first steps, and has all saved.
    const states: string[] = [];
    let pressed = false;
    for await (const event of compare({ ...smallCall(data, out), interrupted: () => pressed })) {
      if (event.type === "start") states.push(`${event.done} of ${event.cells}`);
      if (event.type === "cell") {
        pressed = true;
        states.push(event.state);
      }
      if (event.type === "end") states.push(event.reason);
    }
    expect(states).toEqual(["1 of 2", "goes on", "interrupted"]);
    const again = await finished(smallCall(data, out));
    expect(again.events.flatMap((event) => (event.type === "cell" ? [event.state] : []))).toEqual(["goes on", "done"]);
    expect(withoutTimes(again.comparison)).toEqual(withoutTimes(comparison));

    // All is done: nothing is trained or measured again.
    const third = await finished(smallCall(data, out));
    expect(third.events.map(({ type }) => type)).toEqual(["start", "end"]);
    expect(third.comparison).toEqual(again.comparison);
    // A cell that somebody deleted is trained anew, and how fast models answer is measured with it.
    rmSync(join(out, "cells", "cnn-all-seed-0"), { recursive: true });
    const mended = await finished(smallCall(data, out));
    expect(mended.events.map(({ type }) => type)).toContain("timing");
    expect(withoutTimes(mended.comparison)).toEqual(withoutTimes(comparison));
    await expect(finished({ ...smallCall(data, out), epochs: 3 })).rejects.toThrow(
      /begun with epochs 2, the call says 3/,
    );
    await expect(finished({ ...smallCall(data, out), options: {} })).rejects.toThrow(
      /begun with width=4, the call says 32/,
    );
  });

  // Of the comparison above.
  it("is without times where measuring fails, and is not of two test parts", { tags: ["long"] }, async () => {
    const out = join(root, "whole");
    writeFileSync(join(out, "times.json"), "cut");
    const { events, comparison } = await finished(smallCall(data, out));
    expect(events.map(({ type }) => type)).toEqual(["start", "note", "end"]);
    expect(comparison.rows.map(({ accuracy, msPerPicture }) => [accuracy > 0, msPerPicture])).toEqual([
      [true, null],
      [true, null],
    ]);
    const original = readFileSync(data);
    rmSync(data);
    await writeNpz(glyphs({ train: 120, test: 50 }), data);
    const states: string[] = [];
    const more = async () => {
      for await (const event of compare({ ...smallCall(data, out), seeds: 2 })) states.push(event.type);
    };
    // Before it is trained.
    await expect(more()).rejects.toThrow(/the source has changed.*test had 40 pictures, now 50/);
    expect(states).toEqual(["start", "cell"]);
    writeFileSync(data, original);
  });

  it("leaves out what a model refuses by the data, unless all do", async () => {
    const call = {
      ...smallCall(data, join(root, "many-labels")),
      models: ["cnn"],
      options: { cnn: { width: 4 } },
      epochs: 1,
    };
    await expect(finished({ ...call, labels: [5000] })).rejects.toThrow(/ask for at most that many/);
    const { comparison } = await finished({ ...call, labels: [5000, "all"] });
    expect(comparison.failed).toMatchObject([{ labels: "5000", code: "E_OPTION" }]);
    expect(comparison.rows.map(({ labels }) => labels)).toEqual(["all"]);
  });

  it("of variants of one model trains each with its options, and says how it is made again", async () => {
    const models = ["cnn", "cnn:hidden=12:augment=none,rotate=3"];
    const call = { ...smallCall(data, join(root, "variants")), models, options: { cnn: { width: 4, hidden: 8 } } };
    const { comparison } = await finished({ ...call, epochs: 1 });
    expect(comparison.rows.map(({ model }) => model)).toEqual(models);
    const [plain, varied] = ["cnn-all-seed-0", "cnn+hidden=12+augment=none,rotate=3-all-seed-0"].map((name) =>
      JSON.parse(readFileSync(join(call.out, "cells", name, "config.json"), "utf8")),
    );
    expect([plain.options.width, plain.options.hidden, plain.augment]).toEqual([4, 8, "auto"]);
    expect([varied.options.width, varied.options.hidden, varied.augment]).toEqual([4, 12, "none,rotate=3"]);
    const { command } = JSON.parse(readFileSync(join(call.out, "compare.json"), "utf8"));
    expect(command).toContain("--models cnn,cnn:hidden=12:augment=none,rotate=3 ");
    expect(readFileSync(join(call.out, "compare.csv"), "utf8")).toContain('"cnn:hidden=12:augment=none,rotate=3",all,');
  });

  it("of a model of the features of a network is that of a model built on it", { tags: ["long"] }, async () => {
    // Features are kept in the cache.
    vi.stubEnv("GENCLASS_CACHE", join(root, "cache"));
    const backbone = tinyNetwork(join(root, "network.onnx"));
    const { comparison } = await finished({
      ...{ ...smallCall(data, join(root, "features")), models: ["vae"], backbone, image: { height: 28, width: 28 } },
      options: { vae: { decodes: "features", latent: 2, hidden: 8 } },
    });
    expect(comparison.failed).toEqual([]);
    expect(comparison.rows).toHaveLength(1);
  });

  it.each([
    [{ models: ["gan"] }, /gan does not classify/],
    [{ models: ["cnn", "cnn"] }, /the model cnn is given twice/],
    [{ models: [] }, /nothing to compare/],
    [{ models: ["vea"] }, /did you mean "vae"/],
    [{ models: ["cnn"], options: { vae: { width: 4 } } }, /vae, which is not compared/],
    [{ models: ["cnn"], options: { cnn: { width: 4000 } } }, /cnn: width=4000/],
    [{ models: ["cnn", "cnn:augment=turn=5"] }, /unknown word "turn=5"/],
  ])("asked for %j is refused before anything is made", async (more, message) => {
    const out = join(root, "refused");
    await expect(finished({ ...smallCall(data, out), options: {}, ...more })).rejects.toThrow(message);
    expect(existsSync(out)).toBe(false);
  });
});

describe("data that nothing can be learnt from", () => {
  it("is refused before a comparison or a search has a folder", async () => {
    const [untested, out] = [join(root, "untested.npz"), join(root, "no-folder")];
    await writeNpz({ ...glyphs({ train: 40, test: 10 }), test: undefined }, untested);
    await expect(finished(smallCall(untested, out))).rejects.toMatchObject({
      code: "E_DATA_EMPTY",
      message: expect.stringMatching(/has no test part/),
    });
    const nowhere = join(root, "nowhere");
    await expect(finished(smallCall(nowhere, out))).rejects.toMatchObject({ code: "E_DATA_NOT_FOUND" });
    await expect(searched(search(out, { data: nowhere }))).rejects.toMatchObject({ code: "E_DATA_NOT_FOUND" });
    expect(existsSync(out)).toBe(false);
  });
});

describe("a network by name", () => {
  it("is fetched before anything is checked, by a comparison and by a search", async () => {
    vi.stubEnv("GENCLASS_CACHE", join(root, "cache"));
    vi.stubEnv("GENCLASS_DATA", "");
    vi.stubEnv("GENCLASS_MIRROR", "http://127.0.0.1:1");
    const failed = /squeezenet: .* could not be fetched \(127\.0\.0\.1:1/;
    await expect(finished({ ...smallCall(data, join(root, "c")), backbone: "squeezenet" })).rejects.toThrow(failed);
    await expect(searched(search(join(root, "t"), { run: { backbone: "squeezenet" } }))).rejects.toThrow(failed);
  });
});

const search = (out: string, more: Partial<TuneCall>): TuneCall => ({
  ...{ model: "cnn", data, out, backend: "onnx", search: "rate=1e-4..1e-2,hidden=8|16", options: { width: 4 } },
  run: { epochs: 3, batch: 20, threads: 1 },
  ...more,
});

async function searched(call: TuneCall) {
  const events: TuneEvent[] = [];
  for await (const event of tune(call)) events.push(event);
  const end = events.at(-1)!;
  if (end.type !== "end") throw new Error("a search ended without saying so");
  return { trained: events.filter((event) => event.type === "trial" && event.state === "done").length, ...end };
}

describe("a search", () => {
  it("goes on with more trials, and leaves the best as options for train", async () => {
    const out = join(root, "search");
    const first = await searched(search(out, { trials: 1, method: "random" }));
    const more = await searched(search(out, { trials: 2, method: "random" }));
    expect([first.trained, more.trained, more.reason]).toEqual([1, 1, "done"]);
    expect(more.search.trials.slice(0, 1)).toEqual(first.search.trials);
    const values = more.search.trials.map(({ trained }) => trained!.objective!.value);
    const best = JSON.parse(readFileSync(join(out, "best.json"), "utf8"));
    expect(best).toMatchObject({ model: "cnn", metric: more.search.objective!.metric, value: Math.max(...values) });
    expect(best.options).toEqual({ width: 4, ...more.search.best!.point });
    expect(best.command).toContain(`--set rate=${best.options.rate}`);
    expect(readFileSync(join(out, "trials.csv"), "utf8").trim().split("\n")).toHaveLength(3);
    expect(readFileSync(more.report, "utf8")).toContain("Best options");
    // The test part is not looked at.
    expect(more.search.trials.every(({ trained }) => trained!.test === undefined)).toBe(true);
    await expect(searched(search(out, { trials: 3, method: "tpe" }))).rejects.toThrow(/begun with method "random"/);
  });

  it("takes no result of another point, nor another plan once there are results", async () => {
    const out = join(root, "search");
    rmSync(join(out, "trials"), { recursive: true });
    const call = search(out, { trials: 2, method: "random" });
    await expect(searched({ ...call, seed: 1 })).rejects.toThrow(/begun with run/);
    const file = join(out, "results", "0001-0.json");
    const result = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...result, point: { rate: 0.005, hidden: 8 } }));
    await expect(searched(call)).rejects.toThrow(/0001-0.json is of .*choose another --out/);
  });

  it("keeps nothing of trials that failed as the machine lacks something", async () => {
    vi.stubEnv("GENCLASS_ONEDNN", join(root, "no-library.so"));
    const out = join(root, "no-library");
    const call = search(out, { trials: 2, backend: "onednn" });
    await expect(searched(call)).rejects.toMatchObject({ code: "E_BACKEND" });
    expect(existsSync(join(out, "results"))).toBe(false);
  });

  it("by halving trains the best of three on from where it rests", { tags: ["long"] }, async () => {
    const out = join(root, "halving");
    const { search: found } = await searched(search(out, { trials: 3, method: "halving" }));
    expect(found.trials.map(({ rung }) => rung).sort()).toEqual([0, 0, 1]);
    expect(found.trials.map(({ trained }) => trained!.epochs).sort()).toEqual([1, 1, 3]);
    const further = found.trials.find(({ rung }) => rung === 1)!;
    expect(found.best).toEqual(further);
    expect(readdirSync(join(out, "trials"))).toHaveLength(3);
    const lines = readFileSync(join(out, "trials", `000${further.number}`, "results.csv"), "utf8")
      .trim()
      .split("\n");
    expect(lines).toHaveLength(1 + 3);
  });

  it("by halving of a model that does not classify so early says so", async () => {
    // Few labels: the first of three epochs is generative.
    const call = search(join(root, "halving-early"), { model: "vae", search: "rate=1e-4..1e-2", trials: 3 });
    const options = { width: 4, hidden: 8, latent: 2 };
    const run = { ...call.run, labels: 1 };
    await expect(searched({ ...call, options, run, method: "halving" })).rejects.toThrow(
      /after 1 of its epochs vae does not yet tell .*Halve later/,
    );
  });
});
