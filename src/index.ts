// The platform-free core: the graph language, layers, models, metrics. Entries for platforms are node.ts and web.ts.
export { type DType, type NdArray, ndarray, type Shape, type TypedArray, zeros } from "./base/array.ts";
export { ERRORS, type ErrorCode, GenclassError } from "./base/errors.ts";
export type { StopSignal } from "./base/stop-signal.ts";
export { VERSION } from "./base/version.ts";
export { withAdded } from "./data/added.ts";
export { type Augmentation, type ChangeName, consistencyViews } from "./data/augment.ts";
export {
  type Added,
  type Dataset,
  type ExampleCounts,
  gather,
  type HeaderSummary,
  type ImageSet,
  type Part,
} from "./data/dataset.ts";
export { type Pairing, withPairs } from "./data/pairs.ts";
export type { PictureChange, RawPicture } from "./data/picture.ts";
export { inMemory, type Pixels } from "./data/pixels.ts";
export { type GlyphOptions, glyphs } from "./data/sets/glyphs.ts";
export { type LabelAmount, withLabels, withValidation } from "./data/splits.ts";
export type { View } from "./data/streams.ts";
export type { Warning } from "./data/warnings.ts";
export { grad } from "./graph/grad.ts";
export { interpret } from "./graph/interpret.ts";
export * as ops from "./graph/ops/index.ts";
export { print } from "./graph/print.ts";
export { simplify } from "./graph/simplify.ts";
export { type Attrs, constant, input, type OpDef, scalar, type Tensor } from "./graph/tensor.ts";
export { classIntervals, type FillUniform, type IntervalMetric } from "./metrics/bootstrap.ts";
export * as metrics from "./metrics/classification.ts";
export {
  type ClassCurves,
  classCurves,
  type PrecisionRecallCurve,
  precisionRecallCurve,
  type RocCurve,
  rocCurve,
} from "./metrics/curves.ts";
export type { Interval } from "./metrics/intervals.ts";
export type { Fitted, FittedQuantity, Metric, MetricInfo, MetricUnit, Predictions } from "./metrics/metric.ts";
export type { Backbone } from "./models/backbone.ts";
export { type Head, type HeadInputs, type HeadOutput, type Heads, head } from "./models/heads.ts";
export { findModel, MODELS, type ModelName, type ModelOptions, type OptionsOf } from "./models/index.ts";
export type {
  Batch,
  BuiltModel,
  DataSpec,
  LikelihoodSpec,
  Mixed,
  Model,
  NamedModel,
  OptionTable,
  ParameterGroup,
  Phase,
  PhaseLoss,
  Refresh,
  RefreshContext,
  Solution,
  Solve,
  SolveContext,
  SolveProgress,
  Stage,
  Stall,
  StreamSpec,
  TableSpec,
} from "./models/model.ts";
export { defineModel } from "./models/model.ts";
export * as distributions from "./nn/distributions.ts";
export * as fastNets from "./nn/fast-net.ts";
export * as flows from "./nn/flows.ts";
export * as init from "./nn/init.ts";
export * as layers from "./nn/layers.ts";
export * as likelihoods from "./nn/likelihoods.ts";
export * as losses from "./nn/losses.ts";
export { type MuonOptions, muon } from "./nn/muon.ts";
export * as nets from "./nn/nets.ts";
export * as optim from "./nn/optim.ts";
export * as priors from "./nn/priors.ts";
export { SCHEDULES, type Schedule, schedule, withWarmup } from "./nn/schedule.ts";
export {
  type Annealing,
  Build,
  type BuildOptions,
  type NoiseKind,
  type NoiseSpec,
  Scope,
  type StateSpec,
} from "./nn/scope.ts";
export * as variational from "./nn/variational.ts";
export { type LowerOptions, lower } from "./onnx/lower.ts";
export { encodeModel, type OnnxModel } from "./onnx/schema.ts";
export { ExportedClassifier } from "./predict/exported.ts";
export { Random } from "./random/random.ts";
export type { Backend, CompileOptions, Executable, Values } from "./runtime/backend.ts";
export { Program, type State, type StepGraph } from "./runtime/program.ts";
export type { CompiledModel } from "./train/compiled.ts";
export type {
  AlarmEvent,
  EndEvent,
  EpochEvent,
  Metrics,
  NoteEvent,
  RunEvent,
  SamplesEvent,
  SolveEvent,
  StartEvent,
  StepEvent,
  StreamCost,
} from "./train/events.ts";
export { fit } from "./train/fit.ts";
export type { Checkpoint, FitOptions, Snapshot } from "./train/fit-options.ts";
export type { FrozenFeatures } from "./train/frozen-features.ts";
export type { PreparedRun } from "./train/prepare.ts";
export type { TrainingProgress } from "./train/progress.ts";
export { compileModel } from "./train/steps.ts";
export type { PretrainedWeights } from "./train/weights.ts";
