// Programs of the tests that run in processes of their own: each is bundled from its sources, as a loader of TypeScript takes longer
// to read hundreds of modules than most of these programs run.
import { rmSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { buildSync } from "esbuild";

const ROOT = resolve(import.meta.dirname, "..");
/** What a program may start as a thread or a process, and then looks for beside itself. */
const STARTED = ["runtime/onednn/thread.ts", "experiments/job-process.ts"].map((file) => join(ROOT, "src", file));

const made = new Map<string, string>();

/** Bundles a TypeScript program, once a process. @returns the JavaScript file to start, in .cache/ */
export function bundled(program: string): string {
  const known = made.get(program);
  if (known !== undefined) return known;
  // As deep below the root as the folders of src/, which find vendor/ by that.
  const folder = join(ROOT, ".cache", relative(ROOT, program).split(sep).join("-"));
  rmSync(folder, { recursive: true, force: true });
  buildSync({
    entryPoints: [program, ...STARTED],
    ...{ outdir: folder, entryNames: "[name]", bundle: true, splitting: true, keepNames: true },
    ...{ format: "esm", platform: "node", target: "node20", packages: "external", external: ["../../vendor/*"] },
  });
  const file = join(folder, `${basename(program, ".ts")}.js`);
  made.set(program, file);
  return file;
}
