// npm run docs: site/, made from docs/ and the docstrings of every export. TypeDoc comes from npm for the run, with the compiler that it
// knows: the one that builds the package is newer and has no interface for programs yet.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TOOLS = ["typedoc@0.28.20", "typescript@6.0.3"];
const root = fileURLToPath(new URL("..", import.meta.url));

rmSync(new URL("../site", import.meta.url), { recursive: true, force: true });
const packages = TOOLS.flatMap((tool) => ["--package", tool]);
const { status } = spawnSync("npx", ["--yes", ...packages, "--", "typedoc", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  shell: process.platform === "win32",
});
process.exit(status ?? 1);
