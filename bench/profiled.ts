// How the profilers are called, what they look at, and the lines that they print: JOB [--rounds N] [--batch N] [--direct] [--top N]
import { parseArgs } from "node:util";
import type { Tensor } from "../src/graph/tensor.ts";
import { compileModel } from "../src/train/steps.ts";
import { JOBS } from "./jobs.ts";

/** What a call asks for. */
export interface Profiled {
  /** Of which the least time counts. */
  readonly rounds: number;
  /** Lines of single costs. */
  readonly top: number;
  /** 0 where convolutions shall not be in tiles; undefined: where that is faster. */
  readonly winograd: 0 | undefined;
  /** The phases of the job's first stage: what a step of each gives, without moving averages. */
  readonly phases: readonly { readonly name: string; readonly outputs: Readonly<Record<string, Tensor>> }[];
}

/** Reads the words that the script was called with. */
export function profiled(): Profiled {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "12" },
      batch: { type: "string" },
      direct: { type: "boolean" },
      top: { type: "string", default: "25" },
    },
  });
  const [name = ""] = positionals;
  const make = JOBS[name];
  if (!make) throw new Error(`unknown job "${name}"; known: ${Object.keys(JOBS).join(", ")}`);
  const job = make();
  const { stages } = compileModel(job.model, job.spec, Number(values.batch ?? job.batch));
  return {
    rounds: Number(values.rounds),
    top: Number(values.top),
    winograd: values.direct ? 0 : undefined,
    phases: stages[0]!.phases.map(({ graph }) => {
      const updates = [...graph.updates].filter(([path]) => !path.startsWith("average/"));
      return { name: graph.name, outputs: Object.fromEntries([...updates, ...graph.log]) };
    }),
  };
}

/** Prints lines of a cost in ms, its share of the total, and what it is of. */
export const costLine =
  (total: number, digits: number) =>
  (ms: number, text: string): void => {
    const share = ((100 * ms) / total).toFixed(1).padStart(5);
    process.stdout.write(`${ms.toFixed(digits).padStart(9)} ms ${share} %  ${text}\n`);
  };
