// The platform-free core: the graph language, layers, models, metrics. Entries for platforms are node.ts and web.ts.
export { type DType, type NdArray, ndarray, type Shape, zeros } from "./base/array.ts";
export { ERRORS, type ErrorCode, GenclassError } from "./base/errors.ts";
export { VERSION } from "./base/version.ts";
export { withAdded } from "./data/added.ts";
export { type Augmentation, consistencyViews } from "./data/augment.ts";
export { type Dataset, gather, type ImageSet } from "./data/dataset.ts";
export { type Pairing, withPairs } from "./data/pairs.ts";
export { inMemory, type Pixels } from "./data/pixels.ts";
export { glyphs } from "./data/sets/glyphs.ts";
export { type LabelAmount, withLabels, withValidation } from "./data/splits.ts";
export { grad } from "./graph/grad.ts";
export { interpret } from "./graph/interpret.ts";
export * as ops from "./graph/ops/index.ts";
export { print } from "./graph/print.ts";
export { simplify } from "./graph/simplify.ts";
export { constant, input, scalar, type Tensor } from "./graph/tensor.ts";
export { classIntervals, type IntervalMetric } from "./metrics/bootstrap.ts";
export * as metrics from "./metrics/classification.ts";
export {
  type ClassCurves,
  classCurves,
  type PrecisionRecallCurve,
  precisionRecallCurve,
  type RocCurve,
  rocCurve,
} from "./metrics/curves.ts";
export type { FittedQuantity, Metric, Predictions } from "./metrics/metric.ts";
export { type Head, type Heads, head } from "./models/heads.ts";
export { findModel, MODELS, type ModelName, type ModelOptions, type OptionsOf } from "./models/index.ts";
export type {
  Batch,
  BuiltModel,
  DataSpec,
  Model,
  Phase,
  Refresh,
  Solution,
  Solve,
  SolveContext,
  SolveProgress,
  Stage,
  StreamSpec,
} from "./models/model.ts";
export { defineModel } from "./models/model.ts";
export * as distributions from "./nn/distributions.ts";
export * as fastNets from "./nn/fast-net.ts";
export * as flows from "./nn/flows.ts";
export * as init from "./nn/init.ts";
export * as layers from "./nn/layers.ts";
export * as likelihoods from "./nn/likelihoods.ts";
export * as losses from "./nn/losses.ts";
export { muon } from "./nn/muon.ts";
export * as nets from "./nn/nets.ts";
export * as optim from "./nn/optim.ts";
export * as priors from "./nn/priors.ts";
export { SCHEDULES, schedule, withWarmup } from "./nn/schedule.ts";
export { Build, Scope } from "./nn/scope.ts";
export * as variational from "./nn/variational.ts";
export { lower } from "./onnx/lower.ts";
export { encodeModel } from "./onnx/schema.ts";
export { ExportedClassifier } from "./predict/exported.ts";
export { Random } from "./random/random.ts";
export type { Backend, Executable } from "./runtime/backend.ts";
export { Program, type State, type StepGraph } from "./runtime/program.ts";
export type {
  AlarmEvent,
  EndEvent,
  EpochEvent,
  NoteEvent,
  RunEvent,
  SamplesEvent,
  StartEvent,
  StepEvent,
  StreamCost,
} from "./train/events.ts";
export { fit } from "./train/fit.ts";
export type { Checkpoint, FitOptions, Snapshot } from "./train/fit-options.ts";
export { compileModel } from "./train/steps.ts";
