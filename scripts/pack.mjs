// npm run pack:all -- DIR: writes every tarball that would be published. There is one: what a platform needs comes from packages
// of others (docs/dependencies.md).
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

const [given] = process.argv.slice(2);
if (!given) {
  process.stderr.write("npm run pack:all -- DIR: the folder for the tarballs is missing\n");
  process.exit(2);
}
const folder = resolve(process.env.INIT_CWD ?? ".", given);
mkdirSync(folder, { recursive: true });
const { status } = spawnSync("npm", ["pack", "--pack-destination", folder], {
  stdio: "inherit",
  shell: process.platform === "win32",
});
process.exit(status ?? 1);
