// What a thread does of a step without a pause: kernels and primitives in turn.
import type { LibraryHandle } from "../foreign.ts";
import { type Call, type Part, TRAP } from "./protocol.ts";

/** Does a part, or all that a thread does of a step. Returns a status. */
export type Work = () => number;

/** Kernels by name; those that work in memory of the thread are told which it is. */
export type Kernels = Readonly<Record<string, (from: number, to: number, thread: number) => void>>;

/** Runs a primitive with one of its lists of arguments. Returns a status. */
export type Execute = (call: Call, args: bigint) => number;

/** Runs primitives of a library in the calling thread. */
export function executor(library: LibraryHandle, stream: bigint): Execute {
  const execute = library.func("dnnl_primitive_execute", "int", ["void *", "void *", "int", "void *"]);
  return ({ primitive, count }, args) => execute(primitive, stream, count, args) as number;
}

/** A part as thread number `thread` does it. */
export function workOf(part: Part, kernels: Kernels, execute: Execute, thread: number): Work {
  const actions = part.map((action): Work => {
    if ("primitive" in action) {
      const args = action.args[thread]!;
      return () => execute(action, args);
    }
    const { from, to } = action;
    const kernel = kernels[action.kernel]!;
    return () => {
      try {
        kernel(from, to, thread);
      } catch {
        return TRAP;
      }
      return 0;
    };
  });
  if (actions.length === 1) return actions[0]!;
  return () => {
    for (const action of actions) {
      const status = action();
      if (status !== 0) return status;
    }
    return 0;
  };
}
