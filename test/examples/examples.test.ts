import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { FILLED, fill } from "../../results/tables.ts";
import { workplace } from "../cli/workplace.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const { root, genclass } = workplace("examples");

/** Runs a file of examples/ as a user of the package would. */
const called = (file: string, ...args: string[]) =>
  spawnSync(process.execPath, ["--import", "tsx", join(ROOT, "examples", file), ...args], {
    ...{ cwd: ROOT, encoding: "utf8" },
  });

/** What an example says that works. */
function example(file: string, ...args: string[]): string {
  const { status, stdout, stderr } = called(file, ...args);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

describe("examples", () => {
  it.each(["server.ts", "evaluate.ts", "own-folder.ts"])("%s without arguments tells how it is called", (file) => {
    const { status, stderr } = called(file);
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^usage: .*\n$/)]);
  });

  it("train-and-classify trains, then answers about three pictures", { tags: ["long"] }, () => {
    const lines = example("train-and-classify.ts", join(root, "run")).trim().split("\n");
    expect(lines[0]).toMatch(/^epoch 1: validation accuracy 0\.\d+/);
    expect(lines.slice(1)).toHaveLength(3);
  });

  it("look-at-data keeps the labels it is asked for, and finds no duplicates among a few drawings", () => {
    expect(genclass("data", "make", "glyphs", "--out", "digits", "--count", "200", "--test", "50").code).toBe(0);
    expect(example("look-at-data.ts", join(root, "digits"))).toBe(
      "100 of 180 training pictures keep their label\n0 exact and 0 near duplicates, 0 classes missing from a part\n",
    );
  });

  it("own-model trains a model that is not in the list, and evaluates it", { tags: ["long"] }, () => {
    const out = example("own-model.ts", join(root, "own-model"));
    // Ten classes: chance is 0.1; three epochs reach over 0.9.
    expect(Number(/accuracy: (\S+),/.exec(out)![1])).toBeGreaterThan(0.8);
  });

  it("graph-language ends below the loss of guessing, ln 2", () => {
    const out = example("graph-language.ts");
    expect(Number(/loss (\S+)\n$/.exec(out)![1])).toBeLessThan(Math.LN2 / 3);
  });
});

describe("documents", () => {
  const documents = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    ...readdirSync(join(ROOT, "docs")).map((file) => `docs/${file}`),
  ];
  it.each(documents)("%s links to files that exist", (file) => {
    for (const [, target] of readFileSync(join(ROOT, file), "utf8").matchAll(/\]\(([^)#:]+)\)/g))
      expect(existsSync(resolve(ROOT, dirname(file), target!)), target).toBe(true);
  });

  it.each(Object.keys(FILLED))("the tables of %s are those of the result files", (file) => {
    expect(fill(file)).toBe(readFileSync(join(ROOT, file), "utf8"));
  });

  it("README names only commands and options that exist", () => {
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const helps = new Map<string, string>();
    for (const [, command, rest] of readme.matchAll(/npx genclass (\w+)([^#\n]*)/g)) {
      const help = helps.get(command!) ?? genclass(command!, "--help").out;
      helps.set(command!, help);
      for (const [option] of (rest ?? "").matchAll(/--[a-z-]+/g))
        expect(help, `${command} ${option}`).toContain(option);
    }
  });
});
