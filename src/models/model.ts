// What a model is: options, phases of training, and heads (what it can do once trained).
import type { z } from "zod";
import type { Tensor } from "../graph/tensor.ts";
import type { Optimizer } from "../nn/optim.ts";
import type { Schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";

/** What a model must know of the data before it is built. */
export interface DataSpec {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: readonly string[];
  /** Whether a mirrored picture is still of its class. */
  readonly mirror: boolean;
}

/** One batch as a phase sees it. */
export interface Batch {
  /** `[n, h, w, c]`, pixels in 0..1 */
  readonly x: Tensor;
  /** int32 `[n]`: class numbers; -1 where there is no label */
  readonly labels: Tensor;
  /** `[n]`: 1 for an example, 0 for padding */
  readonly weights: Tensor;
  /** `[n]`: weight in the class loss: that of its class (1 unless asked for) for an example with a label, else 0 */
  readonly labelled: Tensor;
  /** Pictures mixed with others, for the class loss alone; absent unless the augmentation mixes. */
  readonly mixed?: Mixed;
}

/** A batch mixed with itself in another order: mixup (Zhang et al. 2018) and cutmix (Yun et al. 2019). */
export interface Mixed {
  /** `[n, h, w, c]` in 0..1 */
  readonly x: Tensor;
  /** int32 `[n]`: labels of the pictures mixed in */
  readonly labels: Tensor;
  /** `[n]`: share of the picture itself, 0..1 */
  readonly share: Tensor;
  /** `[n]`: weight in the class loss; 0 where either has no label */
  readonly labelled: Tensor;
}

export interface PhaseLoss {
  /** Scalar to minimise. */
  readonly loss: Tensor;
  /** Scalars to report, by name. */
  readonly log: Readonly<Record<string, Tensor>>;
}

/** One kind of step: a loss and the parameters it moves. */
export interface Phase {
  readonly name: string;
  /** Path prefixes of the parameters that this phase moves. */
  readonly updates: readonly string[];
  /** Runs on every n-th step; 1 when absent. */
  readonly every?: number;
  readonly optimizer: Optimizer;
  /** Base learning rate. */
  readonly rate: number;
  readonly schedule: Schedule;
  /** Limit on the joint norm of the gradients. */
  readonly clip?: number;
  loss(scope: Scope, batch: Batch): PhaseLoss;
}

/** What a model can do, asked by presence. Images are `[n, h, w, c]` in 0..1. */
export interface Heads {
  /** logits `[n, classes]` */
  classify?(scope: Scope, x: Tensor): Tensor;
  /** codes `[n, code]` */
  encode?(scope: Scope, x: Tensor): Tensor;
  /** images from codes `[n, code]` */
  decode?(scope: Scope, code: Tensor): Tensor;
  reconstruct?(scope: Scope, x: Tensor): Tensor;
  /** a lower bound on ln p(x), nats `[n]` */
  logDensity?(scope: Scope, x: Tensor): Tensor;
  /** width of the code */
  readonly codeSize?: number;
}

export interface BuiltModel {
  readonly phases: readonly Phase[];
  readonly heads: Heads;
}

/** The options of a model as a zod object: each has a default, a range and a description. */
export type OptionTable = z.ZodObject;

export interface Model<O extends OptionTable = OptionTable> {
  readonly name: string;
  readonly title: string;
  /** Where the method is published. */
  readonly cite: string;
  readonly options: O;
  build(options: z.infer<O>, data: DataSpec): BuiltModel;
}

/** Lets a model's file infer its option type. */
export function defineModel<O extends OptionTable>(model: Model<O>): Model {
  return model as unknown as Model;
}
