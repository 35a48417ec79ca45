// The compute threads as the main thread sees them: plans are loaded, run one at a time, and dropped.
import { MessageChannel, type MessagePort, Worker, type WorkerOptions } from "node:worker_threads";
import { fail } from "../../base/errors.ts";
import { Onednn, statusText } from "./api.ts";
import { Heap } from "./heap.ts";
import { loadLibrary, setLibraryThreads } from "./library.ts";
import {
  CONTROL,
  CONTROL_LENGTH,
  isClaimed,
  MESSAGE,
  type Plan,
  type PlanStep,
  type PortMessage,
  type ThreadData,
  TRAP,
} from "./protocol.ts";

/** In place of the number of an answer: a thread has ended. */
const STOPPED = -1;
/** How long the end of the process waits for a step; none takes so long. */
const SETTLE_MS = 10_000;

export class Engine {
  readonly onednn: Onednn;
  readonly heap = new Heap();
  private readonly control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_LENGTH));
  private readonly ports: MessagePort[] = [];
  private readonly workers: Worker[] = [];
  private plans = 0;
  /** Counters of claimed parts, by plan. */
  private readonly claims = new Map<number, Int32Array>();
  /** Runs go one after another, from whatever program. */
  private last: Promise<unknown> = Promise.resolve();
  /** Runs that have not ended. */
  private pending = 0;
  private scratch = { offset: 0, bytes: 0, version: 0 };

  /** Compute threads: one alone for a library that brings its own. */
  readonly threads: number;

  constructor(threads: number) {
    this.onednn = new Onednn(loadLibrary());
    this.threads = setLibraryThreads(this.onednn.library.handle, 1) ? threads : 1;
  }

  /** Starts the threads: when the first plan is compiled, as a call that fails before that needs none. */
  start(): void {
    if (this.workers.length > 0) return;
    for (let index = 0; index < this.threads; index++) {
      const { port1, port2 } = new MessageChannel();
      this.ports.push(port1);
      const workerData: ThreadData = {
        control: this.control.buffer as SharedArrayBuffer,
        memory: this.heap.memory,
        port: port2 as unknown as ThreadData["port"],
        index,
        threads: this.threads,
        library: this.onednn.library.path,
        stream: this.onednn.stream,
      };
      // Not the options of the process, of which some are refused.
      const worker = startThread({ execArgv: [], workerData, transferList: [port2] });
      worker.unref();
      port1.unref();
      const stop = (cause: Error) => {
        this.broken ??= cause;
        Atomics.store(this.control, CONTROL.answered, STOPPED);
        Atomics.notify(this.control, CONTROL.answered);
      };
      worker.on("error", stop).on("exit", () => stop(new Error("it exited")));
      this.workers.push(worker);
    }
    process.once("exit", () => this.settle());
  }

  /** Waits, at the end of the process, until no thread is within a call of C: ending it there would be a crash. */
  private settle(): void {
    const { control } = this;
    const until = (place: number, goal: number) => {
      for (let now = Atomics.load(control, place); now !== goal && !this.broken; now = Atomics.load(control, place))
        if (Atomics.wait(control, place, now, SETTLE_MS) === "timed-out") return;
    };
    until(CONTROL.ready, this.threads);
    until(CONTROL.answered, Atomics.load(control, CONTROL.request));
  }

  private broken: Error | undefined;

  /** After what was asked for before; at once when there is nothing, so that the caller's own work goes on beside it. */
  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.pending++ === 0 ? work() : this.last.then(work);
    const end = () => {
      this.pending--;
    };
    this.last = result.then(end, end);
    return result;
  }

  /** Asks the leading thread and waits; the process stays alive meanwhile. @returns its status */
  private async request(plan: number): Promise<number> {
    const { control } = this;
    const leader = this.workers[0]!;
    leader.ref();
    try {
      Atomics.store(control, CONTROL.plan, plan);
      Atomics.store(control, CONTROL.status, 0);
      const number = Atomics.add(control, CONTROL.request, 1) + 1;
      Atomics.notify(control, CONTROL.request);
      for (let answered = Atomics.load(control, CONTROL.answered); answered !== number; ) {
        if (this.broken) fail("E_BACKEND", `internal: a compute thread ended: ${this.broken.message}`, this.broken);
        const waiting = waitAsync(control, CONTROL.answered, answered);
        if (waiting.async) await waiting.value;
        answered = Atomics.load(control, CONTROL.answered);
      }
      return Atomics.load(control, CONTROL.status);
    } finally {
      leader.unref();
    }
  }

  private tell(message: PortMessage): Promise<void> {
    return this.exclusively(async () => {
      for (const port of this.ports) port.postMessage(message);
      await this.request(MESSAGE);
    });
  }

  async load(module: WebAssembly.Module | undefined, steps: readonly PlanStep[]): Promise<number> {
    const claimed = steps.filter((step) => isClaimed(step, this.threads)).length;
    const claims = new SharedArrayBuffer(4 * this.threads * claimed);
    const plan: Plan = { id: this.plans++, module, steps, claims };
    await this.tell({ load: plan });
    this.claims.set(plan.id, new Int32Array(claims));
    return plan.id;
  }

  unload(id: number): Promise<void> {
    // Runs that were asked for before go first.
    return this.tell({ unload: id }).then(() => void this.claims.delete(id));
  }

  /** Runs a plan between `before` and `after`, alone. `nameOf` names a step for the message when it fails. */
  run(id: number, before: () => void, after: () => void, nameOf: (step: number) => string): Promise<void> {
    return this.exclusively(async () => {
      before();
      this.claims.get(id)!.fill(0);
      const status = await this.request(id);
      if (status !== 0) {
        const step = nameOf(Atomics.load(this.control, CONTROL.step));
        const what = status === TRAP ? "an index lies outside its array" : `oneDNN says: ${statusText(status)}`;
        fail("E_BACKEND", `the step stopped in ${step}: ${what}; go on from the last checkpoint with --resume`);
      }
      after();
    });
  }

  /** Memory that all plans use in turn, at least `bytes`; when it moves, `version` changes. Only to be called in `before`. */
  workspace(bytes: number): { readonly offset: number; readonly version: number } {
    if (bytes > this.scratch.bytes) {
      if (this.scratch.bytes > 0) this.heap.release(this.scratch.offset);
      const { version } = this.scratch;
      this.scratch = { offset: this.heap.allocate(bytes), bytes, version: version + 1 };
    }
    return this.scratch;
  }
}

const engines = new Map<number, Engine>();

/** The engine with so many threads: there is one, as the library is made for few that live long. */
export function engineFor(threads: number): Engine {
  const engine = engines.get(threads) ?? new Engine(threads);
  engines.set(threads, engine);
  return engine;
}

/** Run from its source, as in tests, the thread is TypeScript as well and needs the loader of it. */
function startThread(options: WorkerOptions): Worker {
  const compiled = import.meta.url.endsWith(".js");
  const file = new URL(compiled ? "./thread.js" : "./thread.ts", import.meta.url);
  if (compiled) return new Worker(file, options);
  const start = `import("tsx/esm/api").then(({ register }) => { register(); return import("${file}"); })`;
  return new Worker(start, { ...options, eval: true });
}

interface Waiting {
  readonly async: boolean;
  readonly value: Promise<string> | string;
}

/** `Atomics.waitAsync` (ES2024), which the type library in use does not list. */
const waitAsync = (Atomics as unknown as { waitAsync(array: Int32Array, place: number, value: number): Waiting })
  .waitAsync;
