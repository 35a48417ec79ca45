// New training pictures through the real command line: made by a run, and trained with by another.
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { expectRefused, SMALL, workplace } from "./workplace.ts";

const { genclass, root } = workplace("augment");
const DIGITS = ["--data", "digits", "--image", "12x12", "--labels", "15"];

describe("new training pictures on the command line", () => {
  beforeAll(() => {
    for (const call of [
      ["data", "make", "glyphs", "--out", "digits", "--count", "600", "--test", "40"],
      ["train", "vae", ...DIGITS, "--epochs", "12", "--batch", "32", "--out", "run", ...SMALL],
    ]) {
      const { code, err } = genclass(...call);
      expect(code, err).toBe(0);
    }
  });

  it("are written in a folder for each class, which train --add takes; the run says so, and goes on with them alone", () => {
    const { code, out, err } = genclass("augment", "run", "--per-class", "4", "--out", "new", "--json");
    expect(code, err).toBe(0);
    const { classes, ...rest } = JSON.parse(out);
    expect(rest).toEqual({ run: "run", out: "new", perClass: 4, seed: 0 });
    const written = readdirSync(join(root, "new/train")).map(
      (name) => [name, readdirSync(join(root, "new/train", name)).length] as const,
    );
    expect(written).toEqual(classes.map(({ name, pictures }: { name: string; pictures: number }) => [name, pictures]));
    const total = written.reduce((sum, [, count]) => sum + count, 0);
    // The filter may refuse all of a class that so short a run draws badly, but not all of everything.
    expect(total).toBeGreaterThan(10);

    const cnn = ["--set", "width=4", "--set", "hidden=16", "--epochs", "1", "--out", "added", "--json"];
    const trained = genclass("train", "cnn", ...DIGITS, "--add", "new:0.25", ...cnn);
    expect(trained.err).toContain(
      `${total} added pictures take 25 % of each batch, and nothing of the last 30 % of the steps`,
    );
    const { data } = JSON.parse(readFileSync(join(root, "added/config.json"), "utf8"));
    expect(data.add).toEqual({ path: join(root, "new"), share: 0.25 });

    renameSync(join(root, "new"), join(root, "moved"));
    // They are no part of what it is evaluated on.
    expect(genclass("evaluate", "added", "--json").code).toBe(0);
    const more = ["train", "cnn", "--out", "added", "--resume", "--epochs", "2"];
    expectRefused(genclass(...more), 1, /E_DATA_NOT_FOUND: no data at ".*new"/);
    renameSync(join(root, "moved"), join(root, "new"));
    const [name, count] = written.find(([, count]) => count > 0)!;
    rmSync(join(root, "new/train", name, readdirSync(join(root, "new/train", name))[0]!));
    expect(count).toBeGreaterThan(0);
    expectRefused(genclass(...more), 2, /trained on other data: the added pictures are others, or take another share/);
  });

  it("are never written over something", () => {
    expectRefused(genclass("augment", "run", "--per-class", "4", "--out", "digits"), 1, /E_WRITE: digits is not empty/);
    expectRefused(genclass("augment", "run", "--per-class", "0", "--out", "x"), 2, /expected a whole number in 1\.\./);
  });
});
