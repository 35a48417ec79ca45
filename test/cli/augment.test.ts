// New training pictures through the real command line: what makes them, and runs that are trained with more pictures.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { expectRefused, SMALL, workplace } from "./workplace.ts";

const { genclass, root } = workplace("augment");
const DIGITS = ["--data", "digits", "--image", "12x12", "--labels", "3"];

describe("more training pictures on the command line", () => {
  beforeAll(() => {
    for (const call of [
      ["data", "make", "glyphs", "--out", "digits", "--count", "100", "--test", "20"],
      ["data", "make", "glyphs", "--out", "more", "--count", "40", "--test", "20", "--seed", "1"],
    ])
      expect(genclass(...call).code).toBe(0);
  });

  it("are taken by train --add; the run says so, keeps where they are, and goes on with them alone", () => {
    const small = ["--set", "width=4", "--set", "hidden=16", "--epochs", "1", "--out", "added", "--json"];
    const trained = genclass("train", "cnn", ...DIGITS, "--add", "more:0.25", ...small);
    expect(trained.err).toContain(
      "40 added pictures take 25 % of each batch, and nothing of the last 30 % of the steps",
    );
    const { data } = JSON.parse(readFileSync(join(root, "added/config.json"), "utf8"));
    expect(data.add).toEqual({ path: join(root, "more"), share: 0.25 });

    renameSync(join(root, "more"), join(root, "moved"));
    // They are no part of what it is evaluated on.
    expect(genclass("evaluate", "added", "--json").code).toBe(0);
    const longer = ["train", "cnn", "--out", "added", "--resume", "--epochs", "2"];
    expectRefused(genclass(...longer), 1, /E_DATA_NOT_FOUND: no data at ".*more"/);
    renameSync(join(root, "moved"), join(root, "more"));
    const threes = join(root, "more/train/3");
    rmSync(join(threes, readdirSync(threes)[0]!));
    expectRefused(
      genclass(...longer),
      2,
      /trained on other data: the added pictures are others, or take another share/,
    );
  });

  it("are made of no other data than the run's, and never written over something", () => {
    expect(genclass("train", "vae", ...DIGITS, "--epochs", "1", "--out", "run", ...SMALL).code).toBe(0);
    const augment = (...words: string[]) => genclass("augment", "run", "--per-class", ...words);
    const fours = join(root, "digits/train/4");
    rmSync(join(fours, readdirSync(fours)[0]!));
    expectRefused(
      augment("4", "--out", "new"),
      2,
      /E_RUN_CONFLICT: .*digits is not what run was trained on: train had/,
    );
    expect(existsSync(join(root, "new"))).toBe(false);
    expectRefused(augment("4", "--out", "digits"), 1, /E_WRITE: digits is not empty/);
    expectRefused(augment("0", "--out", "x"), 2, /expected a whole number in 1\.\./);
  });
});
