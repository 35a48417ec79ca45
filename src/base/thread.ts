// Worker threads and processes, which are modules of this package.
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts a thread that runs a module.
 * @param from `import.meta.url` of the module that asks
 * @param name of the module beside it, without its ending
 */
export function startThread(from: string, name: string, options: WorkerOptions): Worker {
  const { file, compiled } = moduleBeside(from, name);
  if (compiled) return new Worker(file, options);
  return new Worker(withLoader(file), { ...options, eval: true });
}

/** The words of a command that runs a module in a process of its own; the arguments are as of `startThread`. */
export function moduleCommand(from: string, name: string): string[] {
  const { file, compiled } = moduleBeside(from, name);
  return [process.execPath, ...(compiled ? [fileURLToPath(file)] : ["--eval", withLoader(file)])];
}

function moduleBeside(from: string, name: string): { file: URL; compiled: boolean } {
  const compiled = from.endsWith(".js");
  return { file: new URL(`./${name}.${compiled ? "js" : "ts"}`, from), compiled };
}

/** Run from its source, as in tests, a module is TypeScript and needs the loader of it. */
const withLoader = (file: URL): string =>
  `import("tsx/esm/api").then(({ register }) => { register(); return import("${file}"); })`;
