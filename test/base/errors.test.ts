import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERRORS, nearest } from "../../src/base/errors.ts";
import { VERSION } from "../../src/base/version.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe("error codes", () => {
  it("are those of docs/errors.md, each with its title and a text", () => {
    const documented = [...read("docs/errors.md").matchAll(/^## (E_[A-Z_]+): (.+)\n\n(\S)/gm)].map(
      ([, code, title]) => [code, title],
    );
    expect(Object.fromEntries(documented)).toEqual(
      Object.fromEntries(Object.entries(ERRORS).map(([code, { title }]) => [code, title])),
    );
  });
});

describe("nearest", () => {
  it("finds a misspelt name, and nothing for a word that is like none", () => {
    expect(nearest("vea", ["vae", "gan"])).toBe("vae");
    expect(nearest("evalaute", ["train", "evaluate"])).toBe("evaluate");
    expect(nearest("xyzzyxyzzy", ["vae", "gan"])).toBeUndefined();
  });
  it("counts letters that are added, left out or replaced, without regard to case, and takes the first of equals", () => {
    // Of "kitten", "sitting" is 3 edits away, and 3 are allowed of 6 letters; "kit" is 3 away too.
    expect(nearest("KITTEN", ["sitting", "kit"])).toBe("sitting");
    expect(nearest("kitten", ["smitten", "sitting"])).toBe("smitten");
    // 4 edits of 6 letters are too many; of short words 2 are allowed.
    expect(nearest("kitten", ["sittings"])).toBeUndefined();
    expect([nearest("ab", ["cd"]), nearest("ab", ["cde"])]).toEqual(["cd", undefined]);
  });
});

describe("version", () => {
  it("is the package's", () => {
    expect(VERSION).toBe(JSON.parse(read("package.json")).version);
  });
});
