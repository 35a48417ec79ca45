// What an experiment lets a process of its own do, and what that tells: a cell of a comparison, a trial of a search, or how fast
// trained models answer. In a process of its own, memory is that of the cell alone, and nothing is warm from the one before.
import { z } from "zod";
import type { ErrorCode } from "../base/errors.ts";
import type { RunOptions } from "../run/options.ts";
import type { BackendWish } from "../runtime/wish.ts";
import type { RunEvent } from "../train/events.ts";

/** Training of one run, or going on with it, as far as is asked for. */
export interface TrainJob {
  readonly kind: "train";
  /** A name from `MODELS`. */
  readonly model: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly run: RunOptions;
  readonly source: string;
  readonly backend: NonNullable<BackendWish["backend"]>;
  /** The run folder: new, or that of the run as it was left. */
  readonly out: string;
  /** Whether the finished model is evaluated, on the test part. */
  readonly evaluates: boolean;
  /** The fingerprint of data that has the same test part; checked before training. */
  readonly testAs?: string;
  /** The run rests once it has gone through so many epochs or seconds, at the end of an epoch, and can be gone on with. */
  readonly rests?: Rest;
}

/** How far a run is to go for now. */
export type Rest = { readonly epochs: number } | { readonly seconds: number };

/** How long trained models take for a picture, each measured in turn with the others. */
export interface TimeJob {
  readonly kind: "time";
  /** Run folders. */
  readonly runs: readonly string[];
}

export type Job = TrainJob | TimeJob;

const metrics = z.record(z.string(), z.number());

/** What is known of a run once its job is done. */
export const trainedSchema = z.object({
  /** Whether training has ended; false where it rests. */
  ended: z.boolean(),
  epochs: z.int(),
  /** Of training, over all processes. */
  seconds: z.number(),
  /** Training pictures with a label. */
  labelled: z.int(),
  /** Trained numbers. */
  parameters: z.int(),
  /** Of the best checkpoint, else of the last epoch: metrics of validation pictures by name. */
  validation: metrics,
  /** The metric that chose the checkpoint; absent where nothing did. */
  objective: z.object({ metric: z.string(), value: z.number(), better: z.enum(["higher", "lower"]) }).optional(),
  /** Largest resident memory of the process that did the job. */
  peakBytes: z.int(),
  /** By which equal data is known. */
  fingerprint: z.string(),
  /** What the evaluation found. */
  test: z
    .object({
      metrics,
      /** For each test picture, 1 where the answer is right, 0 where it is not; pictures without a label are left out. */
      right: z.string().regex(/^[01]*$/),
      /** Of the head `classify`, a picture. */
      multiplyAdds: z.number(),
      /** Of the exported ONNX file. */
      modelBytes: z.int(),
    })
    .optional(),
});
export type Trained = z.infer<typeof trainedSchema>;

/** Milliseconds a picture, by the number of pictures of a call. */
export interface AnswerTime {
  readonly one: number;
  readonly many: number;
}

/** Results of jobs by their kind. */
export interface JobResult {
  readonly train: Trained;
  readonly time: readonly AnswerTime[];
}

/** What the process tells. */
export type JobMessage =
  | { readonly type: "event"; readonly event: RunEvent }
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "done"; readonly result: JobResult[Job["kind"]] }
  | { readonly type: "stopped" }
  | { readonly type: "failed"; readonly code: ErrorCode | "internal"; readonly message: string };

/** What it is told: its job first, and then perhaps to stop. */
export type JobCall = { readonly type: "job"; readonly job: Job } | { readonly type: "stop" };
