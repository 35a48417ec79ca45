// From a model's phases to step graphs: forward, backward, optimizer and moving averages in one graph a phase.

import { sameShape } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { Augmentation } from "../data/augment.ts";
import { streamOfInput } from "../data/batches.ts";
import { grad } from "../graph/grad.ts";
import { STATE_PREFIX } from "../graph/names.ts";
import { input, isInput, type Tensor, topological } from "../graph/tensor.ts";
import type { FittedQuantity, Metric } from "../metrics/metric.ts";
import { applyHead, isAdversarial, requireHead, requireUsual, rowsOf } from "../models/heads.ts";
import type { Batch, BuiltModel, DataSpec, Phase, Stage } from "../models/model.ts";
import { zerosInit } from "../nn/init.ts";
import { applyOptimizer, clipByGlobalNorm, globalNorm, optimizerScalar, type Trained } from "../nn/optim.ts";
import { averagePath, Build, evaluatedPath, type StateSpec } from "../nn/scope.ts";
import { type BatchUse, batchTensors, plainBatch, SOFT } from "../predict/batch.ts";
import type { Step } from "../predict/feeds.ts";
import { fittedOf, metricsOf, outputsOf, outputTensors } from "../predict/outputs.ts";
import type { StepGraph } from "../runtime/program.ts";
import { GRADIENT_NORM } from "./alarms.ts";
import { type AverageRates, keepAverages, type StepsTaken, stepsOf } from "./averages.ts";
import { FEATURES, type FeatureBatches, precomputed } from "./frozen-features.ts";
import { pathsOf, requireContinued, slotOwners, type TrainedGroup, trainedGroups } from "./groups.ts";
import { SAMPLES } from "./samples.ts";
import { type ResolvedStream, resolveStreams } from "./stage-streams.ts";
import { requireStall } from "./stall.ts";
import { toldMetrics } from "./told-metrics.ts";

/** The training step of a phase. */
export interface PhaseStep extends Step {
  readonly phase: Phase;
  /**
   * Numbers that a step of the phase is fed.
   * @param taken steps that each phase has taken, by name, with this one
   */
  scalars(taken: StepsTaken, learningRate: number): Record<string, number>;
}

/** A stage with the graphs of its steps. */
export interface CompiledStage {
  readonly stage: Stage;
  readonly phases: readonly PhaseStep[];
  /** The streams that its phases read, in the order of the model; the first measures its epochs. */
  readonly streams: readonly ResolvedStream[];
  /** For each head that its refresh asks, the graph of its rows for a batch of plain pictures. */
  readonly predictions: ReadonlyMap<string, Step>;
  /** Those metrics that say something in this stage, as no network that they measure is trained later only. */
  readonly metrics: readonly Metric[];
}

/** Graphs that tell how an adversarial model trains; none changes the state. */
export interface WatchSteps {
  /** What the discriminator makes of a batch of plain pictures, with averaged weights. */
  readonly discriminate: Step;
  /** How much it moves with each of a batch of samples, `[n]`. */
  readonly slope: Step;
  /** By phase: its losses, as in training. */
  readonly losses: ReadonlyMap<string, Step>;
}

/** A model as graphs, ready to be compiled by a backend. */
export interface CompiledModel {
  /** In the order in which they are trained. */
  readonly stages: readonly CompiledStage[];
  /** Per-example outputs on a batch with averaged weights, for validation. */
  readonly validate: Step;
  /** What is fitted with the help of training pictures, and what it is given of these, as `validate`. */
  readonly training: readonly { readonly quantity: FittedQuantity; readonly step: Step }[];
  /** `SAMPLES` pictures of the head `sample`, with averaged weights, where the model has it. */
  readonly samples?: Step;
  /** What an adversarial model is watched by. */
  readonly watch?: WatchSteps;
  /** The metrics that are computed in validation. */
  readonly metrics: readonly Metric[];
  /** What is fitted on validation pictures. */
  readonly fitted: readonly FittedQuantity[];
  /** Everything that the state holds, with first values; averages are at `averagePath` of their parameter. */
  readonly specs: ReadonlyMap<string, StateSpec>;
}

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
  /** Features of a frozen part: its path, and the shape `[views, …]` that there is for a picture. */
  readonly features?: { readonly path: string; readonly shape: readonly number[] };
}

