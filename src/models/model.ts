// What a model is: options; the stages and phases by which it is trained; and heads, which are what it can do once trained.
// docs/architecture.md shows a whole model as the example to follow.
import type { z } from "zod";
import type { ExampleCounts } from "../data/dataset.ts";
import type { View } from "../data/streams.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { FittedQuantity, Metric } from "../metrics/metric.ts";
import type { Optimizer } from "../nn/optim.ts";
import type { Schedule } from "../nn/schedule.ts";
import type { Scope } from "../nn/scope.ts";
import type { Backbone } from "./backbone.ts";
import { type Heads, judgesSamples } from "./heads.ts";

/** What a model must know of the data before it is built. */
export interface DataSpec {
  /** Of pictures, in pixels. */
  readonly height: number;
  /** Of pictures, in pixels. */
  readonly width: number;
  /** 1 for greyscale, 3 for colour. */
  readonly channels: number;
  /** Class names, by class number. */
  readonly classes: readonly string[];
  /** Whether a mirrored picture is still of its class. */
  readonly mirror: boolean;
  /** How many pictures there are to train on. Absent where that is not known: all have labels, as far as a model can say. */
  readonly examples?: ExampleCounts;
  /** The pretrained network that the run builds on, where it has one. */
  readonly backbone?: Backbone;
}

// ------------------------------------------------------------------------------------------------ what is fed

/** Batches that a model asks for, one of each stream a step. */
export interface StreamSpec {
  /** Which training pictures: all (the default), those with a label, or those without. */
  readonly from?: "all" | "labelled" | "unlabelled";
  /**
   * A table of one number a picture. Pictures whose number is 0 give their places in a batch to others, drawn anew, so that no place is
   * lost on what a loss does not use; where all are 0, they stay. Default: all pictures take part.
   */
  readonly only?: string;
  /** Size as a share of the run's batch size (`--batch`). Default 1. */
  readonly share?: number;
  /** Pictures of the second data source in place of the training part's. */
  readonly second?: boolean;
  /** Views of each picture by name, each drawn anew: the first is `Batch.x`. Default: `{ x: "augmented" }`. */
  readonly views?: Readonly<Record<string, View>>;
}

/**
 * Streams by name. The first one that a stage reads measures its epochs: one is over when it has taken as many pictures as the
 * training part has.
 */
export type Streams = Readonly<Record<string, StreamSpec>>;

/** Values kept for each training picture, written between steps and carried by later batches: soft labels, weights, latent vectors. */
export interface TableSpec {
  /** Shape of a row; empty for one number a picture. */
  readonly shape: readonly number[];
  /** What it holds at first. */
  readonly fill: number;
}

/** One batch of a stream as a loss sees it. */
export interface Batch {
  /** The first view: `[n, h, w, c]`, pixels in 0..1. */
  readonly x: Tensor;
  /** Every view by name. */
  readonly views: Readonly<Record<string, Tensor>>;
  /** int32 `[n]`: class numbers; -1 where there is no label */
  readonly labels: Tensor;
  /** `[n]`: 1 for an example, 0 for padding */
  readonly weights: Tensor;
  /** `[n]`: weight in the class loss: that of its class (1 unless asked for) for an example with a label, else 0 */
  readonly labelled: Tensor;
  /** `[n, classes]`: what the class loss learns in place of the labels; absent unless the run has soft labels. */
  readonly soft?: Tensor;
  /** The examples' rows `[n, …]` of each table of the model. */
  readonly tables: Readonly<Record<string, Tensor>>;
  /** The first view mixed with others, for the class loss alone; absent unless the run's augmentation mixes. */
  readonly mixed?: Mixed;
}

/** A batch mixed with itself in another order: mixup (Zhang et al. 2018) and cutmix (Yun et al. 2019). */
export interface Mixed {
  /** `[n, h, w, c]` in 0..1 */
  readonly x: Tensor;
  /** int32 `[n]`: labels of the pictures mixed in */
  readonly labels: Tensor;
  /** `[n, classes]`: their soft labels, where the run has some */
  readonly soft?: Tensor;
  /** `[n]`: share of the picture itself, 0..1 */
  readonly share: Tensor;
  /** `[n]`: weight in the class loss; 0 where either has no label */
  readonly labelled: Tensor;
}

// ------------------------------------------------------------------------------------------------ how it is trained

/** What the loss of a phase gives. */
export interface PhaseLoss {
  /** Scalar to minimise. */
  readonly loss: Tensor;
  /** Scalars to report, by name. */
  readonly log: Readonly<Record<string, Tensor>>;
}

/** Parameters that a phase moves in a way of their own. */
export interface ParameterGroup {
  /** Path prefix of the parameters. */
  readonly prefix: string;
  /** Of those, the ones whose path ends so, such as `/bias`. Default: all that no group of the same prefix names. */
  readonly suffix?: string;
  /** Default: the phase's. */
  readonly optimizer?: Optimizer;
  /** Factor on the phase's learning rate. Default 1. */
  readonly rateScale?: number;
  /** Factor on the optimizer's weight decay. Default 1; 0: none. */
  readonly decayScale?: number;
}

