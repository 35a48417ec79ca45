// The process of a job: takes it from its parent, tells what happens, and ends. It ends at once where the parent is gone: what was
// not saved is trained again.
import { GenclassError } from "../base/errors.ts";
import type { Job, JobCall, JobMessage } from "./job.ts";
import { timeJob } from "./time-job.ts";
import { trainJob } from "./train-job.ts";

/** Milliseconds between steps that are told, at least. */
const TOLD_EVERY = 200;

let stopped = false;
let told = 0;

const tell = (message: JobMessage): Promise<void> =>
  new Promise((done) => (process.send ? process.send(message, () => done()) : done()));

// Ctrl-C reaches every process of a terminal; the parent says what is to be done.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.on("disconnect", () => process.exit(1));
process.on("warning", ({ message }) => void tell({ type: "note", text: message }));
process.on("message", (call: JobCall) => {
  if (call.type === "stop") stopped = true;
  else void run(call.job);
});

async function run(job: Job): Promise<void> {
  try {
    const result = job.kind === "time" ? await timeJob(job, () => stopped) : await train(job);
    await tell(result ? { type: "done", result } : { type: "stopped" });
  } catch (cause) {
    const { message } = cause as Error;
    await tell({ type: "failed", code: cause instanceof GenclassError ? cause.code : "internal", message });
  }
  process.exit(0);
}

const train = (job: Extract<Job, { kind: "train" }>) =>
  trainJob(
    job,
    (event) => {
      if (event.type === "samples") return;
      const now = performance.now();
      if (event.type === "step" && now - told < TOLD_EVERY) return;
      told = now;
      void tell({ type: "event", event });
    },
    () => stopped,
  );
