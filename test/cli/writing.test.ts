// What the command line writes goes to new files alone, of the kind that their endings say.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { drawPictures, expectRefused, MAIN, SMALL, workplace } from "./workplace.ts";

const { genclass, root } = workplace("writing");

/** Every file below the root, with its bytes as text. */
function everything(): Map<string, string> {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(root, name)).isFile(),
  );
  return new Map(files.map((name) => [name, readFileSync(join(root, name), "base64")]));
}

/** Everything that was there is there unchanged. */
function expectKept(before: Map<string, string>): void {
  const after = everything();
  for (const [name, bytes] of before) expect(after.get(name) === bytes, `${name} is as it was`).toBe(true);
}

describe("what commands write", () => {
  beforeAll(async () => {
    await drawPictures(root);
    expect(genclass("data", "make", "glyphs", "--out", "digits", "--count", "100", "--test", "40").code).toBe(0);
    expect(genclass("train", "vae", "--data", "digits", "--epochs", "1", "--out", "run", ...SMALL).code).toBe(0);
    mkdirSync(join(root, "mine"));
    writeFileSync(join(root, "mine", "00000.txt"), "mine");
    writeFileSync(join(root, "mine.txt"), "mine");
  });

  it.each([
    [["train", "vae", "--data", "digits", "--out", ""], 2, /'' is invalid.*expected a folder/],
    [["generate", "run", "--out", ""], 2, /expected a file or a folder/],
    [["generate", "run", "--out", "mine"], 1, /mine is not empty; nothing is overwritten/],
    [["generate", "run", "--out", "mine.txt"], 1, /mine.txt is a file; nothing is overwritten/],
    [["generate", "run", "--out", "g.jpg"], 2, /--out g.jpg: \.jpg is the ending of a file/],
    [["reconstruct", "run", "pictures", "--out", "r.jpg"], 2, /--out r.jpg: .*expected a name that ends in \.png/],
    [["export", "run", "--out", "run.pb"], 2, /expected a name that ends in \.onnx/],
    [["data", "convert", "digits", "--out", "x.csv"], 2, /--out x.csv: \.csv is the ending of a file/],
    [["data", "convert", "digits", "--to", "npz", "--out", "x"], 2, /expected a name that ends in \.npz/],
    [["data", "convert", "digits", "--out", "mine"], 1, /mine is not empty/],
    [["data", "convert", "digits", "--out", "mine.txt"], 1, /mine.txt is a file/],
    [["data", "check", "digits", "--out", "page.pdf"], 2, /expected a name that ends in \.html/],
    [["data", "augment-preview", "digits", "--out", "sheet.webp"], 2, /expected a name that ends in \.png/],
  ])("%j is refused and changes nothing", (args, code, message) => {
    const before = everything();
    expectRefused(genclass(...args), code, message);
    expect([...everything().keys()].sort()).toEqual([...before.keys()].sort());
    expectKept(before);
  });

  it.skipIf(process.platform === "win32")("is refused before the work where it may not be written", () => {
    const locked = join(root, "locked");
    mkdirSync(locked, { mode: 0o555 });
    // Permissions bind everybody but root.
    const user = process.getuid!() === 0 ? { uid: 65534, gid: 65534 } : {};
    chmodSync(root, 0o755);
    for (const args of [
      ["train", "vae", "--data", "digits", "--out", "locked/run"],
      ["generate", "run", "--out", "locked/sheet.png"],
      ["data", "make", "glyphs", "--out", "locked/more/glyphs"],
    ]) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
        ...{ cwd: root, encoding: "utf8", env: { ...process.env, GENCLASS_CACHE: join(root, "cache") }, ...user },
      });
      expectRefused(
        { code: status, out: stdout, err: stderr },
        1,
        /E_WRITE: locked\/\S+ cannot be written \(EACCES: permission is denied at .*locked\); choose another path/,
      );
    }
    rmdirSync(locked);
  });

  it("goes beside what an earlier call, or training, wrote, but for the figures that a run gathers", {
    tags: ["long"],
  }, () => {
    const before = everything();
    for (const name of before.keys()) if (/MODEL_CARD\.md$|metrics\.json$|tfevents/.test(name)) before.delete(name);
    for (let call = 1; call <= 2; call++) {
      expect(genclass("evaluate", "run").code).toBe(0);
      expect(genclass("evaluate", "run", "--split", "train").code).toBe(0);
      expect(genclass("evaluate", "run", "--data", "digits").code).toBe(0);
      expect(genclass("generate", "run", "--count", "4").code).toBe(0);
      expect(genclass("reconstruct", "run", "pictures").code).toBe(0);
      expect(genclass("export", "run").code).toBe(0);
      for (const name of [
        `run/evaluations/test-${call}/report.html`,
        `run/evaluations/train-${call}/report.html`,
        `run/evaluations/test-of-digits-${call}/report.html`,
        `run/samples/generated-0-${call}.png`,
        `run/samples/reconstructed-${call}.png`,
        `run/model-${call}.onnx`,
      ])
        expect(existsSync(join(root, name)), name).toBe(true);
    }
    expectKept(before);
  });
});