/** One kind of step: a loss and the parameters it moves. */
export interface Phase {
  /** In the names of its losses. */
  readonly name: string;
  /**
   * The parameters that this phase moves: path prefixes, or groups. The longest prefix that fits takes a parameter; of groups of
   * one prefix, that with the longest suffix that fits. Of buffers, such as running statistics, it writes those under the prefixes.
   */
  readonly updates: readonly (string | ParameterGroup)[];
  /** Runs on every n-th step. Default 1. */
  readonly every?: number;
  /** The part of its stage in which the phase runs: from and to in 0..1, of which the end is left out. Default: all of it. */
  readonly window?: readonly [from: number, to: number];
  /** The rule of its updates. */
  readonly optimizer: Optimizer;
  /**
   * An earlier phase, of this stage or of one before, whose optimizer goes on in this one: slots and step number are common. It has
   * each group of this phase, of the same parameters. Default: slots begin at 0. (Averages go on in any case.)
   */
  readonly continues?: string;
  /** Before the schedule's factor. */
  readonly learningRate: number;
  /** Factor on the learning rate by progress of the stage. */
  readonly schedule: Schedule;
  /** Limit on the joint norm of the gradients. */
  readonly clip?: number;
  /** Decay of the moving averages of what this phase moves, in 0..1; "none": keeps no averages. Default: the run's. */
  readonly emaDecay?: number | "none";
  /**
   * The loss, as a graph: called once, when the training step is compiled.
   * @param batch that of the first declared stream
   * @param streams the batch of each declared stream by name
   */
  loss(scope: Scope, batch: Batch, streams: Readonly<Record<string, Batch>>): PhaseLoss;
}

/** How a phase moves what: all of it but its name and loss. */
export type PhaseRule = Omit<Phase, "name" | "loss">;

/** What a refresh can ask and write. */
export interface RefreshContext {
  /** Labels of the training pictures, `[N]`; -1 where there is none. */
  readonly labels: Int32Array;
  /** Numbers of the pictures that decode; heads give something for the others too, which means nothing. */
  readonly usable: Int32Array;
  /** The tables, `[N, …]` row by row, to write into. */
  readonly tables: Readonly<Record<string, Float32Array>>;
  /** Progress of the stage, 0..1. */
  readonly progress: number;
  /** Seed of anything random in it: a function of the run's seed and the step. */
  readonly seed: number;
  /**
   * Rows `[N, …]` that a head gives for every training picture, as it is, with averaged weights.
   * @param seed of the head's own noise. Default 0
   * @throws `E_HEAD` for a head that the refresh does not name in `heads`
   */
  predict(head: string, seed?: number): Promise<Float32Array>;
  /** Tells a line in the output and in the report. */
  note(text: string): void;
}

/** Work between steps that writes tables from what the model says of the training pictures. */
export interface Refresh {
  /** Heads that `run` asks; each takes a picture. */
  readonly heads: readonly string[];
  /** How far apart two runs are; absent: once, before the first step of the stage. */
  readonly every?: { readonly steps: number } | { readonly epochs: number };
  /** Asks the heads, and writes tables. */
  run(context: RefreshContext): Promise<void>;
}

/** What a solve can ask. */
export interface SolveContext {
  /** Labels of the training pictures, `[N]`; -1 where there is none. */
  readonly labels: Int32Array;
  /** Weight of each in what is solved, `[N]`: that of its class; 0 for one without a label, or that does not decode. */
  readonly weights: Float32Array;
  /** Numbers of the pictures that decode, with a label or without. */
  readonly usable: Int32Array;
  /** Seed of anything random in it: a function of the run's seed and the stage. */
  readonly seed: number;
  /**
   * Rows `[examples.length, …]` that a head gives for training pictures of these numbers, as they are.
   * @throws `E_HEAD` for a head that the solve does not name in `heads`
   */
  predict(head: string, examples: Int32Array): Promise<Float32Array>;
  /** Tells a line in the output and in the report. */
  note(text: string): void;
}

/** How far a solve is. */
export interface SolveProgress {
  /** What is done now, for people. */
  readonly what: string;
  /** How much of that is done, 0..1. */
  readonly share: number;
}

/** Values of parameters and buffers, by path. */
export type Solution = Readonly<Record<string, Float32Array>>;

/** Values that are computed at once from all training pictures, and not step by step along a gradient. */
export interface Solve {
  /** Heads that `run` asks; each takes a picture. */
  readonly heads: readonly string[];
  /** Path prefixes of the parameters and buffers that it gives values. */
  readonly updates: readonly string[];
  /**
   * Computes them. It tells how far it is many times a second: there a run can be stopped, and this is then left where it is; a run that
   * goes on begins it anew.
   */
  run(context: SolveContext): AsyncGenerator<SolveProgress, Solution>;
}

/** How it is seen that a stage got nowhere. */
export interface Stall {
  /**
   * One of its losses, `PHASE/LOSS`: the mean over an epoch is looked at. One that says nothing of mixed pictures or soft labels may be
   * left out of the log of batches that have them, and the stage then goes on.
   */
  readonly loss: string;
  /** Above this it got nowhere. */
  readonly above: number;
  /** Steps of the stage, above 0, after which it is looked at, once, when the epoch ends. */
  readonly after: number;
}