/** The graphs of a model for batches of `batchSize`. @throws `E_NAME` for phases and prefixes that do not fit the model */
export function compileModel(
  model: BuiltModel,
  data: DataSpec,
  batchSize: number,
  options: CompileOptions = {},
): CompiledModel {
  const { augmentation = {}, frozen = [], emaDecay = 0.999, paired = false, features } = options;
  if (model.stages.length === 0) fail("E_NAME", "a model needs at least one stage to be trained");
  const streams = resolveStreams(model, batchSize, augmentation);
  const featureSpec = (shape: readonly number[]) => ({ [FEATURES]: { shape, fill: 0 } });
  const tables = {
    ...model.tables,
    ...(features ? featureSpec(features.shape) : {}),
    ...(options.soft ? { [SOFT]: { shape: [data.classes.length], fill: 0 } } : {}),
  };
  const use = { classWeights: options.classWeights, tables };
  const batches = Object.fromEntries(
    streams.map((stream) => [
      stream.name,
      batchTensors(stream, data, stream.spec.second ? { ...use, tables: {} } : use),
    ]),
  );
  const isPlain = ({ views }: ResolvedStream) => Object.values(views)[0] === "plain";
  const batchesOf = (chosen: readonly ResolvedStream[]) => chosen.map(({ name }) => batches[name]!);
  const seen: FeatureBatches = {
    plain: batchesOf(streams.filter(isPlain)),
    changed: batchesOf(streams.filter((stream) => !isPlain(stream))),
  };
  const specs = new Map<string, StateSpec>();
  requireNames(model, streams);
  const watched = isAdversarial(model.heads);
  const phases = model.stages.flatMap(({ phases }) => phases);
  const owners = slotOwners(phases);
  const walks = phases.map((phase) =>
    walkPhase(phase, batches, specs, { frozen, emaDecay, features, seen, watched, owner: owners.get(phase.name)! }),
  );
  for (const walk of walks) requireContinued(walk, walks);
  const losses = walks.flatMap(({ phase, log }) => [...log.keys()].map((name) => `${phase.name}/${name}`));
  const tellsAll = !options.soft && streams.every(({ mixes }) => !mixes);
  for (const stage of model.stages) requireStall(stage, losses, tellsAll);
  const rates = keepAverages(walks, specs);
  const steps = new Map(
    walks.map((walk) => {
      const { name } = walk.phase;
      const sharing = [...owners].flatMap(([other, owner]) => (owner === owners.get(name) ? [other] : []));
      return [name, phaseStep(walk, sharing, rates.get(name))];
    }),
  );
  const stages = model.stages.map((stage) => ({
    stage,
    phases: stage.phases.map(({ name }) => steps.get(name)!),
  }));
  declareHeads(model, data, batchSize, specs);
  for (const { phase, build, decay, groups } of walks) {
    for (const path of build.averaged)
      if (!specs.has(averagePath(path)))
        fail(
          "E_NAME",
          `phase "${phase.name}" reads the moving average of "${path}", which no phase keeps: see emaDecay`,
        );
    if (decay !== undefined) continue;
    // The average would stand still while the parameter moves, and the average is what is evaluated.
    const still = pathsOf(groups).find((path) => specs.has(averagePath(path)));
    if (still !== undefined)
      fail(
        "E_NAME",
        `phase "${phase.name}" moves "${still}" and keeps no average of it, another phase does; give both the same emaDecay`,
      );
  }
  const possible = outputsOf(model.heads, paired);
  // Single pictures have nothing that a translation could be compared with.
  const metrics = validationMetrics(model).filter(({ needs }) => needs.every((name) => possible.includes(name)));
  const fitted = fittedOf(model);
  const needed = [...metrics, ...fitted].flatMap(({ needs }) => needs);
  needed.push(...fitted.flatMap(({ uses = [] }) => uses));
  const outputs = possible.filter((name) => needed.includes(name));
  const plainUse = { paired, tables: features && featureSpec([1, ...features.shape.slice(1)]) };
  const predictStep = (name: string, names: readonly string[], n = batchSize): Step => {
    const batch = plainBatch(n, data, plainUse);
    const build = new Build(false, {
      bind: bindEvaluated(specs),
      precomputed: features && precomputed(features.path, { plain: [batch], changed: [] }),
    });
    const log = outputTensors(model.heads, names, build.root, batch);
    return { graph: { name, updates: new Map(), log }, noises: build.noises, annealed: build.annealed };
  };
  const validate = predictStep(VALIDATE, outputs);
  const training = fitted.flatMap((quantity) => {
    const { needs = [], uses = [] } = quantity.ofTraining ?? {};
    if (needs.length === 0 || !needs.every((name) => possible.includes(name))) return [];
    const asked = [...needs, ...uses.filter((name) => possible.includes(name))];
    return [{ quantity, step: predictStep(trainingGraph(quantity.name), asked) }];
  });
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
      predictions: new Map(
        [...(stage.refresh?.heads ?? []), ...(stage.solve?.heads ?? [])].map((head) => {
          const { takes } = requireHead(model.heads, head);
          if (takes.join() !== "picture")
            fail("E_HEAD", `a stage can ask heads of pictures alone; "${head}" takes ${takes.join(", ")}`);
          return [head, predictStep(predictGraph(head), [head])];
        }),
      ),
      metrics: told[k]!,
    })),
    validate,
    training,
    samples: "sample" in model.heads ? predictStep(predictGraph("sample"), ["sample"], SAMPLES) : undefined,
    watch: watched ? watchSteps(stages, predictStep) : undefined,
    metrics,
    fitted,
    specs,
  };
}

