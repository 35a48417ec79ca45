// A compute thread. The leading one runs plans: oneDNN's primitives, which bring threads of their own, and WebAssembly
// kernels, of which large ones are shared with the helpers.
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { koffi } from "../foreign.ts";
import { CONTROL, MESSAGE, type Plan, type PortMessage, share, type ThreadData, TRAP } from "./protocol.ts";

type KernelFunction = (from: number, to: number) => void;

const data = workerData as ThreadData;
const { index, threads, memory } = data;
const port = data.port as unknown as MessagePort;
const control = new Int32Array(data.control);
const plans = new Map<number, { steps: Plan["steps"]; kernels: (KernelFunction | undefined)[] }>();

/** Turns of waiting actively before a thread sleeps; some microseconds. */
const SPIN = 2000;

function readPort(): void {
  for (;;) {
    const message = receiveMessageOnPort(port)?.message as PortMessage | undefined;
    if (!message) return;
    if ("unload" in message) plans.delete(message.unload);
    else {
      const { id, steps, module } = message.load;
      const exports = module ? new WebAssembly.Instance(module, { env: { memory } }).exports : {};
      plans.set(id, {
        steps,
        kernels: steps.map((step) => (step.kind === "kernel" ? (exports[step.name] as KernelFunction) : undefined)),
      });
    }
  }
}

/** Waits until a counter is not `seen`. */
function next(place: number, seen: number): number {
  for (let i = 0; i < SPIN; i++) {
    const value = Atomics.load(control, place);
    if (value !== seen) return value;
  }
  for (;;) {
    Atomics.wait(control, place, seen);
    const value = Atomics.load(control, place);
    if (value !== seen) return value;
  }
}

function help(): never {
  for (let seen = 0; ; ) {
    seen = next(CONTROL.shared, seen);
    if (Atomics.load(control, CONTROL.sharedPlan) === MESSAGE) readPort();
    else runShare(Atomics.load(control, CONTROL.sharedPlan), Atomics.load(control, CONTROL.sharedStep));
    if (Atomics.sub(control, CONTROL.pending, 1) === 1) Atomics.notify(control, CONTROL.pending);
  }
}

function runShare(id: number, place: number): void {
  const plan = plans.get(id)!;
  const step = plan.steps[place]!;
  if (step.kind !== "kernel") return;
  const [from, to] = share(step.units, step.grain, index, threads);
  if (from === to) return;
  try {
    plan.kernels[place]!(from, to);
  } catch {
    Atomics.store(control, CONTROL.helperStatus, TRAP);
  }
}

function wakeHelpers(plan: number, step: number): void {
  Atomics.store(control, CONTROL.sharedPlan, plan);
  Atomics.store(control, CONTROL.sharedStep, step);
  Atomics.store(control, CONTROL.pending, threads - 1);
  Atomics.add(control, CONTROL.shared, 1);
  Atomics.notify(control, CONTROL.shared);
}

function awaitHelpers(): void {
  for (let i = 0; ; i++) {
    const pending = Atomics.load(control, CONTROL.pending);
    if (pending === 0) return;
    if (i > SPIN) Atomics.wait(control, CONTROL.pending, pending);
  }
}

function lead(): never {
  const library = koffi.load(data.library);
  const execute = library.func("dnnl_primitive_execute", "int", ["void *", "void *", "int", "void *"]);
  setOpenMpThreads(library.func.bind(library) as Func);
  for (let seen = 0; ; ) {
    seen = next(CONTROL.request, seen);
    const id = Atomics.load(control, CONTROL.plan);
    let status = 0;
    if (id === MESSAGE) {
      readPort();
      if (threads > 1) {
        wakeHelpers(MESSAGE, 0);
        awaitHelpers();
      }
    } else status = run(id, execute);
    Atomics.store(control, CONTROL.status, status);
    Atomics.store(control, CONTROL.answered, seen);
    Atomics.notify(control, CONTROL.answered);
  }
}

type Execute = (primitive: bigint, stream: bigint, count: number, args: bigint) => number;

/** @returns 0, or the status of the step that failed, whose place is left in the control array */
function run(id: number, execute: Execute): number {
  const { steps, kernels } = plans.get(id)!;
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!;
    let status = 0;
    if (step.kind === "native") status = execute(step.primitive, data.stream, step.count, step.args);
    else {
      const together = step.shared && threads > 1;
      if (together) wakeHelpers(id, i);
      try {
        if (together) {
          const [from, to] = share(step.units, step.grain, 0, threads);
          kernels[i]!(from, to);
        } else kernels[i]!(0, step.units);
      } catch {
        status = TRAP;
      }
      if (together) {
        awaitHelpers();
        status = Atomics.exchange(control, CONTROL.helperStatus, 0) || status;
      }
    }
    if (status !== 0) {
      Atomics.store(control, CONTROL.step, i);
      return status;
    }
  }
  return 0;
}

type Func = (name: string, returns: string, takes: string[]) => (threads: number) => void;

/** OpenMP counts threads for each thread that starts them; a library built on another runtime keeps its own count. */
function setOpenMpThreads(func: Func): void {
  let set: (threads: number) => void;
  try {
    set = func("omp_set_num_threads", "void", ["int"]);
  } catch {
    return;
  }
  set(threads);
}

if (index === 0) lead();
else help();
