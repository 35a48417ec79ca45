// Trains, evaluates and reports one of the runs of `kills.ts` in a process of its own, which a kill ends with SIGKILL, as a power
// cut would. The clock is one of steps, so that runs by the minute repeat too.
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withLabels, withValidation } from "../../src/data/splits.ts";
import { findModel } from "../../src/models/index.ts";
import { evaluate, load, nativeBackend, onednnBackend, open } from "../../src/node.ts";
import { writeReport } from "../../src/run/report.ts";
import { resumeRun, startRun } from "../../src/run/train.ts";
import { twoStages } from "../train/two-stages.ts";
import { withFault } from "./faults.ts";
import { KILLED_RUNS, type Kill, PICTURES, SECONDS_A_STEP, shardsBeside } from "./kills.ts";

const [out, mode, backendName, runName, killText] = process.argv.slice(2) as [string, string, string, string, string];
const kill: Kill = JSON.parse(killText);
const { model: modelName, options, labels, streamed, ...call } = KILLED_RUNS[runName]!;

const die = () => process.kill(process.pid, "SIGKILL");
const dieIn = (milliseconds: number) => (milliseconds === 0 ? die() : setTimeout(die, milliseconds));
let steps = 0;
performance.now = () => 1000 * SECONDS_A_STEP * steps;

async function train(): Promise<void> {
  const model = modelName === twoStages.name ? twoStages : findModel(modelName);
  const backend = backendName === "onednn" ? onednnBackend() : nativeBackend();
  const whole = streamed ? await open(shardsBeside(out), { memory: 1000 }) : withValidation(glyphs(PICTURES), 0.1, 0);
  const data = labels === undefined ? whole : withLabels(whole, labels, 0);
  const { run, events } =
    mode === "resume"
      ? await resumeRun(out, { data, backend, model })
      : await startRun(model, { ...call, data, backend, out, batch: 32, seed: 4, options });
  for await (const event of events) {
    if (event.type === "step") {
      steps++;
      if (kill.at === "step" && event.step === kill.step) dieIn(kill.milliseconds);
    }
    if (event.type === "end" && kill.at === "report") dieIn(kill.milliseconds);
  }
  const trained = await load(run.path, { backend, model });
  await writeReport(run, trained, data.train, "test", await evaluate(trained, data.test!, data.classes), (line) =>
    process.stderr.write(`${line}\n`),
  );
  await trained.dispose();
}

const { thrown } = await withFault("killed", kill.at === "call" ? kill.call : 0, train);
if (thrown !== undefined) throw thrown;
