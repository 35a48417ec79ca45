// What the main thread and the compute threads say to each other. Small and frequent things go through a shared array of
// integers that threads wait on; plans, which are rare, go through message ports.

/** Places in the shared array. */
export const CONTROL = {
  /** Counts requests. */
  request: 0,
  /** Counts requests answered. */
  answered: 1,
  /** Which plan to run; `MESSAGE` to read the port instead. */
  plan: 2,
  /** 0, or what went wrong: a oneDNN status, or `TRAP`. */
  status: 3,
  /** The step that it went wrong in. */
  step: 4,
  /** Counts threads that have started. */
  ready: 5,
  /** Counts arrivals at barriers. On a cache line of its own. */
  arrived: 32,
  /** Threads that sleep at a barrier. */
  sleeping: 48,
} as const;
export const CONTROL_LENGTH = 64;
export const MESSAGE = -1;
/** Status of a WebAssembly trap. */
export const TRAP = 1000;

/** A primitive and what it is run with. */
export interface Call {
  readonly primitive: bigint;
  readonly count: number;
  readonly args: bigint;
}

export type PlanStep = {
  /** Whether all threads must have done the step before any goes on. */
  readonly barrier: boolean;
} & (
  | {
      readonly kind: "native";
      /** One a thread; a thread without one does nothing. */
      readonly calls: readonly (Call | undefined)[];
    }
  | {
      readonly kind: "kernel";
      /** Export name. */
      readonly name: string;
      /** Iterations that each thread takes, `[from, to]`. */
      readonly shares: readonly (readonly [from: number, to: number])[];
    }
);

export interface Plan {
  readonly id: number;
  readonly module: WebAssembly.Module | undefined;
  readonly steps: readonly PlanStep[];
}

export type PortMessage = { readonly load: Plan } | { readonly unload: number };

export interface ThreadData {
  readonly control: SharedArrayBuffer;
  readonly memory: WebAssembly.Memory;
  readonly port: MessagePort;
  /** The first answers for all. */
  readonly index: number;
  /** How many threads there are. */
  readonly threads: number;
  readonly library: string;
  readonly stream: bigint;
}

/** The parts of `units` that threads take, each a multiple of `grain`. */
export function share(units: number, grain: number, threads: number): [from: number, to: number][] {
  const each = Math.ceil(units / threads / grain) * grain;
  return Array.from({ length: threads }, (_, i) => [Math.min(units, i * each), Math.min(units, (i + 1) * each)]);
}