/** A part of training with phases of its own. What it does not move begins as the averages of the stage before left it. */
export interface Stage {
  /** Default: its number. */
  readonly name?: string;
  /** Share of the run's budget, relative to the other stages'. Default 1; of a stage that is solved, which takes as long as it takes, 0. */
  readonly share?: number;
  /** Its kinds of step, in the order in which they take turns. */
  readonly phases: readonly Phase[];
  /** In place of phases, of which there are then none: counts as one step, and as an epoch. */
  readonly solve?: Solve;
  /** Run before the first step, and again every so many steps or epochs. */
  readonly refresh?: Refresh;
  /**
   * Where it got nowhere it begins anew, once: what its phases move gets other first values, and the steps that are left are its new
   * budget. Its phases continue none of a stage before. In a run that began with weights of another one (`from`) it goes on.
   */
  readonly stalls?: Stall;
}

// ------------------------------------------------------------------------------------------------ the whole

/** What the head `logLikelihood` of a model is of, and how many draws it averages over. */
export interface LikelihoodSpec {
  /**
   * What has the probability: pixels 0 or 1; 256 levels; a point of 0..1, which has a density; or grey levels that stand for
   * probabilities, which makes no probability.
   */
  readonly of: "binary" | "levels" | "density" | "grey";
  /** Latent vectors a picture of one call. */
  readonly draws: number;
}

/** Pictures a step of a run, where neither its options nor the model say (`Model.batch`). */
export const USUAL_BATCH = 128;

/** A model with its options filled in, for data of one kind. */
export interface BuiltModel {
  /** What it can do, by name. */
  readonly heads: Heads;
  /** Width of the latent vectors that heads take or give. */
  readonly latentSize?: number;
  /** Beside a head `logLikelihood`. */
  readonly likelihood?: LikelihoodSpec;
  /** In order; most models have one. */
  readonly stages: readonly Stage[];
  /** Batches of each step. Default: one stream `batch` of all pictures, augmented. */
  readonly streams?: Streams;
  /** Values that are kept for each training picture, by name. */
  readonly tables?: Readonly<Record<string, TableSpec>>;
  /** Metrics of this model's own, beside the common ones. */
  readonly metrics?: readonly Metric[];
  /** Quantities of this model's own that are fitted on validation pictures; heads read them by `scope.fitted`. */
  readonly fitted?: readonly FittedQuantity[];
  /**
   * Names of the metrics by which the best checkpoint is chosen on validation pictures; later ones decide between equals.
   * Without them, or without validation pictures, the last checkpoint is the best.
   */
  readonly best?: readonly string[];
  /**
   * The share (0..1) of the best value so far that a checkpoint must reach in other metrics to be the best: a generator is not
   * to come nearer by leaving pictures out. For metrics of which higher is better.
   */
  readonly bestKeeps?: Readonly<Record<string, number>>;
  /** Whether networks are trained against each other. Default: whether heads draw samples and judge them (`judgesSamples`). */
  readonly adversarial?: boolean;
}

/** Whether networks of a model are trained against each other: its training is watched (train/watch.ts). */
export const isAdversarial = ({ heads, adversarial }: Pick<BuiltModel, "heads" | "adversarial">): boolean =>
  adversarial ?? judgesSamples(heads);

/** Whether a model learns from pairs of pictures: one of its streams asks for the partner of each. */
export const readsPairs = ({ streams = {} }: Pick<BuiltModel, "streams">): boolean =>
  Object.values(streams).some(({ views = {} }) => Object.values(views).includes("partner"));

/** The options of a model as a zod object: each has a default, a range and a description. */
export type OptionTable = z.ZodObject;

/** A model: what the command line and the library know it by. */
export interface Model<O extends OptionTable = OptionTable> {
  /** As on the command line. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Where the method is published. */
  readonly cite: string;
  /** Its options: each has a range, a default and a description. */
  readonly options: O;
  /** Whether it can be built on a pretrained network (`DataSpec.backbone`), on its last map or on those of several scales. Default: no. */
  readonly buildsOnBackbone?: boolean | "scales";
  /** Pictures a step where a run does not say (`--batch`); undefined, and by default: as for every run. */
  batch?(data: DataSpec, options: z.infer<O>): number | undefined;
  /** Pixels a side at which `genclass train` reads photographs where no size is asked for; by default as for every model, 64. */
  readonly photographs?: number;
  /** The model for these options, which were checked, and for data of this kind. */
  build(options: z.infer<O>, data: DataSpec): BuiltModel;
}

/** A model that knows its own name and the types of its options. */
export type NamedModel<N extends string, O extends OptionTable> = Model<O> & { readonly name: N };

/** Lets a model's file infer its option type, and calls that name the model know it. */
export function defineModel<const N extends string, O extends OptionTable>(model: NamedModel<N, O>): NamedModel<N, O> {
  return model;
}