/**
 * The paths that a stage solves.
 * @throws `E_NAME` for a stage with phases beside, or prefixes that no head has; `E_OPTION` where some of them are frozen
 */
function solvedPaths(
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

function watchSteps(
  stages: readonly { readonly phases: readonly PhaseStep[] }[],
  predictStep: (name: string, outputs: readonly string[]) => Step,
): WatchSteps {
  const losses = stages
    .flatMap(({ phases }) => phases)
    .map(({ phase, graph, ...step }): [string, Step] => {
      const log = new Map([...graph.log].filter(([name]) => name !== GRADIENT_NORM));
      return [phase.name, { ...step, graph: { name: watchGraph(phase.name), updates: new Map(), log } }];
    })
    // A phase may report nothing.
    .filter(([, { graph }]) => graph.log.size > 0);
  return {
    discriminate: predictStep(predictGraph("discriminate"), ["discriminate"]),
    slope: predictStep(predictGraph("sampleSlope"), ["sampleSlope"]),
    losses: new Map(losses),
  };
}

/** The metrics that validation computes: slow ones only where the best checkpoint is chosen by them, or to watch a model. */
export function validationMetrics(model: BuiltModel): Metric[] {
  const { best: chosenBy = [], bestKeeps = {} } = model;
  const best = [...chosenBy, ...Object.keys(bestKeeps)];
  const possible = metricsOf(model);
  const watched = isAdversarial(model.heads);
  for (const name of best)
    if (!possible.some((metric) => metric.name === name))
      fail(
        "E_NAME",
        `the model chooses its best checkpoint by "${name}", which its heads do not give; they give ${possible.map(({ name }) => name).join(", ")}`,
      );
  // How samples are is watched; what a classifier is like in detail is told at the end.
  const shows = ({ name, slow, needs }: Metric) =>
    !slow || best.includes(name) || (watched && needs.includes("sampleThumbnail"));
  return possible.filter((metric) => !metric.afterFitting && shows(metric));
}

/** Binds parameters to what they are evaluated with. */
const bindEvaluated =
  (specs: ReadonlyMap<string, StateSpec>) =>
  (path: string, { shape }: StateSpec): Tensor =>
    input(STATE_PREFIX + evaluatedPath(path, specs), shape);

/**
 * Adds what only heads have to the state.
 * @throws `E_HEAD` for a head that does not give what it says, or takes other things than its name promises
 */
function declareHeads(
  { heads, latentSize }: BuiltModel,
  data: DataSpec,
  n: number,
  specs: Map<string, StateSpec>,
): void {
  const { x } = plainBatch(n, data);
  const inputs = {
    picture: x,
    second: x,
    ...(latentSize === undefined ? {} : { latent: input("latent", [n, latentSize]) }),
    label: input("label", [n], "int32"),
  };
  const build = new Build(false);
  for (const [name, head] of Object.entries(heads)) {
    requireUsual(name, head);
    const { shape } = applyHead(head, build.root, n, inputs);
    const expected = rowsOf(name, head.gives, data, latentSize);
    if (expected ? !sameShape(shape, [n, ...expected]) : shape[0] !== n)
      fail(
        "E_HEAD",
        `the head "${name}" gives ${head.gives}, so rows of [${expected ?? "…"}] for ${n} examples; it gave [${shape}]`,
      );
  }
  for (const [path, spec] of build.state) if (!specs.has(path)) specs.set(path, spec);
}

/** A phase whose loss has been walked, with its optimizer's part of a step: what its step is made of. */
interface Walk {
  readonly phase: Phase;
  readonly build: Build;
  readonly groups: readonly TrainedGroup[];
  /** Decay of the averages that it keeps; absent: it keeps none. */
  readonly decay?: number;
  /** New values of the state by path. */
  readonly updates: Map<string, Tensor>;
  readonly log: ReadonlyMap<string, Tensor>;
}

/** What of a walk depends on the run. */
interface WalkOptions extends Required<Pick<CompileOptions, "frozen" | "emaDecay">>, Pick<CompileOptions, "features"> {
  /** Batches whose features are there. */
  readonly seen: FeatureBatches;
  /** Whether the norm of its gradients is told. */
  readonly watched: boolean;
  /** The phase by whose name its slots go. */
  readonly owner: string;
}

function walkPhase(
  phase: Phase,
  batches: Readonly<Record<string, Batch>>,
  specs: Map<string, StateSpec>,
  { frozen, emaDecay, features, seen, watched, owner }: WalkOptions,
): Walk {
  const build = new Build(true, {
    frozen,
    precomputed: features && precomputed(features.path, seen),
  });
  const { loss, log } = phase.loss(build.root, Object.values(batches)[0]!, batches);
  const groups = trainedGroups(phase, build, owner);
  const parameters = groups.flatMap(({ parameters }) => parameters);
  if (parameters.length === 0)
    fail("E_OPTION", `phase "${phase.name}" has nothing to train: all that it moves is frozen; freeze less`);
  const raw = grad(
    loss,
    parameters.map(([, tensor]) => tensor),
  );
  const gradients = phase.clip ? clipByGlobalNorm(raw, phase.clip) : raw;
  const slot = (path: string, shape: readonly number[]) => {
    specs.set(path, { shape, init: zerosInit, trainable: false });
    return input(STATE_PREFIX + path, shape);
  };
  const updates = new Map<string, Tensor>();
  let taken = 0;
  for (const { owner, optimizer, parameters } of groups) {
    const trained = parameters.map(
      ([path, parameter]): Trained => ({ path, parameter, gradient: gradients[taken++]! }),
    );
    for (const [path, value] of applyOptimizer(owner, optimizer, trained, slot)) updates.set(path, value);
  }
  for (const [path, spec] of build.state) specs.set(path, spec);
  // Statistics of a network that another phase moves are that phase's: they would be taken twice a step, of other pictures.
  const prefixes = phase.updates.map((update) => (typeof update === "string" ? update : update.prefix));
  for (const [path, value] of build.assigned)
    if (!build.isFrozen(path) && prefixes.some((prefix) => path.startsWith(prefix))) updates.set(path, value);
  const { emaDecay: decay = emaDecay } = phase;
  return {
    ...{ phase, build, groups, updates },
    ...(decay === "none" ? {} : { decay }),
    log: new Map([...Object.entries(log), ...(watched ? [[GRADIENT_NORM, globalNorm(raw)] as const] : [])]),
  };
}

/**
 * The step of a phase.
 * @param sharing the phases that move its slots, itself among them: an optimizer's step number is that of its slots
 * @param rates those of the averages that it keeps
 */
function phaseStep(
  { phase, build, groups, updates, log }: Walk,
  sharing: readonly string[],
  rates: AverageRates | undefined,
): PhaseStep {
  return {
    phase,
    graph: { name: phase.name, updates, log },
    noises: build.noises,
    annealed: build.annealed,
    scalars(taken, learningRate) {
      const scalars: Record<string, number> = { ...rates?.(taken) };
      const step = stepsOf(sharing, taken);
      for (const { owner, optimizer, rateScale, decayScale } of groups) {
        const own = optimizer.scalars({ step, learningRate: learningRate * rateScale, decayScale });
        for (const [name, value] of Object.entries(own)) scalars[optimizerScalar(owner, name)] = value;
      }
      return scalars;
    },
  };
}

/** The streams that a step reads. */
function streamsOf({ updates, log }: StepGraph): Set<string> {
  const names = topological([...updates.values(), ...log.values()])
    .filter(isInput)
    .map(({ attrs }) => streamOfInput(attrs.name));
  return new Set(names.filter((name) => name !== undefined));
}

/** Names of graphs beside those of phases. */
const VALIDATE = "validate";
const predictGraph = (head: string) => `predict ${head}`;
const trainingGraph = (quantity: string) => `fit ${quantity}`;
const watchGraph = (what: string) => `watch ${what}`;

/** @throws `E_NAME` for two phases or streams that could not be told apart, or a name that is taken */
function requireNames({ stages }: BuiltModel, streams: readonly ResolvedStream[]): void {
  const phases = stages.flatMap(({ phases }) => phases.map(({ name }) => name));
  const twice = phases.find((name, i) => phases.indexOf(name) !== i);
  if (twice !== undefined) fail("E_NAME", `two phases are called "${twice}"; give each a name of its own`);
  const taken = phases.find(
    (name) =>
      name === VALIDATE || [predictGraph, trainingGraph, watchGraph].some((graph) => name.startsWith(graph(""))),
  );
  if (taken !== undefined) fail("E_NAME", `a phase cannot be called "${taken}": that is a graph of the loop's own`);
  const slashed = streams
    .flatMap(({ name, views }) => [name, ...Object.keys(views)])
    .find((name) => name.includes("/"));
  if (slashed !== undefined) fail("E_NAME", `"${slashed}": names of streams and views have no "/"`);
}
