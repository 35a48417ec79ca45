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
    // From "kitten", "kitties" and "kitchens" are 3 edits away, and 3 are allowed of 6 letters.
    expect(nearest("KITTEN", ["kitties", "kitchens"])).toBe("kitties");
    expect(nearest("kitten", ["kitties", "kittens"])).toBe("kittens");
    // 4 edits of 6 letters are too many.
    expect(nearest("kitten", ["kitchener"])).toBeUndefined();
  });
  it("takes neighbours that changed places for one slip, at the beginning too", () => {
    expect([nearest("cta", ["dog", "cat"]), nearest("rtain", ["train"])]).toEqual(["cat", "train"]);
  });
  it("is none of short words that share no more than a letter, nor one that begins otherwise", () => {
    const digits = Array.from({ length: 10 }, (_, digit) => String(digit));
    expect([nearest("zz", digits), nearest("12", digits), nearest("ab", ["cd"])]).toEqual(Array(3).fill(undefined));
    expect(nearest("report", ["export"])).toBeUndefined();
    expect(nearest("xport", ["export"])).toBe("export");
  });
});

describe("version", () => {
  it("is the package's", () => {
    expect(VERSION).toBe(JSON.parse(read("package.json")).version);
  });
});
