// A compute thread. All threads walk through the same plan, each doing its share of every step: WebAssembly kernels, and
// oneDNN's primitives, which run within the calling thread.
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { koffi } from "../foreign.ts";
import { setLibraryThreads } from "./library.ts";
import {
  CONTROL,
  isClaimed,
  MESSAGE,
  type Part,
  type Plan,
  type PortMessage,
  share,
  type ThreadData,
  TRAP,
} from "./protocol.ts";

type KernelFunction = (from: number, to: number) => void;

const { index, threads, memory, stream, ...data } = workerData as ThreadData;
const port = data.port as unknown as MessagePort;
const control = new Int32Array(data.control);
const library = koffi.load(data.library);
const execute = library.func("dnnl_primitive_execute", "int", ["void *", "void *", "int", "void *"]);
setLibraryThreads(library, 1);

/** Does a part, or all that this thread does of a step. Returns a status. */
type Work = () => number;
/** Nothing: this thread has no share. */
const plans = new Map<number, { work: (Work | undefined)[]; barriers: boolean[] }>();

/** Turns of waiting actively for the next request before a thread sleeps: a tenth of a millisecond or so. */
const SPIN = 20_000;
/**
 * The same at a barrier. Another thread that is late by more has lost its core, to the main thread as a rule; sleeping gives it
 * this one.
 */
const BARRIER_SPIN = 20_000;

function readPort(): void {
  for (;;) {
    const message = receiveMessageOnPort(port)?.message as PortMessage | undefined;
    if (!message) return;
    if ("unload" in message) plans.delete(message.unload);
    else prepare(message.load);
  }
}

function prepare({ id, steps, module, claims }: Plan): void {
  const exports = module ? new WebAssembly.Instance(module, { env: { memory } }).exports : {};
  const taken = new Int32Array(claims);
  let place = 0;
  const work = steps.map((step): Work | undefined => {
    const parts = step.parts.map((part) => workOf(part, exports as Record<string, KernelFunction>));
    if (!isClaimed(step, threads)) return parts[index];
    place += threads;
    return claiming(parts, taken, place - threads);
  });
  plans.set(id, { work, barriers: steps.map((step) => step.barrier) });
}

function workOf({ kernels, call }: Part, exports: Readonly<Record<string, KernelFunction>>): Work {
  const runs = kernels.map(([name, from, to]) => [exports[name]!, from, to] as const);
  const args = call?.args[index];
  return () => {
    try {
      for (const [kernel, from, to] of runs) kernel(from, to);
    } catch {
      return TRAP;
    }
    return call ? execute(call.primitive, stream, call.count, args) : 0;
  };
}

/** This thread's own parts, then those that others have not begun. */
function claiming(parts: readonly Work[], taken: Int32Array, place: number): Work {
  const runs = share(parts.length, 1, threads);
  const order = runs.map((_, i) => (index + i) % runs.length);
  return () => {
    for (const owner of order) {
      const [from, to] = runs[owner]!;
      for (;;) {
        const next = from + Atomics.add(taken, place + owner, 1);
        if (next >= to) break;
        const status = parts[next]!();
        if (status !== 0) return status;
      }
    }
    return 0;
  };
}

function awaitRequest(seen: number): number {
  for (let turn = 0; ; turn++) {
    const now = Atomics.load(control, CONTROL.request);
    if (now !== seen) return now;
    if (turn >= SPIN) Atomics.wait(control, CONTROL.request, seen);
  }
}

/** Arrivals that end the barrier this thread comes to next. */
let target = 0;

function barrier(): void {
  target = (target + threads) | 0;
  const isReached = () => ((target - Atomics.load(control, CONTROL.arrived)) | 0) <= 0;
  Atomics.add(control, CONTROL.arrived, 1);
  for (let turn = 0; turn < BARRIER_SPIN; turn++)
    if (isReached()) {
      if (Atomics.load(control, CONTROL.sleeping) > 0) Atomics.notify(control, CONTROL.arrived);
      return;
    }
  // Whoever arrives last either is seen here, or sees that this thread sleeps.
  Atomics.add(control, CONTROL.sleeping, 1);
  for (let seen = Atomics.load(control, CONTROL.arrived); !isReached(); seen = Atomics.load(control, CONTROL.arrived))
    Atomics.wait(control, CONTROL.arrived, seen);
  Atomics.sub(control, CONTROL.sleeping, 1);
}

function run(id: number): void {
  const { work, barriers } = plans.get(id)!;
  for (let i = 0; i < work.length; i++) {
    const status = work[i]?.() ?? 0;
    if (status !== 0 && Atomics.compareExchange(control, CONTROL.status, 0, status) === 0)
      Atomics.store(control, CONTROL.step, i);
    if (!barriers[i]) continue;
    barrier();
    // All see the same, and leave together.
    if (Atomics.load(control, CONTROL.status) !== 0) return;
  }
}

Atomics.add(control, CONTROL.ready, 1);
Atomics.notify(control, CONTROL.ready);
for (let seen = 0; ; ) {
  seen = awaitRequest(seen);
  const id = Atomics.load(control, CONTROL.plan);
  if (id === MESSAGE) readPort();
  else run(id);
  barrier();
  if (index === 0) {
    Atomics.store(control, CONTROL.answered, seen);
    Atomics.notify(control, CONTROL.answered);
  }
}
