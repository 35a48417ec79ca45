// Words of a command line: what bash makes of the line must be the words again.
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { shellLine } from "../../src/base/shell.ts";

it.skipIf(process.platform === "win32")("a shell reads the words back, whatever characters they have", () => {
  const words = [
    "plain/path-1.jpg",
    "two words",
    "it's",
    'a "quote"',
    "$HOME",
    "a;b",
    "~",
    "*",
    "ünïcode",
    "back\\slash",
  ];
  const read = execFileSync("bash", ["-c", `printf '%s\\n' ${shellLine(words)}`], { encoding: "utf8" });
  expect(read.trimEnd().split("\n")).toEqual(words);
});
