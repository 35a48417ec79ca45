// Numbers that are not finite, in weights and in answers: what was saved before stays, and nothing is told of them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ndarray } from "../../src/base/array.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import { readCheckpoint } from "../../src/run/checkpoint.ts";
import { RunFolder } from "../../src/run/folder.ts";
import { backend, data, finish, model, start } from "./small-run.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-not-finite-"));
afterAll(() => rmSync(root, { recursive: true }));
/** A folder that is not there yet. */
const newFolder = () => join(mkdtempSync(join(root, "run-")), "run");

describe("numbers that are not finite", () => {
  it.each([
    ["that the next step would find", 0.5, data],
    ["found by validation", 0.75, data],
    ["of the last step, without validation", 0.75, { ...data, validation: undefined }],
  ])("in the weights, %s, end training; what was saved before stays", async (_, breaksAt, given) => {
    const out = newFolder();
    const training = await start(out, { data: given, options: { breaksAt } });
    await expect(finish(training)).rejects.toMatchObject({ code: "E_NAN" });
    const { state, progress } = readCheckpoint(join(out, "checkpoints", "last.safetensors"));
    expect(progress.step).toBe(2);
    for (const { data: values } of state.values()) expect([...values].every(Number.isFinite)).toBe(true);
  });

  it("in the answers of a trained model are refused", async () => {
    const out = newFolder();
    await finish(await start(out));
    const run = RunFolder.open(out, model);
    const { state, fitted } = run.trained();
    const broken = new Map(
      [...state].map(([path, { shape, data: values }]) => [
        path,
        ndarray("float32", shape, new Float32Array(values.length).fill(Number.NaN)),
      ]),
    );
    const trained = new TrainedModel(run.config, { state: broken, fitted }, backend, model);
    await expect(trained.classify(Uint8Array.of(1, 2))).rejects.toMatchObject({ code: "E_NAN" });
    await expect(trained.predict(data.train)).rejects.toMatchObject({
      code: "E_NAN",
      message: expect.stringMatching(/"classify" of picture 1 is NaN/),
    });
    await trained.dispose();
  });
});
