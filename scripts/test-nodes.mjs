// npm run test:nodes [-- ARGUMENTS OF VITEST]: the tests on every version of Node that package.json names, taken from npm.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const VERSIONS = ["20.19.0", "22", "24"];
const root = fileURLToPath(new URL("..", import.meta.url));

for (const version of VERSIONS) {
  process.stdout.write(`Node ${version}\n`);
  const vitest = ["node", "node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)];
  const { status } = spawnSync("npx", ["--yes", "--package", `node@${version}`, "--", ...vitest], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exit(status ?? 1);
}
