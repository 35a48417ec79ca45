// Steps that train nothing: what the averaged model makes of plain pictures, and what an adversarial one is watched by.
import { fail } from "../base/errors.ts";
import { STATE_PREFIX } from "../graph/names.ts";
import { input } from "../graph/tensor.ts";
import type { FittedQuantity } from "../metrics/metric.ts";
import { type Heads, judgesSamples, requireHead } from "../models/heads.ts";
import type { DataSpec, Stage } from "../models/model.ts";
import { Build, evaluatedPath, type StateSpec } from "../nn/scope.ts";
import { type PlainUse, plainBatch } from "../predict/batch.ts";
import type { Step } from "../predict/feeds.ts";
import { outputTensors } from "../predict/outputs.ts";
import { GRADIENT_NORM } from "./alarms.ts";
import type { CompiledModel, WatchSteps } from "./compiled.ts";
import { type FeaturePart, featureSpec, precomputed } from "./frozen-features.ts";
import { predictGraph, trainingGraph, watchGraph } from "./graph-names.ts";
import type { PhaseStep } from "./phase-step.ts";

/** Makes the step of a graph of this name that gives outputs of a batch of plain pictures, as large as those of training or `n`. */
export type MakeHeadStep = (name: string, outputs: readonly string[], n?: number) => Step;

/** Such steps of a model whose state is `specs`: with averages of the parameters that have them. */
export function headSteps(
  heads: Heads,
  data: DataSpec,
  batchSize: number,
  specs: ReadonlyMap<string, StateSpec>,
  { paired, features }: Pick<PlainUse, "paired"> & { readonly features?: FeaturePart },
): MakeHeadStep {
  const use = { paired, tables: features && featureSpec([1, ...features.shape.slice(1)]) };
  return (name, outputs, n = batchSize) => {
    const batch = plainBatch(n, data, use);
    const build = new Build(false, {
      bind: (path, { shape }) => input(STATE_PREFIX + evaluatedPath(path, specs), shape),
      precomputed: features && precomputed(features.path, { plain: [batch], changed: [] }),
    });
    const log = outputTensors(heads, outputs, build.root, batch);
    return { graph: { name, updates: new Map(), log }, noises: build.noises, annealed: build.annealed };
  };
}

/** For each head that a stage asks, its step. @throws `E_HEAD` for a head that the model lacks, or of more than pictures */
export function askedSteps({ refresh, solve }: Stage, heads: Heads, make: MakeHeadStep): Map<string, Step> {
  return new Map(
    [...(refresh?.heads ?? []), ...(solve?.heads ?? [])].map((head) => {
      const { takes } = requireHead(heads, head);
      if (takes.join() !== "picture")
        fail("E_HEAD", `a stage can ask heads of pictures alone; "${head}" takes ${takes.join(", ")}`);
      return [head, make(predictGraph(head), [head])];
    }),
  );
}

/** What fitted quantities take of training pictures, where the model gives it: `possible` are its outputs. */
export function trainingSteps(
  fitted: readonly FittedQuantity[],
  possible: readonly string[],
  make: MakeHeadStep,
): CompiledModel["training"] {
  return fitted.flatMap((quantity) => {
    const { needs = [], uses = [] } = quantity.ofTraining ?? {};
    if (needs.length === 0 || !needs.every((name) => possible.includes(name))) return [];
    const asked = [...needs, ...uses.filter((name) => possible.includes(name))];
    return [{ quantity, step: make(trainingGraph(quantity.name), asked) }];
  });
}

/** What an adversarial model is watched by. */
export function watchSteps(phases: Iterable<PhaseStep>, heads: Heads, make: MakeHeadStep): WatchSteps {
  const losses = [...phases]
    .map(({ phase, graph, ...step }): [string, Step] => {
      const log = new Map([...graph.log].filter(([name]) => name !== GRADIENT_NORM));
      return [phase.name, { ...step, graph: { name: watchGraph(phase.name), updates: new Map(), log } }];
    })
    // A phase may report nothing.
    .filter(([, { graph }]) => graph.log.size > 0);
  const judgement = judgesSamples(heads)
    ? {
        discriminate: make(predictGraph("discriminate"), ["discriminate"]),
        slope: make(predictGraph("sampleSlope"), ["sampleSlope"]),
      }
    : undefined;
  return { judgement, losses: new Map(losses) };
}
