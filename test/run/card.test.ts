// metrics.json and the model card of a run: when they are written, by whom, and that names of any kind stay text.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Interval } from "../../src/metrics/intervals.ts";
import type { MetricInfo } from "../../src/metrics/metric.ts";
import { evaluate, withFindings } from "../../src/predict/evaluate.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import { cardModel, modelCard, plain } from "../../src/run/card.ts";
import { readFigures } from "../../src/run/figures.ts";
import type { RunFolder } from "../../src/run/folder.ts";
import { recordEvaluation } from "../../src/run/record.ts";
import { backend, data, finish, model, resume, start } from "./small-run.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-card-"));
afterAll(() => rmSync(root, { recursive: true }));

const text = (run: RunFolder, file: string) => readFileSync(run.file(file), "utf8");
const trainedOf = (run: RunFolder) => new TrainedModel(run.modelConfig(model), run.weights(), backend, model);

describe("a run", () => {
  let run: RunFolder;
  let trained: TrainedModel;
  const lines: string[] = [];
  const record = async (part: string) => {
    const found = await evaluate(trained, data.validation!, data.classes);
    await recordEvaluation(run, trained, part, found, (line) => lines.push(line), model);
    return found;
  };
  beforeAll(async () => {
    const training = await start(join(root, "run"));
    run = training.run;
    await finish(training);
    trained = trainedOf(run);
  });
  afterAll(() => trained.dispose());

  it("has the validation metrics of its best checkpoint when it ends", () => {
    const best = run.events().findLast((event) => event.type === "epoch" && event.best);
    if (best?.type !== "epoch") throw new Error("no best epoch");
    const { training, parts } = readFigures(run)!;
    expect(training).toMatchObject({ reason: "planned", epoch: 2, step: 4 });
    expect(parts.validation).toMatchObject({ pictures: data.validation!.labels.length, ofTraining: true });
    expect(parts.validation!.metrics.nll).toBe(best.metrics["validation/nll"]);
    expect(text(run, "MODEL_CARD.md")).toContain("### validation, 3 pictures, as training told it");
  });

  it("gets what is evaluated, with intervals and classes", async () => {
    const { metrics, intervals, classification } = await record("test");
    expect(readFigures(run)!.parts.test).toEqual({
      pictures: 3,
      metrics: Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value))),
      intervals,
      classes: classification!.classes,
    });
    expect(Object.keys(readFigures(run)!.parts)).toEqual(["validation", "test"]);
    expect(text(run, "MODEL_CARD.md")).toContain("### test, 3 pictures");
    expect(lines).toEqual([]);
  });

  it("keeps what an earlier evaluation looked for, and none of what the new one looked for and did not find", async () => {
    const info: MetricInfo = { name: "tilt", title: "tilt of pictures", better: "lower", unit: "degrees" };
    const found = await evaluate(trained, data.validation!, data.classes);
    const withTilt = (value: number | undefined, interval?: Interval) =>
      recordEvaluation(run, trained, "test", withFindings(found, [{ info, value, interval }]), () => {}, model);
    const tilt = () => {
      const { metrics, intervals } = readFigures(run)!.parts.test!;
      return [metrics.tilt, intervals?.tilt];
    };
    await withTilt(4, [3, 5]);
    expect(text(run, "MODEL_CARD.md")).toContain("4 degrees");
    await record("test");
    expect(tilt()).toEqual([4, [3, 5]]);
    await withTilt(2);
    expect(tilt()).toEqual([2, undefined]);
    await withTilt(undefined);
    expect(tilt()).toEqual([undefined, undefined]);
  });

  it("keeps a card that somebody has edited, and says so", async () => {
    const edited = text(run, "MODEL_CARD.md").replace("license: unknown", "license: apache-2.0");
    writeFileSync(run.file("MODEL_CARD.md"), edited);
    await record("train");
    expect(text(run, "MODEL_CARD.md")).toBe(edited);
    expect(lines).toEqual([expect.stringMatching(/was edited and stays as it is/)]);
    rmSync(run.file("MODEL_CARD.md"));
    await record("train");
    expect(text(run, "MODEL_CARD.md")).toContain("### train, 3 pictures");
  });

  it("that goes on has the figures of its new end alone", async () => {
    await finish(await resume(run.path, { epochs: 3 }));
    expect(Object.keys(readFigures(run)!.parts)).toEqual(["validation"]);
    expect(readFigures(run)!.training.epoch).toBe(3);
  });

  it("that goes on and is left keeps no figures of its earlier weights, and none of an evaluation", async () => {
    await record("test");
    const { events } = await resume(run.path, { epochs: 6 });
    for await (const event of events) if (event.type === "epoch" && event.epoch === 5) break;
    await record("test");
    expect(existsSync(run.file("metrics.json"))).toBe(false);
    await finish(await resume(run.path));
    expect(Object.keys(readFigures(run)!.parts)).toEqual(["validation"]);
  });

  it("tells nothing of who trained it", () => {
    for (const file of ["metrics.json", "MODEL_CARD.md"]) {
      expect(text(run, file)).not.toContain(hostname());
      expect(text(run, file)).not.toContain(root);
    }
  });
});

