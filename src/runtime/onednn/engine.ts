// The compute threads as the main thread sees them: plans are loaded, run one after another, and dropped.
import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import { fail } from "../../base/errors.ts";
import { Semaphore } from "../../base/semaphore.ts";
import { startThread } from "../../base/thread.ts";
import { Heap } from "../heap.ts";
import { Onednn } from "./api.ts";
import { statusText } from "./c-values.ts";
import { loadLibrary, setLibraryThreads } from "./library.ts";
import {
  CONTROL,
  CONTROL_LENGTH,
  isClaimed,
  MESSAGE,
  type Plan,
  type PlanParts,
  type PortMessage,
  QUEUE,
  type ThreadData,
  TRAP,
  wantedOffsets,
} from "./protocol.ts";

/** In place of the number of an answer: a thread has ended. */
const STOPPED = -1;
/** How long the end of the process waits for a step; none takes so long. */
const SETTLE_MS = 10_000;

/** The compute threads, the memory that they share with the library, and the plans that they have. */
export class Engine {
  readonly onednn: Onednn;
  /** onnxruntime allocates what it needs by itself. */
  readonly heap = new Heap(", or take --backend onnx");
  private readonly control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_LENGTH));
  private readonly ports: MessagePort[] = [];
  private readonly workers: Worker[] = [];
  private plans = 0;
  /** Requests are answered one after another, from whatever program. */
  private readonly semaphore = new Semaphore(QUEUE);
  private inFlight = 0;
  /** Settles when the request before the next one has ended. */
  private ended: Promise<void> = Promise.resolve();
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
        base: this.heap.base,
        port: port2 as unknown as ThreadData["port"],
        index,
        threads: this.threads,
        library: this.onednn.library.path,
        stream: this.onednn.stream,
      };
      // Not the options of the process, of which some are refused.
      const worker = startThread(import.meta.url, "thread", { execArgv: [], workerData, transferList: [port2] });
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

  /**
   * Asks the leading thread and waits; the process stays alive meanwhile.
   * @param begin what is done just before, given the place of the request among those in flight
   * @param end what is done with its status, and the step that it comes from, before another request has that place
   */
  private request(
    plan: number,
    begin: (place: number) => void,
    end: (place: number, status: number, step: number) => void,
  ): Promise<void> {
    return this.semaphore.run(() => {
      // They end in the order in which they began, whichever is seen to be answered first: the next one but one has the place of
      // this one as soon as there is a permit.
      const before = this.ended;
      const running = this.ask(plan, begin, before, end);
      this.ended = running.catch(() => {});
      return running;
    });
  }

  private async ask(
    plan: number,
    begin: (place: number) => void,
    before: Promise<void>,
    end: (place: number, status: number, step: number) => void,
  ): Promise<void> {
    const { control } = this;
    const leader = this.workers[0]!;
    const number = Atomics.load(control, CONTROL.request) + 1;
    const place = number % QUEUE;
    begin(place);
    if (this.inFlight++ === 0) leader.ref();
    try {
      Atomics.store(control, CONTROL.plan + place, plan);
      Atomics.store(control, CONTROL.status + place, 0);
      Atomics.store(control, CONTROL.request, number);
      Atomics.notify(control, CONTROL.request);
      for (let answered = Atomics.load(control, CONTROL.answered); answered < number; ) {
        if (this.broken) fail("E_BACKEND", `internal: a compute thread ended: ${this.broken.message}`, this.broken);
        const waiting = waitAsync(control, CONTROL.answered, answered);
        if (waiting.async) await waiting.value;
        answered = Atomics.load(control, CONTROL.answered);
      }
      await before;
    } finally {
      if (--this.inFlight === 0) leader.unref();
    }
    end(place, Atomics.load(control, CONTROL.status + place), Atomics.load(control, CONTROL.step + place));
  }

  private tell(message: PortMessage, begin = () => {}): Promise<void> {
    const post = () => {
      begin();
      for (const port of this.ports) port.postMessage(message);
    };
    return this.request(MESSAGE, post, () => {});
  }

  /** @param workspaceBytes what the plan needs of the memory that all plans use in turn */
  async load(parts: PlanParts, workspaceBytes: number): Promise<LoadedPlan> {
    const claimed = parts.steps.filter((step) => isClaimed(step, this.threads)).length;
    const claims = new SharedArrayBuffer(4 * this.threads * claimed);
    const offsets = new SharedArrayBuffer(4 * QUEUE * parts.bindings.length);
    const plan: Plan = { id: this.plans++, ...parts, claims, offsets };
    let outgrown: number | undefined;
    await this.tell({ load: plan }, () => {
      outgrown = this.grow(workspaceBytes);
    });
    // Only now, as runs asked for before may use it.
    if (outgrown !== undefined) this.heap.release(outgrown);
    return { id: plan.id, offsets: wantedOffsets(plan) };
  }

  /** Lets the threads forget a plan, after the runs that were asked for before. */
  unload({ id }: LoadedPlan): Promise<void> {
    // Runs that were asked for before go first.
    return this.tell({ unload: id });
  }

  /**
   * Runs a plan after what was asked for before.
   * @param before writes where values lie to `offsets[place]` of the plan; done at once when the threads are idle or in their
   *   last request, so that the caller's own work goes on beside the run
   * @param after is done when it has ended well, before another run has this place
   * @param nameOf names a step for the message when it fails
   */
  run(
    { id }: LoadedPlan,
    before: (place: number) => void,
    after: (place: number) => void,
    nameOf: (step: number) => string,
  ): Promise<void> {
    return this.request(id, before, (place, status, step) => {
      if (status !== 0) {
        const what = status === TRAP ? "an index lies outside its array" : `oneDNN says: ${statusText(status)}`;
        fail("E_BACKEND", `the step stopped in ${nameOf(step)}: ${what}; go on from the last checkpoint with --resume`);
      }
      after(place);
    });
  }

  /** The memory that all plans use in turn; when it moves, `version` changes. */
  get workspace(): { readonly offset: number; readonly version: number } {
    return this.scratch;
  }

  /** Makes the workspace at least so large. @returns what it was, when it moved */
  private grow(bytes: number): number | undefined {
    const { offset, bytes: had, version } = this.scratch;
    if (bytes <= had) return undefined;
    this.scratch = { offset: this.heap.allocate(bytes), bytes, version: version + 1 };
    return had > 0 ? offset : undefined;
  }
}

/** A plan that the threads have. */
export interface LoadedPlan {
  readonly id: number;
  /** Where each value of its `bindings` lies, for each request in flight. */
  readonly offsets: readonly Uint32Array[];
}

const engines = new Map<number, Engine>();

/** The engine with so many threads: there is one, as the library is made for few that live long. */
export function engineFor(threads: number): Engine {
  const engine = engines.get(threads) ?? new Engine(threads);
  engines.set(threads, engine);
  return engine;
}

interface Waiting {
  readonly async: boolean;
  readonly value: Promise<string> | string;
}

/** `Atomics.waitAsync` (ES2024), which the type library in use does not list. */
const waitAsync = (Atomics as unknown as { waitAsync(array: Int32Array, place: number, value: number): Waiting })
  .waitAsync;
