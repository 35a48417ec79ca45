// What the main thread and the compute threads say to each other. Small and frequent things go through a shared array of
// integers that threads wait on; plans, which are rare, go through a message port.

/** Places in the shared array. */
export const CONTROL = {
  /** Counts requests to the leading thread. */
  request: 0,
  /** Counts requests answered. */
  answered: 1,
  /** Which plan to run; `MESSAGE` to read the port instead. */
  plan: 2,
  /** 0, or what went wrong: a oneDNN status, or `TRAP`. */
  status: 3,
  /** The step that it went wrong in. */
  step: 4,
  /** Counts kernels that the threads share. */
  shared: 5,
  /** Helpers that have not finished the shared kernel. */
  pending: 6,
  /** The shared kernel: its plan, its step. */
  sharedPlan: 7,
  sharedStep: 8,
  helperStatus: 9,
} as const;
export const CONTROL_LENGTH = 16;
export const MESSAGE = -1;
/** Status of a WebAssembly trap. */
export const TRAP = 1000;

export type PlanStep =
  | { readonly kind: "native"; readonly primitive: bigint; readonly count: number; readonly args: bigint }
  | {
      readonly kind: "kernel";
      /** Export name. */
      readonly name: string;
      /** Iterations to share. */
      readonly units: number;
      /** A share is a multiple of this. */
      readonly grain: number;
      /** Whether the work is worth waking the helpers. */
      readonly shared: boolean;
    };

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
  /** 0 leads; the others help. */
  readonly index: number;
  /** How many threads there are. */
  readonly threads: number;
  readonly library: string;
  readonly stream: bigint;
}

/** The part of `units` that thread `index` of `threads` takes. */
export function share(units: number, grain: number, index: number, threads: number): readonly [number, number] {
  const each = Math.ceil(units / threads / grain) * grain;
  return [Math.min(units, index * each), Math.min(units, (index + 1) * each)];
}
