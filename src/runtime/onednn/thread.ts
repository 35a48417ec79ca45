// A compute thread. All threads walk through the same plan, each doing its share of every step: WebAssembly kernels, and
// oneDNN's primitives, which run within the calling thread.
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { koffi } from "../foreign.ts";
import { setLibraryThreads } from "./library.ts";
import { executor, type Kernels, type Work, workOf } from "./part.ts";
import {
  CONTROL,
  isClaimed,
  MESSAGE,
  type Plan,
  type PortMessage,
  QUEUE,
  share,
  type ThreadData,
  wantedOffsets,
} from "./protocol.ts";
import { flushSubnormals } from "./subnormal.ts";

const { index, threads, memory, base, stream, ...data } = workerData as ThreadData;
const port = data.port as unknown as MessagePort;
const control = new Int32Array(data.control);
const library = koffi.load(data.library);
const execute = executor(library, stream);
const setHandle = library.func("dnnl_memory_set_data_handle", "int", ["void *", "void *"]);
setLibraryThreads(library, 1);
flushSubnormals();

interface Prepared {
  /** By step; nothing: this thread has no share. */
  readonly work: readonly (Work | undefined)[];
  readonly barriers: readonly boolean[];
  /** The step in which the main thread is told that the request before has been answered. */
  readonly telling: number;
  /** Done by the leading thread before a run: values are bound as the request in this place says. Returns a status. */
  bind(place: number): number;
}
const plans = new Map<number, Prepared>();

/** Turns of waiting actively for the next request before a thread sleeps: a tenth of a millisecond or so. */
const SPIN = 20_000;
/**
 * Turns of waiting actively at a barrier. Another thread that is late by more has lost its core, to the main thread as a rule; sleeping gives it
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

function prepare({ id, steps, module, claims, bindings, offsets }: Plan): void {
  const exports = module ? new WebAssembly.Instance(module, { env: { memory } }).exports : {};
  const taken = new Int32Array(claims);
  let place = 0;
  const work = steps.map((step): Work | undefined => {
    const parts = step.parts.map((part) => workOf(part, exports as Kernels, execute, index));
    if (!isClaimed(step, threads)) return parts[index];
    place += threads;
    return claiming(parts, taken, place - threads);
  });
  const wanted = wantedOffsets({ offsets, bindings });
  const bound = new Float64Array(bindings.length).fill(-1);
  const bind = (place: number): number => {
    taken.fill(0);
    for (let i = 0; i < bindings.length; i++) {
      const offset = wanted[place]![i]!;
      if (offset === bound[i]) continue;
      const { entry, memories } = bindings[i]!;
      new Uint32Array(memory.buffer, entry, 1)[0] = offset;
      for (const { memory: handle, skip } of memories) {
        const status = setHandle(handle, base + BigInt(offset + skip));
        if (status !== 0) return status;
      }
      bound[i] = offset;
    }
    return 0;
  };
  // The main thread then takes the core of a compute thread for a while; where parts are claimed the other does its work.
  const telling = Math.max(
    0,
    steps.findIndex((step) => isClaimed(step, threads)),
  );
  plans.set(id, { work, barriers: steps.map((step) => step.barrier), telling, bind });
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

/** Returns when `place` of the shared array is no longer `seen`. */
function awaitChange(place: number, seen: number): void {
  for (let turn = 0; Atomics.load(control, place) === seen; turn++)
    if (turn >= SPIN) Atomics.wait(control, place, seen);
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

function noteStatus(status: number, place: number, step: number): void {
  if (status !== 0 && Atomics.compareExchange(control, CONTROL.status + place, 0, status) === 0)
    Atomics.store(control, CONTROL.step + place, step);
}

/** Of the leading thread: the last request that is done, until the main thread has been told. */
let untold = 0;

function tell(): void {
  if (untold === 0) return;
  Atomics.store(control, CONTROL.answered, untold);
  Atomics.notify(control, CONTROL.answered);
  untold = 0;
}

function run({ work, barriers, telling }: Prepared, place: number): void {
  if (Atomics.load(control, CONTROL.status + place) !== 0) return;
  for (let i = 0; i < work.length; i++) {
    if (i === telling) tell();
    noteStatus(work[i]?.() ?? 0, place, i);
    if (!barriers[i]) continue;
    barrier();
    // All see the same, and leave together.
    if (Atomics.load(control, CONTROL.status + place) !== 0) return;
  }
}

/** Lets all threads begin request `number`, once it is there and has what it needs. */
function lead(number: number): void {
  awaitChange(CONTROL.request, number - 1);
  const place = number % QUEUE;
  const id = Atomics.load(control, CONTROL.plan + place);
  if (id !== MESSAGE) noteStatus(plans.get(id)!.bind(place), place, 0);
  Atomics.store(control, CONTROL.begun, number);
  Atomics.notify(control, CONTROL.begun);
}

Atomics.add(control, CONTROL.ready, 1);
Atomics.notify(control, CONTROL.ready);
for (let number = 1; ; number++) {
  if (index === 0) lead(number);
  else awaitChange(CONTROL.begun, number - 1);
  const place = number % QUEUE;
  const id = Atomics.load(control, CONTROL.plan + place);
  if (id === MESSAGE) readPort();
  else run(plans.get(id)!, place);
  barrier();
  if (index !== 0) continue;
  untold = number;
  // While the next is computed, if there is one.
  if (Atomics.load(control, CONTROL.request) === number) tell();
}
