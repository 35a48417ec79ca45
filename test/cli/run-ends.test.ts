// How a run through the real command line may end before its budget is used up: full disks, wild numbers, Ctrl-C, a target.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { drawGlyphs } from "../drawings.ts";
import { expectRefused, MAIN, SMALL, workplace } from "./workplace.ts";

const { genclass, root } = workplace("run-ends");
const GLYPHS = "glyphs.npz";
beforeAll(() => drawGlyphs(root, { train: 3000, test: 400 }));

describe("a run", () => {
  it("keeps the old checkpoint when the disk is full, says so, and goes on once there is room", {
    tags: ["long"],
  }, () => {
    genclass("train", "vae", "--data", GLYPHS, "--epochs", "4", "--out", "full", ...SMALL);
    const last = join(root, "full", "checkpoints", "last.safetensors");
    const before = readFileSync(last);
    // A limit on file size, in kB, stands for the full disk: logs have room, half of a checkpoint has.
    const script = `ulimit -f ${Math.floor(before.length / 2048)}; exec "${process.execPath}" "${MAIN}" train vae --out full --resume --epochs 7`;
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { cwd: root, encoding: "utf8" });
    expectRefused(
      { code: status, out: stdout, err: stderr },
      1,
      /E_WRITE: .* could not be written .*what was there before is kept/,
    );
    expect(readFileSync(last).equals(before)).toBe(true);
    expect(genclass("train", "vae", "--out", "full", "--resume", "--epochs", "6").code).toBe(0);
  });

  it("stops at a loss that is not finite, names it and its step, and keeps the last good checkpoint", () => {
    const result = genclass(
      "train",
      "vae",
      "--data",
      GLYPHS,
      "--epochs",
      "2",
      "--out",
      "nan",
      "--set",
      "likelihood=gaussian",
      "--set",
      "deviation=0.01",
      "--set",
      "rate=1",
      "--set",
      "activation=elu",
      "--set",
      "schedule=constant",
      "--set",
      "warmup=0",
      ...SMALL,
    );
    expectRefused(
      result,
      1,
      /E_NAN: loss joint\/\w+ is (NaN|-?Infinity) at step \d+; the last good checkpoint is kept/,
    );
    expect(existsSync(join(root, "nan", "checkpoints", "last.safetensors"))).toBe(true);
  });

  it("stops soon on Ctrl-C with a checkpoint, exits with 1, and goes on from there", async () => {
    const child = spawn(
      process.execPath,
      [MAIN, "train", "vae", "--data", GLYPHS, "--epochs", "4", "--out", "stopped", ...SMALL],
      { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
    );
    let err = "";
    let interrupted = false;
    child.stderr.on("data", (chunk) => {
      err += chunk;
      if (!interrupted && /epoch 1 .*validation/.test(err)) interrupted = child.kill("SIGINT");
    });
    const code = await new Promise((done) => child.on("exit", done));
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/stopped at step \d+; go on with: genclass train vae --out stopped --resume/),
    ]);
    const { code: again, err: log } = genclass("train", "vae", "--out", "stopped", "--resume");
    expect([again, log]).toEqual([0, expect.stringMatching(/going on from step \d\d+/)]);
  });

  it("ends when --until is reached, and refuses a metric that is not measured", () => {
    const reached = JSON.parse(
      genclass(
        "train",
        "vae",
        "--data",
        GLYPHS,
        "--epochs",
        "9",
        "--until",
        "accuracy=0.2",
        "--out",
        "until",
        "--json",
        ...SMALL,
      ).out,
    );
    expect(reached).toMatchObject({ reason: "until" });
    expect(reached.epochs).toBeLessThan(9);
    expectRefused(
      genclass("train", "vae", "--data", GLYPHS, "--epochs", "1", "--until", "acc=0.2", "--out", "until2", ...SMALL),
      2,
      /no validation metric "acc"; known: .*accuracy/,
    );
  });
});
