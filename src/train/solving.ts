// Stages that are solved: what their parameters shall be is computed from all training pictures at once.
import { firstNotFinite, sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { isUsable, range } from "../data/dataset.ts";
import { classWeights } from "../data/imbalance.ts";
import type { Solution, Solve, SolveProgress, Stage } from "../models/model.ts";
import type { StateSpec } from "../nn/scope.ts";
import { hashName } from "../random/random.ts";
import type { Program } from "../runtime/program.ts";
import type { FitOptions } from "./fit-options.ts";
import type { TrainingProgress } from "./progress.ts";
import type { AskedHeads } from "./refresh.ts";

/** The solve of a stage, the one with number `index`. */
export class Solving {
  private notes: string[] = [];
  /** 1 for each training picture that was looked at. */
  private readonly looked: Uint8Array;

  constructor(
    private readonly solve: Solve,
    private readonly index: number,
    private readonly options: Pick<FitOptions, "data" | "seed" | "classWeighting">,
    private readonly asked: AskedHeads,
  ) {
    this.looked = new Uint8Array(options.data.train.labels.length);
  }

  /** Computes, and tells how far it is: at least once before anything takes long. */
  async *run(): AsyncGenerator<SolveProgress, Solution> {
    yield { what: "reading pictures", share: 0 };
    const { data, seed, classWeighting = "none" } = this.options;
    const { train, classes } = data;
    const { labels } = train;
    const all = range(0, labels.length);
    await train.pixels.ready?.(all);
    const usable = all.filter((i) => isUsable(train, i));
    const weightOf = classWeights(labels, classes, classWeighting);
    const weights = new Float32Array(labels.length);
    for (const i of usable) if (labels[i]! >= 0) weights[i] = weightOf[labels[i]!]!;
    return yield* this.solve.run({
      ...{ labels, weights, usable },
      seed: (seed ^ hashName(`solve:${this.index}`)) >>> 1,
      predict: (head, examples) => {
        for (const i of examples) this.looked[i] = 1;
        return this.asked.predict(head, seed, examples);
      },
      note: (text) => void this.notes.push(text),
    });
  }

  /** What was noted since this was last asked. */
  newNotes(): string[] {
    const { notes } = this;
    this.notes = [];
    return notes;
  }

  /** Counts the pictures that were looked at, each once. */
  count(seen: TrainingProgress["seen"]): void {
    const { labels } = this.options.data.train;
    for (const [i, looked] of this.looked.entries()) if (looked) seen[labels[i]! >= 0 ? "labelled" : "unlabelled"]++;
  }

  /**
   * Puts the solution into the state. No step may be in flight.
   * @throws `E_NAME` for values that the solve does not name or leaves out, `E_SHAPE` for another number of them, `E_NAN` for some that
   * are not finite
   */
  write(solution: Solution, specs: ReadonlyMap<string, StateSpec>, program: Program): void {
    const { updates } = this.solve;
    const wanted = [...specs.keys()].filter((path) => updates.some((prefix) => path.startsWith(prefix)));
    const wrong = [...wanted, ...Object.keys(solution)].find((path) => !(path in solution) || !wanted.includes(path));
    if (wrong !== undefined)
      fail(
        "E_NAME",
        `a solve of ${updates.join(", ")} gives ${wanted.join(", ")}; "${wrong}" is ${wrong in solution ? "not among them" : "missing"}`,
      );
    for (const [path, values] of Object.entries(solution)) {
      const { shape } = specs.get(path)!;
      if (values.length !== sizeOf(shape))
        fail("E_SHAPE", `the solve gives ${values.length} values for "${path}", which is [${shape}]`);
      const at = firstNotFinite(values);
      if (at >= 0)
        fail("E_NAN", `the solve gives ${values[at]} in "${path}"; the features of some pictures are too large`);
      program.read(path).data.set(values);
    }
  }
}

/**
 * The paths that a stage solves.
 * @throws `E_NAME` for a stage with phases beside, or prefixes that no head has; `E_OPTION` where some of them are frozen
 */
export function solvedPaths(
  { name, phases, solve, refresh }: Stage,
  specs: ReadonlyMap<string, StateSpec>,
  frozen: readonly string[],
): string[] {
  if (!solve) return [];
  if (phases.length > 0 || refresh)
    fail("E_NAME", `the stage "${name}" is solved, and has phases or a refresh; give these a stage of their own`);
  return solve.updates.flatMap((prefix) => {
    const paths = [...specs.keys()].filter((path) => path.startsWith(prefix));
    if (paths.length === 0)
      fail("E_NAME", `the stage "${name}" solves "${prefix}", and no parameter of any head begins so`);
    if (frozen.some((start) => paths.some((path) => path.startsWith(start))))
      fail("E_OPTION", `the stage "${name}" solves all of "${prefix}" at once, and some of it is frozen; freeze less`);
    return paths;
  });
}
