// The checkpoints of a run: the last, the one before it, and the best. Where one is damaged or missing, another takes its place.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail, GenclassError } from "../base/errors.ts";
import type { Checkpoint } from "../train/fit-options.ts";
import { readCheckpoint, readWeights, type StoredSnapshot, type StoredWeights, writeCheckpoint } from "./checkpoint.ts";
import { linkAtomically } from "./files.ts";

type Kept = Checkpoint | "previous";

/** A checkpoint that was found. */
export interface FoundCheckpoint<S = StoredSnapshot> {
  readonly snapshot: S;
  /** What people should know: why it is not the one that was looked for. */
  readonly warning: string | undefined;
}

/** The checkpoints in a folder. */
export class Checkpoints {
  constructor(private readonly folder: string) {}

  /** Writes one file, and gives it several names. What was the last is then the previous. @throws `E_WRITE` */
  save([first, ...others]: readonly Checkpoint[], snapshot: StoredSnapshot): void {
    if (this.has("last")) linkAtomically(this.file("last"), this.file("previous"));
    writeCheckpoint(this.file(first!), snapshot);
    for (const other of others) linkAtomically(this.file(first!), this.file(other));
  }

  private has(which: Kept): boolean {
    return existsSync(this.file(which));
  }

  private file(which: Kept): string {
    return join(this.folder, `${which}.safetensors`);
  }

  /**
   * The state to go on from: the last, or the furthest of the others, which then becomes the last. Undefined where nothing
   * was saved.
   * @throws `E_DATA_FORMAT` when all that there are are damaged
   */
  newest(): FoundCheckpoint | undefined {
    const last = this.read("last", readCheckpoint);
    if (last.snapshot) return { snapshot: last.snapshot, warning: undefined };
    const others = [this.read("previous", readCheckpoint), this.read("best", readCheckpoint)];
    const [found] = intact(others).sort((a, b) => b.snapshot.progress.step - a.snapshot.progress.step);
    if (!found) return refuseDamaged([last, ...others]);
    linkAtomically(this.file(found.which), this.file("last"));
    const { step } = found.snapshot.progress;
    return {
      snapshot: found.snapshot,
      warning: `${last.problem}; going on from the ${found.which} checkpoint, at step ${step}`,
    };
  }

  /**
   * The state to use: the best, or the last where validation chose none. Undefined where nothing was saved.
   * @throws `E_DATA_FORMAT` when all that there are are damaged
   */
  trained(): FoundCheckpoint | undefined {
    return this.bestOf(readCheckpoint);
  }

  /** As `trained`, without what only training needs. @throws `E_DATA_FORMAT` when all that there are are damaged */
  weights(): FoundCheckpoint<StoredWeights> | undefined {
    return this.bestOf(readWeights);
  }

  private bestOf<S extends StoredWeights>(readFile: (file: string) => S): FoundCheckpoint<S> | undefined {
    const best = this.read("best", readFile);
    if (best.snapshot) return { snapshot: best.snapshot, warning: undefined };
    const others = [this.read("last", readFile), this.read("previous", readFile)];
    const [found] = intact(others);
    if (!found) return refuseDamaged([best, ...others]);
    const { step, best: chosen } = found.snapshot.progress;
    const isMissed = best.isDamaged || chosen !== null;
    return {
      snapshot: found.snapshot,
      warning: isMissed ? `${best.problem}; the ${found.which} checkpoint, of step ${step}, is used` : undefined,
    };
  }

  private read<S>(which: Kept, readFile: (file: string) => S): Attempt<S> {
    const file = this.file(which);
    if (!existsSync(file)) return { which, isDamaged: false, problem: `${file} is missing` };
    try {
      return { which, isDamaged: false, snapshot: readFile(file) };
    } catch (cause) {
      if (!(cause instanceof GenclassError)) throw cause;
      return { which, isDamaged: true, problem: cause.message };
    }
  }
}

/** What came of reading a checkpoint: its snapshot, or the problem. */
interface Attempt<S> {
  readonly which: Kept;
  readonly isDamaged: boolean;
  readonly snapshot?: S;
  readonly problem?: string;
}

const intact = <S>(attempts: readonly Attempt<S>[]) =>
  attempts.flatMap(({ which, snapshot }) => (snapshot ? [{ which, snapshot }] : []));

function refuseDamaged(attempts: readonly Attempt<unknown>[]): undefined {
  const damaged = attempts.flatMap(({ isDamaged, problem }) => (isDamaged ? [problem] : []));
  if (damaged.length > 0) fail("E_DATA_FORMAT", `${damaged.join("; ")}; no checkpoint of the run is left: train again`);
}
