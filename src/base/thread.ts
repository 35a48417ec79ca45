// Worker threads and processes, which are modules of this package.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

/** The module beside another one: compiled as that one is, or TypeScript as well, which needs the loader of it. */
function moduleBeside(from: string, name: string): { readonly file: URL; readonly compiled: boolean } {
  const compiled = from.endsWith(".js");
  return { file: new URL(`./${name}.${compiled ? "js" : "ts"}`, from), compiled };
}

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

/** Run from its source, as in tests, a module is TypeScript and needs the loader of it. */
const withLoader = (file: URL): string =>
  `import("tsx/esm/api").then(({ register }) => { register(); return import("${file}"); })`;

/** Starts a process that runs a module, named as for `startThread`. Its messages come by IPC; `stderr` is a pipe. */
export function startProcess(from: string, name: string): ChildProcess {
  const { file, compiled } = moduleBeside(from, name);
  return fork(fileURLToPath(file), [], {
    execArgv: compiled ? process.execArgv : ["--import", "tsx"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
}
