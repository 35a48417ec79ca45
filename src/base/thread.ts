// Worker threads, which are modules of this package.
import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts a thread that runs a module.
 * @param from `import.meta.url` of the module that asks
 * @param name of the module beside it, without its ending
 */
export function startThread(from: string, name: string, options: WorkerOptions): Worker {
  const compiled = from.endsWith(".js");
  const file = new URL(`./${name}.${compiled ? "js" : "ts"}`, from);
  if (compiled) return new Worker(file, options);
  // Run from its source, as in tests, the thread is TypeScript as well and needs the loader of it.
  const start = `import("tsx/esm/api").then(({ register }) => { register(); return import("${file}"); })`;
  return new Worker(start, { ...options, eval: true });
}
