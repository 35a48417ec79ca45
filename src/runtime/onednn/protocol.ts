// What the main thread and the compute threads say to each other. Small and frequent things go through a shared array of
// integers that threads wait on; plans, which are rare, go through message ports.

import type { Address } from "./library.ts";

/** Places in the shared array. */
export const CONTROL = {
  /** Counts requests. */
  request: 0,
  /** Counts requests that the leading thread has prepared, so that all may begin. */
  begun: 1,
  /** Counts requests answered. */
  answered: 2,
  /** Counts threads that have started. */
  ready: 3,
  /** Which plan to run; `MESSAGE` to read the port instead. This and the next two have a place for each request in flight. */
  plan: 4,
  /** 0, or what went wrong: a oneDNN status, or `TRAP`. */
  status: 8,
  /** The step that it went wrong in. */
  step: 12,
  /** Counts arrivals at barriers. On a cache line of its own. */
  arrived: 32,
  /** Threads that sleep at a barrier. */
  sleeping: 48,
} as const;
/** Integers in the shared array. */
export const CONTROL_LENGTH = 64;
/** Requests in flight at most: one is computed, and one waits where threads find it without the main thread. */
export const QUEUE = 2;
/** In place of the number of a plan: read the port. */
export const MESSAGE = -1;
/** Status of a WebAssembly trap. */
export const TRAP = 1000;

/** A primitive and what it is run with. */
export interface Call {
  readonly primitive: bigint;
  readonly count: number;
  /** One a thread, as each has a place of its own where primitives work. */
  readonly args: readonly bigint[];
}

/** A kernel by its export name, over iterations `[from, to)`. */
export interface KernelRun {
  readonly kernel: string;
  readonly from: number;
  readonly to: number;
}

/** What one thread does without a pause, in turn. */
export type Part = readonly (KernelRun | Call)[];

/** What all threads do between two barriers. */
export interface PlanStep {
  /** Whether all threads must have done the step before any goes on. */
  readonly barrier: boolean;
  /**
   * As many as threads at most: each does the one of its number. More: each has a run of neighbours, and claims from the
   * others' when it is through with them, so that a thread that lost its core for a while does not hold up the rest.
   */
  readonly parts: readonly Part[];
}

/** A value that lies elsewhere from run to run. */
export interface Binding {
  /** Its place in the address table: an offset in the heap, as the offsets that are put there. */
  readonly entry: number;
  /** The memories of primitives that stand for it, or for what begins so many bytes into it. */
  readonly memories: readonly { readonly memory: Address; readonly skip: number }[];
}

/** What a plan is made of. */
export interface PlanParts {
  readonly module: WebAssembly.Module | undefined;
  readonly steps: readonly PlanStep[];
  readonly bindings: readonly Binding[];
}

/** A plan as threads get it; `id` is what requests name it by. */
export interface Plan extends PlanParts {
  readonly id: number;
  /** For each step whose parts are claimed, in order: how many of each thread's are taken. */
  readonly claims: SharedArrayBuffer;
  /** Where each value of `bindings` lies, once for each request in flight. */
  readonly offsets: SharedArrayBuffer;
}

/** Of each request in flight: where each value of `bindings` is to lie. */
export const wantedOffsets = ({ offsets, bindings: { length } }: Pick<Plan, "offsets" | "bindings">): Uint32Array[] =>
  Array.from({ length: QUEUE }, (_, place) => new Uint32Array(offsets, 4 * place * length, length));

/** Parts of a step that a thread has at most. */
export const MOST_PARTS = 4;

/** How many parts an operation is cut into of which each is to have so much work at least, but for one a thread. */
export const partsOf = (work: number, each: number, threads: number): number =>
  threads * Math.max(1, Math.min(MOST_PARTS, Math.floor(work / each / threads)));

/** Whether threads claim the parts of a step. */
export const isClaimed = (step: PlanStep, threads: number): boolean => step.parts.length > threads;

/** What goes through a port: a plan to keep, or the number of one to forget. */
export type PortMessage = { readonly load: Plan } | { readonly unload: number };

/** What a thread is started with. */
export interface ThreadData {
  readonly control: SharedArrayBuffer;
  readonly memory: WebAssembly.Memory;
  readonly port: MessagePort;
  /** The first answers for all. */
  readonly index: number;
  /** How many threads there are. */
  readonly threads: number;
  /** Address of the memory in the process. */
  readonly base: bigint;
  readonly library: string;
  readonly stream: bigint;
}

/** `units` in at most so many parts, each a multiple of `grain`. */
export function share(units: number, grain: number, parts: number): [from: number, to: number][] {
  const each = Math.max(1, Math.ceil(units / parts / grain)) * grain;
  return Array.from({ length: Math.ceil(units / each) }, (_, i) => [i * each, Math.min(units, (i + 1) * each)]);
}
