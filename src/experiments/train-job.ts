// Trains the run of a job, or goes on with it, and says how good it is. What it says depends on the run folder alone, so that a job
// that was cut short at any moment gives, once it is done again, what it would have given.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../base/errors.ts";
import { type Dataset, fingerprint } from "../data/dataset.ts";
import { multiplyAdds } from "../graph/cost.ts";
import { simplify } from "../graph/simplify.ts";
import { argmax } from "../metrics/classification.ts";
import { findModel } from "../models/index.ts";
import { evaluate } from "../predict/evaluate.ts";
import { RunFolder } from "../run/folder.ts";
import { load } from "../run/load.ts";
import { openForModel } from "../run/open-data.ts";
import { planResume, planRun, resumeRun, startRun, type Training } from "../run/train.ts";
import type { Backend } from "../runtime/backend.ts";
import { chooseBackend } from "../runtime/choose.ts";
import type { EpochEvent, RunEvent } from "../train/events.ts";
import type { Rest, Trained, TrainJob } from "./job.ts";
import { refuseOtherTest } from "./same-test.ts";
import { requireTest } from "./source.ts";

/**
 * Does the job.
 * @param tell is called with what happens
 * @param stopped asked after every step: whether to stop, with all saved
 * @returns undefined where it was stopped
 */
export async function trainJob(
  job: TrainJob,
  tell: (event: RunEvent) => void,
  stopped: () => boolean,
): Promise<Trained | undefined> {
  const isNew = !existsSync(join(job.out, "config.json"));
  const call = { ...job.run, options: job.options };
  const options = isNew ? planRun(job.model, { ...call, out: job.out }).options : planResume(job.out, call);
  const { backend, notes } = chooseBackend({
    backend: job.backend,
    threads: options.threads,
    precision: options.precision,
  });
  for (const text of notes) process.emitWarning(text);
  // Models that are compared see the same pictures, whatever size each would ask for.
  const wishes = job.evaluates || !isNew ? {} : findModel(job.model);
  const { data, ...size } = await openForModel(job.source, options, wishes);
  if (job.evaluates) requireTest(job.source, data);
  if (job.testAs !== undefined) refuseOtherTest(job.testAs, await fingerprint(data), job.model);
  let resting = !isNew && isFarEnough(RunFolder.open(job.out).events(), job.rests);
  if (!resting) {
    const more = { ...call, data, backend, interrupted: () => resting || stopped() };
    const training: Training = await (isNew
      ? startRun(job.model, { ...more, ...size, source: job.source, out: job.out })
      : resumeRun(job.out, more));
    const epochs: RunEvent[] = [];
    for await (const event of training.events) {
      tell(event);
      if (event.type === "epoch") epochs.push(event);
      resting ||= isFarEnough(epochs, job.rests);
      if (event.type === "end" && event.reason === "interrupted" && !resting) return undefined;
    }
  }
  return described(job, data, backend);
}

/** Whether the epochs of a run are as many as it is to go for now. */
const isFarEnough = (events: readonly RunEvent[], rests: Rest | undefined): boolean =>
  rests !== undefined && events.some((event) => event.type === "epoch" && isLast(event, rests));

const isLast = (event: EpochEvent, rests: Rest): boolean =>
  "epochs" in rests ? event.epoch >= rests.epochs : event.seconds >= rests.seconds;

/** What the folder of a run tells of it. */
async function described(job: TrainJob, data: Dataset, backend: Backend): Promise<Trained> {
  const run = RunFolder.open(job.out);
  const events = run.events();
  const start = events.find((event) => event.type === "start");
  const all = events.filter((event) => event.type === "epoch");
  // A run that rests may have gone on for some steps, into the next epoch.
  const end = job.rests === undefined ? -1 : all.findIndex((event) => isLast(event, job.rests!));
  const epochs = end < 0 ? all : all.slice(0, end + 1);
  const chosen = epochs.findLast(({ best }) => best) ?? epochs.at(-1);
  const validation = Object.fromEntries(
    Object.entries(chosen?.metrics ?? {}).flatMap(([name, value]) =>
      name.startsWith("validation/") ? [[name.slice("validation/".length), value]] : [],
    ),
  );
  const last = events.findLast((event) => event.type === "end");
  const ended = last !== undefined && last.reason !== "interrupted";
  const model = findModel(job.model);
  const built = model.build(run.config.options, run.modelConfig(model).data);
  const [metric] = (built.best ?? []).filter((name) => validation[name] !== undefined);
  const info = start?.metrics.find(({ name }) => name === metric);
  return {
    ended,
    epochs: epochs.at(-1)?.epoch ?? 0,
    seconds: (ended ? last?.seconds : epochs.at(-1)?.seconds) ?? 0,
    labelled: start?.labelled ?? 0,
    parameters: start?.parameters ?? 0,
    validation,
    objective:
      info && metric !== undefined && info.better !== "neither"
        ? { metric, value: validation[metric]!, better: info.better }
        : undefined,
    peakBytes: peakBytes(),
    fingerprint: run.config.data.fingerprint,
    test: job.evaluates ? await tested(run, data, backend) : undefined,
  };
}

/** The one look at the test part. @throws `E_DATA_EMPTY` where none of its pictures has a label */
async function tested(run: RunFolder, data: Dataset, backend: Backend): Promise<Trained["test"]> {
  const model = await load(run.path, { backend });
  const found = await evaluate(model, data.test!, data.classes);
  const k = data.classes.length;
  if (!found.classification) fail("E_DATA_EMPTY", `no picture of the test part of ${data.name} has a label`);
  const { probabilities } = found.classification;
  const right = [...found.set.labels].flatMap((label, i) =>
    label < 0 ? [] : [argmax(probabilities, i * k, k) === label ? "1" : "0"],
  );
  const { output } = model.headGraph("classify", 1);
  await model.dispose();
  return {
    metrics: found.metrics,
    right: right.join(""),
    multiplyAdds: multiplyAdds(simplify([output])),
    modelBytes: statSync(run.file("model.onnx")).size,
  };
}

/**
 * Largest resident memory of this process so far. The counter of the system's resource usage is not it on Linux: there, a new process
 * begins with that of the one that started it.
 */
function peakBytes(): number {
  const file = "/proc/self/status";
  const kilobytes = existsSync(file) ? /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  return 1024 * Number(kilobytes ?? process.resourceUsage().maxRSS);
}
