// The only training loop. An async generator of events; leaving it stops training after the steps in flight.
import { breath, now } from "../base/clock.ts";
import type { Added } from "../data/dataset.ts";
import { OWN_ALONE_FROM } from "../data/streams.ts";
import { Program } from "../runtime/program.ts";
import { graphsOf } from "./compiled.ts";
import type { EndEvent, RunEvent } from "./events.ts";
import type { FitOptions } from "./fit-options.ts";
import { featureTable, firstViews } from "./frozen-features.ts";
import { Pipeline } from "./pipeline.ts";
import { budgetShares, StagePlan } from "./plan.ts";
import { type PreparedRun, prepare } from "./prepare.ts";
import { Refresher } from "./refresh.ts";
import { Solving } from "./solving.ts";
import { type EarlyEnd, TrainingRun } from "./training-run.ts";
import { Validator } from "./validate.ts";
import { Watch } from "./watch.ts";

/** How often it is told how far a solve is, and asked whether it shall go on. */
const TOLD_SECONDS = 0.1;

/**
 * Trains a model and yields what happens.
 * @param prepared what `prepare` made of the same options, where it has been done
 * @throws as `prepare`; `E_NAN` when a loss, a weight or an output on validation pictures stops being finite
 */
export async function* fit(options: FitOptions, prepared?: PreparedRun): AsyncGenerator<RunEvent, void> {
  const { data, seed, batch } = options;
  const ready = prepared ?? (await prepare(options));
  const { compiled, state, loaded } = ready;
  const program = await Program.create(options.backend, graphsOf(compiled), state);
  try {
    const validation = featureTable(options.features?.validation);
    const train = featureTable(firstViews(options.features?.train));
    const validator = await Validator.create(program, compiled, data, seed, batch, { validation, train });
    const watch = await Watch.create(program, compiled, options);
    yield* stages(new TrainingRun(options, ready, program, validator, watch), loaded);
  } finally {
    await program.dispose();
  }
}

/** The stages in order, from where the run stands. @param loaded what it began with, for people */
async function* stages(run: TrainingRun, loaded: string | undefined): AsyncGenerator<RunEvent, void> {
  const { options, progress } = run;
  const { stages } = run.compiled;
  const { added } = options.data.train;
  const shares = budgetShares(stages.map(({ stage }) => stage));
  yield run.startEvent();
  if (loaded) yield run.note(loaded);
  if (added && progress.step === 0) yield run.note(addedNote(added));
  if (progress.step === 0) await run.begin();
  let reason: EndEvent["reason"] = run.reachedGoal() ?? "planned";
  while (reason === "planned") {
    const { index } = progress.stage;
    const { stage } = run.stage;
    const plan = stage.solve ? undefined : new StagePlan(progress, options, shares[index]!, run.streams.stepsPerEpoch);
    const stall = run.stalled();
    if (stall) yield run.note(stall.text);
    if (stall?.isAnew) await run.beginAnew();
    if (stages.length > 1 && progress.stage.step === 0)
      yield run.note(`stage ${index + 1} of ${stages.length}${stage.name ? `: ${stage.name}` : ""}`);
    reason = (yield* plan ? steps(run, plan) : solve(run)) ?? "planned";
    // It got nowhere.
    if (reason === "planned" && progress.stage.step < progress.stage.planned!) continue;
    run.countCosts();
    if (reason !== "planned" || run.isLastStage) break;
    run.nextStage();
  }
  yield run.endEvent(reason);
}

/** The steps of one stage, from where it stands to its end or to where it got nowhere. @returns why the run ends with it, if it does */
async function* steps(run: TrainingRun, plan: StagePlan): AsyncGenerator<RunEvent, EarlyEnd | undefined> {
  const { options, progress, program, stage, streams } = run;
  const pipeline = new Pipeline(program, stage.phases, streams, plan, options.seed, progress);
  const reason = yield* piped(run, plan, pipeline);
  // Here nothing is in flight. What fails leaves its noise to the program.
  pipeline.dispose();
  return reason;
}

