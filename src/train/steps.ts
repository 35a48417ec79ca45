// From a model to the graphs of its steps: those of its phases, and those that only look.
import { fail } from "../base/errors.ts";
import type { Augmentation } from "../data/augment.ts";
import { streamOfInput } from "../data/batches.ts";
import { isInput, topological } from "../graph/tensor.ts";
import { type Batch, type BuiltModel, type DataSpec, isAdversarial } from "../models/model.ts";
import type { StateSpec } from "../nn/scope.ts";
import { type BatchUse, batchTensors, SOFT } from "../predict/batch.ts";
import { fittedOf, outputsOf } from "../predict/outputs.ts";
import type { StepGraph } from "../runtime/program.ts";
import { keepAverages, requireAverages } from "./averages.ts";
import type { CompiledModel } from "./compiled.ts";
import { declareHeads } from "./declared-heads.ts";
import { type FeaturePart, featureSpec, precomputed } from "./frozen-features.ts";
import { predictGraph, requireNames, VALIDATE } from "./graph-names.ts";
import { requireContinued, slotOwners } from "./groups.ts";
import { askedSteps, headSteps, trainingSteps, watchSteps } from "./head-steps.ts";
import { type PhaseStep, phaseStep, walkPhase } from "./phase-step.ts";
import { SAMPLES } from "./samples.ts";
import { solvedPaths } from "./solving.ts";
import { type ResolvedStream, resolveStreams } from "./stage-streams.ts";
import { requireStall } from "./stall.ts";
import { toldMetrics, validationMetrics } from "./validation-metrics.ts";

/** What of the graphs depends on the run. */
export interface CompileOptions extends Omit<BatchUse, "tables"> {
  /** Default: none. */
  readonly augmentation?: Augmentation;
  /** Path prefixes of parameters that are not trained. */
  readonly frozen?: readonly string[];
  /** Whether the pictures of the validation part have partners. Default: no. */
  readonly paired?: boolean;
  /** Decay of moving averages where a phase says none. Default 0.999. */
  readonly emaDecay?: number;
  /** Whether batches carry soft labels. Default: no. */
  readonly soft?: boolean;
  /** The frozen part whose features there are. */
  readonly features?: FeaturePart;
}

/** The graphs of a model for batches of `batchSize`. @throws `E_NAME` for phases and prefixes that do not fit the model */
export function compileModel(
  model: BuiltModel,
  data: DataSpec,
  batchSize: number,
  options: CompileOptions = {},
): CompiledModel {
  if (model.stages.length === 0) fail("E_NAME", "a model needs at least one stage to be trained");
  const { heads } = model;
  const { augmentation = {}, frozen = [], paired = false, features } = options;
  const streams = resolveStreams(model, batchSize, augmentation);
  requireNames(model, streams);
  const specs = new Map<string, StateSpec>();
  const steps = phaseSteps(model, data, streams, specs, options);
  declareHeads(model, data, batchSize, specs);
  const stages = model.stages.map((stage) => ({ stage, phases: stage.phases.map(({ name }) => steps.get(name)!) }));
  const possible = outputsOf(heads, paired);
  // Single pictures have nothing that a translation could be compared with.
  const metrics = validationMetrics(model).filter(({ needs }) => needs.every((name) => possible.includes(name)));
  const fitted = fittedOf(model);
  const needed = [...metrics, ...fitted].flatMap(({ needs }) => needs);
  needed.push(...fitted.flatMap(({ uses = [] }) => uses));
  const make = headSteps(heads, data, batchSize, specs, { paired, features });
  const validate = make(
    VALIDATE,
    possible.filter((name) => needed.includes(name)),
  );
  const moved = stages.map(
    ({ stage, phases }) =>
      new Set([...phases.flatMap(({ graph }) => [...graph.updates.keys()]), ...solvedPaths(stage, specs, frozen)]),
  );
  const told = toldMetrics(metrics, validate.graph.log, moved);
  return {
    stages: stages.map(({ stage, phases }, k) => ({
      stage,
      phases,
      streams: streams.filter(({ name }) => phases.some(({ graph }) => streamsOf(graph).has(name))),
      predictions: askedSteps(stage, heads, make),
      metrics: told[k]!,
    })),
    validate,
    training: trainingSteps(fitted, possible, make),
    samples: "sample" in heads ? make(predictGraph("sample"), ["sample"], SAMPLES) : undefined,
    translations:
      "translate" in heads && !("sample" in heads)
        ? headSteps(heads, data, batchSize, specs, { paired })(predictGraph("translation"), ["translation"])
        : undefined,
    watch: isAdversarial(model) ? watchSteps(steps.values(), heads, make) : undefined,
    metrics,
    fitted,
    specs,
  };
}

/** The step of each phase, by name; what they have in the state goes into `specs`. */
function phaseSteps(
  model: BuiltModel,
  data: DataSpec,
  streams: readonly ResolvedStream[],
  specs: Map<string, StateSpec>,
  options: CompileOptions,
): Map<string, PhaseStep> {
  const { frozen = [], emaDecay = 0.999, features } = options;
  const batches = batchesOf(streams, model, data, options);
  const isPlain = ({ views }: ResolvedStream) => Object.values(views)[0] === "plain";
  const ofStreams = (chosen: readonly ResolvedStream[]) => chosen.map(({ name }) => batches[name]!);
  const fed =
    features &&
    precomputed(features.path, {
      plain: ofStreams(streams.filter(isPlain)),
      changed: ofStreams(streams.filter((stream) => !isPlain(stream))),
    });
  const phases = model.stages.flatMap(({ phases }) => phases);
  const owners = slotOwners(phases);
  const shared = { frozen, emaDecay, precomputed: fed, watched: isAdversarial(model) };
  const walks = phases.map((phase) => walkPhase(phase, batches, specs, { ...shared, owner: owners.get(phase.name)! }));
  for (const walk of walks) requireContinued(walk, walks);
  const losses = walks.flatMap(({ phase, log }) => [...log.keys()].map((name) => `${phase.name}/${name}`));
  const tellsAll = !options.soft && streams.every(({ mixes }) => !mixes);
  for (const stage of model.stages) requireStall(stage, losses, tellsAll);
  const rates = keepAverages(walks, specs);
  for (const walk of walks) requireAverages(walk, walk.build.averaged, specs);
  return new Map(
    walks.map((walk) => {
      const { name } = walk.phase;
      const sharing = [...owners].flatMap(([other, owner]) => (owner === owners.get(name) ? [other] : []));
      return [name, phaseStep(walk, sharing, rates.get(name))];
    }),
  );
}

/** The batches of all streams as tensors, by name. */
function batchesOf(
  streams: readonly ResolvedStream[],
  model: BuiltModel,
  data: DataSpec,
  { classWeights, features, soft }: CompileOptions,
): Record<string, Batch> {
  const tables = {
    ...model.tables,
    ...(features ? featureSpec(features.shape) : {}),
    ...(soft ? { [SOFT]: { shape: [data.classes.length], fill: 0 } } : {}),
  };
  return Object.fromEntries(
    streams.map((stream) => [
      stream.name,
      batchTensors(stream, data, { classWeights, tables: stream.spec.second ? {} : tables }),
    ]),
  );
}

/** The streams that a step reads. */
function streamsOf({ updates, log }: StepGraph): Set<string> {
  const names = topological([...updates.values(), ...log.values()])
    .filter(isInput)
    .map(({ attrs }) => streamOfInput(attrs.name));
  return new Set(names.filter((name) => name !== undefined));
}
