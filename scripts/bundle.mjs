// Makes the command line in dist/ a few files: to find and read the hundreds of which it consists takes Node longer than to
// classify a picture. The modules of the library stay as they are. Threads and processes are files of their own,
// beside who starts them.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = `${ROOT}dist`;
const { dependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));

/** A package of a hundred modules, which every command loads. */
const BUNDLED = ["zod"];

const { outputFiles } = await build({
  entryPoints: [
    "cli/main",
    "runtime/onednn/thread",
    "data/readers/parquet-thread",
    "setup/trial",
    "experiments/job-process",
  ].map((file) => `${DIST}/${file}.js`),
  outdir: `${DIST}/cli`,
  entryNames: "[name]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  keepNames: true,
  minifyWhitespace: true,
  // vendor/ is as far from dist/cli as from the modules that use it.
  external: ["../../vendor/*", ...Object.keys(dependencies).filter((name) => !BUNDLED.includes(name))],
  write: false,
});
rmSync(`${DIST}/cli`, { recursive: true });
mkdirSync(`${DIST}/cli`);
for (const { path, contents } of outputFiles) writeFileSync(path, contents);
