// A oneDNN that is there and does not load: what the command line does without it, and what it says.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { drawGlyphs } from "../drawings.ts";
import { MAIN, SMALL } from "./workplace.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-broken-"));
afterAll(() => rmSync(root, { recursive: true }));
const text = join(root, "libdnnl.so");
writeFileSync(text, "this is a text, not a library\n".repeat(200));

describe("the command line with a broken library", async () => {
  const data = await drawGlyphs(root, { train: 400, test: 40 });
  const train = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [MAIN, "train", "vae", "--data", data, "--epochs", "1", ...SMALL, "--out", join(root, args.join("-")), ...args],
      { encoding: "utf8", env: { ...process.env, GENCLASS_ONEDNN: text } },
    );

  it("trains with onnxruntime under auto, and says so in one line", () => {
    const { status, stderr } = train("--backend", "auto");
    expect(status).toBe(0);
    const lines = stderr.split("\n").filter((line) => line.includes("oneDNN"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/onnxruntime computes: oneDNN does not load \(.*libdnnl\.so: .*\); see "genclass doctor"/);
  });

  it("stops before it makes a folder when oneDNN is asked for by name", () => {
    const { status, stderr } = train("--backend", "onednn");
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error E_BACKEND: oneDNN does not load/);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  it("refuses bf16 on onnxruntime", () => {
    const { status, stderr } = train("--backend", "onnx", "--precision", "bf16");
    expect(status).toBe(2);
    expect(stderr).toMatch(/onnxruntime trains in float32 alone/);
  });

  it("tells doctor's reader what is wrong", { tags: ["long"] }, () => {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, "doctor", "--json"], {
      encoding: "utf8",
      env: { ...process.env, GENCLASS_ONEDNN: text },
    });
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.trainsWith).toBe("onnxruntime");
    const [onednn] = report.backends.filter(({ name }: { name: string }) => name === "onednn");
    expect(onednn.available).toBe(false);
    expect(onednn.why).toMatch(/does not load.*apt install libdnnl2/s);
  });
});
