// Programs of the tests that run in processes of their own: each is bundled from its sources once, as a loader of TypeScript takes
// longer to read hundreds of modules than most of these programs run.
import { rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { buildSync } from "esbuild";

const ROOT = resolve(import.meta.dirname, "..");
/** What a program may start as a thread or a process, and then looks for beside itself. */
const STARTED = ["runtime/onednn/thread.ts", "experiments/job-process.ts"].map((file) => join(ROOT, "src", file));

const made = new Map<string, string>();

/** Bundles a TypeScript program. @returns the path of a JavaScript file, which is there as long as this process is */
export function bundled(program: string): string {
  const known = made.get(program);
  if (known !== undefined) return known;
  const name = basename(program, ".ts");
  // As deep below the root as the folders of src/, which find vendor/ by that.
  const folder = join(ROOT, ".cache", `${name}-${process.pid}`);
  buildSync({
    entryPoints: [program, ...STARTED],
    ...{ outdir: folder, entryNames: "[name]", bundle: true, splitting: true, keepNames: true },
    ...{ format: "esm", platform: "node", target: "node20", packages: "external", external: ["../../vendor/*"] },
  });
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, `${name}.js`);
  made.set(program, file);
  return file;
}
