import { describe, expect, it } from "vitest";
import { budgetShares, StagePlan } from "../../src/train/plan.ts";
import { newProgress, type TrainingProgress } from "../../src/train/progress.ts";

/** Takes steps of so many seconds until the plan ends, at most 10,000. */
function follow(plan: StagePlan, progress: TrainingProgress, secondsPerStep: number): void {
  while (progress.stage.step < plan.planned && progress.stage.step < 10_000) {
    progress.stage.step++;
    progress.seconds += secondsPerStep;
    plan.stepEnded(progress.seconds, 0);
  }
}

describe("the plan of a stage", () => {
  it("shares the budget in the ratio of the stages' shares", () => {
    const stage = (share?: number) => ({ share, phases: [] });
    expect(budgetShares([stage(), stage(3)])).toEqual([
      [0, 0.25],
      [0.25, 1],
    ]);
    expect(budgetShares([stage(), stage(), stage()]).at(-1)![1]).toBe(1);
  });

  it("in epochs takes its share of the steps", () => {
    const progress = newProgress();
    expect(new StagePlan(progress, { epochs: 4 }, [0.25, 1], 10).planned).toBe(30);
    expect(new StagePlan(newProgress(), { epochs: 1 }, [0, 0.01], 10).planned).toBe(1);
  });

  it("by the clock is planned after 20 timed steps, so that it ends when its time is over", () => {
    const progress = newProgress();
    const plan = new StagePlan(progress, { minutes: 1 }, [0, 1], 1000);
    expect(plan.progressAt(5)).toBe(0);
    // Until then its progress is the time that is over.
    progress.stage.step = 1;
    plan.stepEnded(6, 0);
    expect(plan.progressAt(1)).toBeCloseTo(0.1, 12);
    progress.stage.step = 0;
    follow(new StagePlan(progress, { minutes: 1 }, [0, 1], 1000), progress, 0.5);
    expect(progress.stage.step).toBe(120);
    expect(progress.seconds).toBe(60);
  });

  it("by the clock is planned anew at each epoch: a machine that slows down gets fewer steps, not more time", () => {
    const progress = newProgress();
    const plan = new StagePlan(progress, { minutes: 1 }, [0, 1], 25);
    for (let i = 0; i < 25; i++) {
      progress.stage.step++;
      progress.seconds += 0.5;
      plan.stepEnded(progress.seconds, 0);
    }
    follow(plan, progress, 1);
    // The epochs of 25 steps that are planned from the mean pace end within one slow epoch of the time.
    expect(progress.seconds).toBeGreaterThan(59);
    expect(progress.seconds).toBeLessThanOrEqual(61);
  });

  it("by the clock uses its time when its first steps are slow ones: they are timed again, twice as many each time", () => {
    const progress = newProgress();
    const plan = new StagePlan(progress, { minutes: 2 }, [0, 1], 100_000);
    // 40 steps of half a second, then ten times as fast: by the first 20 it would end after 40 s.
    for (let i = 0; i < 40; i++) {
      progress.stage.step++;
      progress.seconds += 0.5;
      plan.stepEnded(progress.seconds, 0);
    }
    follow(plan, progress, 0.05);
    expect(progress.seconds).toBeGreaterThan(119);
    expect(progress.seconds).toBeLessThanOrEqual(120.1);
    expect(progress.stage.step).toBeGreaterThan(2000);
  });

  it("by the clock ends a second stage at its own time, from its own pace", () => {
    const progress = newProgress();
    const first = new StagePlan(progress, { minutes: 1 }, [0, 0.5], 1000);
    follow(first, progress, 0.125);
    expect(progress.seconds).toBeCloseTo(30, 6);
    progress.stage = { index: 1, step: 0, planned: null, epochsBefore: 1 };
    const second = new StagePlan(progress, { minutes: 1 }, [0.5, 1], 1000);
    follow(second, progress, 0.25);
    expect(progress.seconds).toBeCloseTo(60, 6);
    expect(second.overall).toBe(1);
  });

  it("keeps what was planned when a run goes on, and plans anew for another budget", () => {
    const progress = newProgress();
    progress.stage.planned = 77;
    progress.budget = { epochs: null, minutes: 2 };
    expect(new StagePlan(progress, { minutes: 2 }, [0, 1], 10).planned).toBe(77);
    expect(new StagePlan(progress, { epochs: 9 }, [0, 1], 10).planned).toBe(90);
    progress.seconds = 61;
    progress.stage.step = 50;
    // Over its time already: it has ended.
    expect(new StagePlan(progress, { minutes: 1 }, [0, 1], 10).planned).toBe(50);
    expect(new StagePlan(progress, { minutes: 3 }, [0, 1], 10).planned).toBe(Number.POSITIVE_INFINITY);
  });

  it("that gets more time goes on from the time that is over, and does not begin its schedules again", () => {
    const progress = newProgress();
    Object.assign(progress, { seconds: 60, budget: { epochs: null, minutes: 1 } });
    Object.assign(progress.stage, { step: 500, planned: 500 });
    expect(new StagePlan(progress, { minutes: 2 }, [0, 1], 1000).progressAt(500)).toBe(0.5);
  });

  it("does not take back steps in flight", () => {
    const progress = newProgress();
    const plan = new StagePlan(progress, { minutes: 0.01 }, [0, 1], 1000);
    progress.stage.step = 1;
    plan.stepEnded(5, 1);
    expect(plan.planned).toBe(2);
  });
});
