// Parquet files as they are asked for: decoded in a thread of their own, with a limit on time and memory. A few bytes can
// claim any number of values, which the decoder believes.
import { once } from "node:events";
import { statSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { Semaphore } from "../../base/semaphore.ts";
import { startThread } from "../../base/thread.ts";

/** What a file says of itself. */
export interface ParquetDescription {
  /** Names of its columns. */
  readonly columns: readonly string[];
  /** Hugging Face's own description of the columns, as JSON, where there is one. */
  readonly huggingface: string | undefined;
  /** First row of each row group, and the end. */
  readonly groups: readonly number[];
}

/** Rows of one column. */
export interface ParquetRows {
  readonly column: string;
  readonly from: number;
  readonly to: number;
  /** Whether bytes without a type are text. */
  readonly text: boolean;
}

/** What the thread is asked: what a file says of itself, or the cells of rows. */
export interface ParquetQuestion {
  readonly path: string;
  readonly rows?: ParquetRows;
}

/** What it answers. */
export type ParquetAnswer = { readonly found: unknown } | { readonly failure: string };

/**
 * Seconds that a question may take, for each file and for each megabyte of it: far more than any real file needs. They are over
 * when they have gone by and the process has computed for as long, so that a machine that is busy, asleep or waits for its disk
 * refuses no good file.
 */
const SECONDS = 5;
const SECONDS_A_MEGABYTE = 1;
/** Milliseconds between two looks at the clocks. */
const LOOK = 250;
/** Megabytes of values besides the bytes of pictures. */
const MEMORY = 1024;

/** Questions are answered one after another, so that the time of each is its own. */
const semaphore = new Semaphore(1);
let thread: Worker | undefined;

/** A Parquet file. Its methods reject with an error that says what is wrong with it. */
export class ParquetFile {
  /** Why nothing more is asked of it: the thread could not answer. */
  private stopped: Error | undefined;

  constructor(readonly path: string) {}

  /** What the file says of itself. */
  describe(): Promise<ParquetDescription> {
    return this.ask({ path: this.path }) as Promise<ParquetDescription>;
  }

  /** The cells `[to - from]` of rows. */
  cells(rows: ParquetRows): Promise<readonly unknown[]> {
    return this.ask({ path: this.path, rows }) as Promise<readonly unknown[]>;
  }

  private async ask(question: ParquetQuestion): Promise<unknown> {
    const answer = await semaphore.run(async () => {
      if (this.stopped) throw this.stopped;
      thread ??= startThread(import.meta.url, "parquet-thread", {
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: MEMORY },
      });
      try {
        return await answerOf(thread, question);
      } catch (cause) {
        this.stopped = cause as Error;
        // It may be at the question still.
        await thread.terminate();
        thread = undefined;
        throw cause;
      }
    });
    if ("failure" in answer) throw new Error(answer.failure);
    return answer.found;
  }
}

/** @throws an error when the thread ends, or takes too long */
async function answerOf(worker: Worker, question: ParquetQuestion): Promise<ParquetAnswer> {
  const megabytes = Math.ceil(statSync(question.path).size / 2 ** 20);
  const limit = SECONDS + SECONDS_A_MEGABYTE * megabytes;
  const late = new AbortController();
  const spent = secondsSpent();
  const looking = setInterval(() => spent() > limit && late.abort(), LOOK);
  // The process stays alive for the answer, and no longer.
  worker.ref();
  try {
    const answered = once(worker, "message", { signal: late.signal });
    worker.postMessage(question);
    return (await answered)[0] as ParquetAnswer;
  } catch (cause) {
    if (late.signal.aborted) throw new Error(`it takes more than ${limit} s to read`);
    throw cause;
  } finally {
    clearInterval(looking);
    worker.unref();
  }
}

/** A clock that tells the seconds since now: those that went by or those that the process computed, whichever are fewer. */
function secondsSpent(): () => number {
  const [since, before] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(before);
    return Math.min((performance.now() - since) / 1e3, (user + system) / 1e6);
  };
}