it("a run that has not ended keeps nothing of an evaluation", async () => {
  const { run, events } = await start(join(root, "begun"));
  for await (const event of events) if (event.type === "epoch" && event.epoch === 2) break;
  const trained = trainedOf(run);
  const found = await evaluate(trained, data.validation!, data.classes);
  await recordEvaluation(run, trained, "test", found, () => {}, model);
  expect(existsSync(run.file("metrics.json"))).toBe(false);
  await trained.dispose();
});

it("a metrics.json that is none is taken for none", () => {
  const run = { file: (...parts: string[]) => join(root, ...parts) };
  writeFileSync(join(root, "metrics.json"), '{"parts":[]}');
  expect(readFigures(run)).toBeUndefined();
});

describe("the text of a card", () => {
  const HOSTILE = "</script><img onerror=x>|`a`\n# head";
  const machine = { processor: "P", cores: 2, memoryGiB: 4, system: "linux x64", node: "v20" };
  const training = { reason: "planned", ended: "2026-01-02T03:04:05.000Z", epoch: 1, step: 4, seconds: 60 };
  const cardOf = async (classes: string[], name = "data", source = "data", evaluated = "test") => {
    const { run } = await start(mkdtempSync(join(root, "text-")));
    // A model of the list, so that there is a command that trains it.
    const config = { ...run.config, model: "vae", options: {}, data: { ...run.config.data, classes, name, source } };
    const part = { pictures: 3, metrics: { accuracy: 0.5 }, intervals: { accuracy: [0.1, 0.9] as const } };
    const scores = { precision: 0, recall: 0, f1: 0, support: 1 };
    const found = { ...part, classes: classes.map((c) => ({ name: c, ...scores })) };
    const trained = { heads: { classify: {} }, metrics: [] } as unknown as TrainedModel;
    return modelCard(config, cardModel("small", trained, model), { training, machine, parts: { [evaluated]: found } });
  };

  it("has the front matter that Hugging Face reads", async () => {
    const [, front] = (await cardOf(["a", "b"])).split("---\n");
    for (const line of [
      "library_name: genclass",
      "pipeline_tag: image-classification",
      "model-index:",
      '  - name: "vae-data"',
      "      - task: { type: image-classification }",
      '        dataset: { name: "data", type: "data", split: "test" }',
      '          - { type: "accuracy", name: "accuracy", value: 0.5 }',
    ])
      expect(front!.split("\n")).toContain(line);
  });

  it("has no path of this machine in the command that trains it again", async () => {
    const card = await cardOf(["a", "b"], "data", "/home/alice/flowers");
    expect(card).toContain("--data /PATH/flowers");
    expect(card).not.toContain("alice");
    expect(await cardOf(["a", "b"], "mnist", "mnist")).toContain("--data mnist");
  });

  it("marks numbers of pictures that it was trained on, and leaves them out of its results", async () => {
    const card = await cardOf(["a", "b"], "data", "data", "train");
    expect(card).toMatch(/The numbers of the part train are of pictures that it was trained on/);
    expect(card).not.toContain("model-index");
    expect(await cardOf(["a", "b"])).not.toMatch(/trained on: they/);
  });

  it("shows names of classes and data as they are, and is broken by none", async () => {
    const card = await cardOf([HOSTILE, "b"], HOSTILE, `${HOSTILE}\n\`\`\`\nx`);
    // Outside of code, which is fenced by more back ticks than it has.
    const [before, code, after] = card.split(/^````.*$/m);
    expect(code).toContain("```");
    expect(before!.slice(before!.indexOf("\n---\n", 4)) + after).not.toMatch(/<|onerror=x>|^# head|`a`/m);
    const [, front] = card.split("\n---\n")[0]!.split("---\n");
    expect(front!.split("\n").filter((line) => line.startsWith("#"))).toEqual([]);
    const rows = after!.split("\n").filter((line) => line.includes("# head") || line.includes("&#35; head"));
    for (const row of rows) expect(row.split("|")).toHaveLength(7);
    expect(rows.length).toBeGreaterThan(0);
  });

  it("of a whole number of intervals says how they were made", async () => {
    expect(await cardOf(["a", "b"])).toMatch(
      /Wilson's of the accuracy and of other shares of pictures, .*, else percentile bootstrap of 1,000 resamples/,
    );
  });
});

it("plain text has nothing that Markdown or HTML take for theirs", () => {
  expect(plain("a\n\n# b")).toBe("a &#35; b");
  expect(plain("*_[x](y)_*")).not.toMatch(/[*_[\]]/);
  expect(plain("Digits 0..9, 12 %")).toBe("Digits 0..9, 12 %");
});
