// Refreshes: work between the steps of a stage that writes tables from what the averaged model says of the training pictures.
import { type NdArray, ndarray, sameShape, sizeOf } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { Table } from "../data/batches.ts";
import { type ImageSet, isUsable, range } from "../data/dataset.ts";
import type { TableSpec } from "../models/model.ts";
import { StepFeeds } from "../predict/feeds.ts";
import { predictSet } from "../predict/outputs.ts";
import { hashName } from "../random/random.ts";
import type { Program } from "../runtime/program.ts";
import type { CompiledStage } from "./compiled.ts";

/** The tables of a run, a row for each training picture: as a checkpoint holds them, else at their first values. */
export function makeTables(
  specs: Readonly<Record<string, TableSpec>> = {},
  examples: number,
  saved: ReadonlyMap<string, NdArray> = new Map(),
): Record<string, Table> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, fill }]) => {
      const known = saved.get(name);
      const whole = [examples, ...shape];
      if (known && !sameShape(known.shape, whole))
        fail(
          "E_RUN_CONFLICT",
          `the checkpoint's table "${name}" is [${known.shape}]; this model and data need [${whole}]`,
        );
      const rows = known ? (known.data.slice() as Float32Array) : new Float32Array(sizeOf(whole)).fill(fill);
      return [name, { shape, rows }];
    }),
  );
}

/** Tables as a checkpoint keeps them. */
export const savedTables = (tables: Readonly<Record<string, Table>>, examples: number): Map<string, NdArray> =>
  new Map(
    Object.entries(tables).map(([name, { shape, rows }]) => [
      name,
      ndarray("float32", [examples, ...shape], rows.slice()),
    ]),
  );

/** Asks heads of a stage about training pictures: those that its refresh or its solve names. */
export class AskedHeads {
  constructor(
    private readonly stage: CompiledStage,
    private readonly program: Program,
    private readonly set: ImageSet,
    private readonly batch: number,
    /** Rows of the pictures that heads are fed beside them. */
    private readonly fed: Readonly<Record<string, Table>>,
  ) {}

  /** Rows `[examples.length, …]` of pictures of these numbers. @throws `E_HEAD` for a head that is not named */
  async predict(head: string, seed: number, examples?: Int32Array): Promise<Float32Array> {
    const step = this.stage.predictions.get(head);
    if (!step)
      fail(
        "E_HEAD",
        `this stage can ask ${[...this.stage.predictions.keys()].join(", ") || "nothing"}; "${head}" is not among its heads`,
      );
    const run = (inputs: Readonly<Record<string, NdArray>>) => this.program.run(step.graph.name, inputs);
    const rows = await predictSet(this.set, this.batch, seed, new StepFeeds(step), run, this.fed, examples);
    return rows.get(head)!;
  }
}

/** Runs the refresh of a stage, the one with number `index`, when it is due. */
export class Refresher {
  constructor(
    private readonly stage: CompiledStage,
    private readonly index: number,
    private readonly asked: AskedHeads,
    private readonly set: ImageSet,
    private readonly tables: Readonly<Record<string, Table>>,
    private readonly seed: number,
    private readonly stepsPerEpoch: number,
  ) {}

  /** Whether it runs before step `step` (from 0) of the stage. */
  isDue(step: number): boolean {
    const { refresh } = this.stage.stage;
    if (!refresh) return false;
    if (refresh.every === undefined) return step === 0;
    const every = "steps" in refresh.every ? refresh.every.steps : refresh.every.epochs * this.stepsPerEpoch;
    return step % every === 0;
  }

  /** Runs it before step `step` of the stage, at `progress` 0..1. @returns lines for people */
  async run(step: number, progress: number): Promise<string[]> {
    const notes: string[] = [];
    const { labels, pixels } = this.set;
    const all = range(0, labels.length);
    await pixels.ready?.(all);
    await this.stage.stage.refresh!.run({
      labels,
      usable: all.filter((i) => isUsable(this.set, i)),
      tables: Object.fromEntries(Object.entries(this.tables).map(([name, { rows }]) => [name, rows])),
      // By the clock, a stage may begin a little late.
      progress: step === 0 ? 0 : progress,
      seed: (this.seed ^ hashName(`refresh:${this.index}:${step}`)) >>> 1,
      predict: (head, seed = this.seed) => this.asked.predict(head, seed),
      note: (text) => void notes.push(text),
    });
    return notes;
  }
}
