// The data of a run is found again wherever the command is called, and must be what it was.
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { expectRefused, SMALL, workplace } from "./workplace.ts";

const { genclass, root } = workplace("run-data");
const test = (...parts: string[]) => join(root, "work", "digits", "test", ...parts);

describe("the data of a run", () => {
  let accuracy: number;
  beforeAll(() => {
    mkdirSync(join(root, "work"));
    for (const out of ["work/digits", "digits"])
      expect(
        genclass(
          ...["data", "make", "glyphs", "--out", out, "--count", "100", "--test", "40"],
          "--seed",
          `${out.length}`,
        ).code,
      ).toBe(0);
    const { code, out } = genclass.in("work")(
      ...["train", "vae", "--data", "digits", "--epochs", "1", "--out", "run", "--json", ...SMALL],
    );
    expect(code).toBe(0);
    accuracy = JSON.parse(out).metrics["test/accuracy"];
  });

  it("given by a relative path is found from another folder, where that path leads to other data", () => {
    expect(JSON.parse(genclass("evaluate", "work/run", "--json").out).metrics.accuracy).toBe(accuracy);
    const { code, out } = genclass("train", "vae", "--out", "work/run", "--resume", "--epochs", "2", "--json");
    expect([code, JSON.parse(out).epochs]).toEqual([0, 2]);
  });

  it("is kept both as it was given and as an absolute path", () => {
    const { data } = JSON.parse(readFileSync(join(root, "work/run/config.json"), "utf8"));
    expect([data.source, data.location]).toEqual(["digits", join(root, "work", "digits")]);
  });

  it("that has changed is refused, saying what differs; the other parts may have", () => {
    const [picture, copy] = [test("3", "000003.png"), test("3", "copy.png")];
    cpSync(picture, copy);
    expectRefused(
      genclass("evaluate", "work/run"),
      2,
      /digits is not what work\/run was trained on: test had 40 pictures, now 41 pictures; .*--data /,
    );
    rmSync(copy);
    const bytes = readFileSync(picture);
    writeFileSync(picture, readFileSync(test("4", "000004.png")));
    expectRefused(genclass("evaluate", "work/run"), 2, /test has 40 pictures, but others or with other labels/);
    expect(genclass("evaluate", "work/run", "--split", "validation").code).toBe(0);
    expectRefused(
      genclass("train", "vae", "--out", "work/run", "--resume"),
      2,
      /was trained on other data: test has 40 pictures, but others/,
    );
    writeFileSync(picture, bytes);
  });

  it("that has fewer labels than the run kept is refused without advice that only a new run could take", () => {
    cpSync(join(root, "work", "digits"), join(root, "work/fewer"), { recursive: true });
    const few = ["--labels", "8", "--validation", "0", "--epochs", "1", ...SMALL];
    expect(genclass("train", "vae", "--data", "work/fewer", "--out", "work/few", ...few).code).toBe(0);
    const members = readdirSync(join(root, "work/fewer/train/3"));
    for (const name of members.slice(7)) rmSync(join(root, "work/fewer/train/3", name));
    for (const call of [
      genclass("evaluate", "work/few", "--split", "train"),
      genclass("train", "vae", "--out", "work/few", "--resume"),
    ]) {
      expectRefused(call, 2, /fewer is not what work\/few was trained on: it has fewer labels, .*; put the data back/);
      expect(call.err).not.toContain("--labels");
    }
    expect(genclass("evaluate", "work/few").code).toBe(0);
  });

  it("that is gone names the run and --data, with which it is found again", () => {
    const [here, there] = [join(root, "work", "digits"), join(root, "moved")];
    renameSync(here, there);
    const gone = /the data that work\/run was trained on is gone: nothing is at .*digits \(given as digits\).*--data/;
    expectRefused(genclass("evaluate", "work/run"), 1, gone);
    expectRefused(genclass("train", "vae", "--out", "work/run", "--resume"), 1, gone);
    expect(genclass("evaluate", "work/run", "--data", "moved").code).toBe(0);
    renameSync(there, here);
  });
});