async function* piped(
  run: TrainingRun,
  plan: StagePlan,
  pipeline: Pipeline,
): AsyncGenerator<RunEvent, EarlyEnd | undefined> {
  const { progress, streams, tables } = run;
  const { data, seed, interrupted, saveSeconds = 60 } = run.options;
  // Where the stage stands; `run.stage` is what it is.
  const { stage: place } = progress;
  const asked = run.askedHeads();
  const refresher = new Refresher(run.stage, place.index, asked, data.train, tables, seed, streams.stepsPerEpoch);
  const endsBefore = (step: number) => plan.isBoundary(step) || refresher.isDue(step);
  let [stopping, saving] = [false, false];
  /** No more steps are begun until the state has been used. */
  let held = true;
  for (;;) {
    if (held && pipeline.length === 0 && place.step < plan.planned) {
      if (refresher.isDue(place.step)) {
        for (const text of await refresher.run(place.step, plan.progressAt(place.step))) yield run.note(text);
        streams.forget();
      }
      held = false;
    }
    if (!held) pipeline.fill(place.step, endsBefore);
    if (pipeline.length === 0) return undefined;
    const result = await pipeline.next();
    const epoch = plan.epochOf(place.step);
    run.stepEnded(result);
    plan.stepEnded(run.elapsed, pipeline.length);
    const validates = plan.isBoundary(place.step);
    stopping ||= interrupted?.() ?? false;
    saving ||= run.secondsSinceSaved > saveSeconds;
    held = validates || stopping || saving || refresher.isDue(place.step);
    // The next steps are computed while this one is told of.
    if (!held) pipeline.fill(place.step, endsBefore);
    const seconds = run.elapsed;
    const pace = plan.pace(seconds);
    yield {
      type: "step",
      step: progress.step,
      epoch,
      progress: plan.overall,
      seconds,
      remaining: plan.remaining(seconds),
      imagesPerSecond: pace > 0 ? streams.size / pace : 0,
      losses: result.losses,
      learningRate: result.learningRate,
    };
    if (!held || pipeline.length > 0) continue;
    if (validates) {
      yield* run.endEpoch(epoch, place.step >= plan.planned, stopping);
      const goal = run.reachedGoal();
      if (goal) return goal;
      if (!stopping && run.stalled()) return undefined;
    } else if (stopping || saving) await run.saveBetween(stopping);
    // Whoever stops a run after its last step has not cut it short.
    if (stopping && place.step < plan.planned) return "interrupted";
    saving = false;
  }
}

/** A stage that is solved and not stepped: its one step is done, or it has not begun. @returns as `steps` */
async function* solve(run: TrainingRun): AsyncGenerator<RunEvent, EarlyEnd | undefined> {
  const { compiled, options, progress, program } = run;
  const { stage: place } = progress;
  if (place.step > 0) return undefined;
  const solving = new Solving(run.stage.stage.solve!, place.index, options, run.askedHeads());
  const running = solving.run();
  let told = 0;
  for (let next = await running.next(); ; next = await running.next()) {
    for (const text of solving.newNotes()) yield run.note(text);
    if (next.done) {
      solving.write(next.value, compiled.specs, program);
      break;
    }
    if (now() - told < TOLD_SECONDS) continue;
    await breath();
    if (options.interrupted?.()) {
      await running.return(undefined as never);
      return "interrupted";
    }
    told = now();
    yield { type: "solve", step: progress.step + 1, seconds: run.elapsed, ...next.value };
  }
  solving.count(progress.seen);
  progress.step++;
  place.step = place.planned = 1;
  yield* run.endEpoch(place.epochsBefore + 1, true, false);
  return run.reachedGoal();
}

/** What part added pictures have in training, for people. */
const addedNote = ({ count, share }: Added): string =>
  `${count} added pictures take ${Number((100 * share).toPrecision(3))} % of each batch, and nothing of the last ${Math.round(100 * (1 - OWN_ALONE_FROM))} % of the steps`;
