// The parent's side of a job.
import { once } from "node:events";
import { fail, GenclassError } from "../base/errors.ts";
import { startProcess } from "../base/thread.ts";
import type { RunLock } from "../run/lock.ts";
import type { RunEvent } from "../train/events.ts";
import type { Job, JobCall, JobMessage, JobResult } from "./job.ts";

/** What a job tells before its end. */
export type JobEvent = Extract<JobMessage, { type: "event" | "note" }>;

/** Of what a process wrote before it died, this much is kept. */
const KEPT = 2000;

/**
 * Does a job in a process of its own and yields what it tells; leaving the loop ends the process.
 * @param interrupted asked while it runs: whether it is to stop, with all saved
 * @returns what it found; undefined where it was stopped
 * @throws what the job failed with; `E_BACKEND` where its process died, or could not be started
 */
export async function* runJob<J extends Job>(
  job: J,
  interrupted: () => boolean = () => false,
): AsyncGenerator<JobEvent, JobResult[J["kind"]] | undefined> {
  const child = startProcess(import.meta.url, "job-process");
  const send = (call: JobCall) => child.connected && child.send(call, () => {});
  let wrote = "";
  child.stderr?.on("data", (text) => {
    wrote = (wrote + text).slice(-KEPT);
  });
  const waiting: JobMessage[] = [];
  let wake = () => {};
  child.on("message", (message: JobMessage) => {
    waiting.push(message);
    wake();
  });
  let ended = false;
  let unstarted: Error | undefined;
  const closed = once(child, "close")
    .catch((cause: Error) => {
      unstarted = cause;
    })
    .then(() => {
      ended = true;
      wake();
    });
  const watch = setInterval(() => interrupted() && send({ type: "stop" }), 100);
  send({ type: "job", job });
  try {
    for (;;) {
      const message = waiting.shift();
      if (!message) {
        if (unstarted)
          fail(
            "E_BACKEND",
            `no process could be started for a run (${unstarted.message}); end other programs, and call again to go on`,
            unstarted,
          );
        if (ended) died(job, child.exitCode, child.signalCode, wrote);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if (message.type === "done") return message.result as JobResult[J["kind"]];
      else if (message.type === "stopped") return undefined;
      else if (message.type === "failed") refail(message);
      else yield message;
    }
  } finally {
    clearInterval(watch);
    child.kill("SIGKILL");
    await closed;
  }
}

/**
 * What a job tells, as an experiment tells it; the job ends where the loop is left.
 * @param lock of the experiment's folder, which is kept as long as something is told
 */
export async function* relayed<R, E>(
  job: AsyncGenerator<JobEvent, R>,
  lock: RunLock,
  show: (event: RunEvent) => E,
): AsyncGenerator<E | Extract<JobEvent, { type: "note" }>, R> {
  try {
    for (;;) {
      const { done, value } = await job.next();
      if (done) return value;
      lock.touch();
      yield value.type === "note" ? value : show(value.event);
    }
  } finally {
    await job.return(undefined as R);
  }
}

/**
 * Seconds that are left of several runs: those of the one that trains, and for each of `left` others the mean of those that are done.
 * @returns undefined for an event that does not say how long the run will take
 */
export function timeLeft(event: RunEvent, done: readonly number[], left: number): number | undefined {
  if (event.type !== "step") return undefined;
  const known = [...done, event.seconds + event.remaining];
  return event.remaining + (left * known.reduce((a, b) => a + b, 0)) / known.length;
}

function refail({ code, message }: Extract<JobMessage, { type: "failed" }>): never {
  if (code === "internal") throw new Error(message);
  throw new GenclassError(code, message);
}

/** @throws `E_BACKEND` always */
function died({ kind }: Job, code: number | null, signal: string | null, wrote: string): never {
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  const last = wrote
    .trim()
    .split("\n")
    .findLast((line) => line.trim() !== "" && !/^\s+at /.test(line));
  const [did, advice] =
    kind === "train"
      ? [
          "trained",
          "call again to go on with what was saved; if memory ran out, use a smaller --batch with another --out",
        ]
      : ["measured how fast models answer", "call again to measure anew"];
  fail("E_BACKEND", `the process that ${did} ${how}${last ? ` (${last.trim()})` : ""}; ${advice}`);
}
