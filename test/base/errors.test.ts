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
});

describe("version", () => {
  it("is the package's", () => {
    expect(VERSION).toBe(JSON.parse(read("package.json")).version);
  });
});
