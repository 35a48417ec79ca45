// A run through the real command line, from training to export.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { writeNpz } from "../../src/data/write.ts";
import { load } from "../../src/run/load.ts";
import { drawGlyphs } from "../drawings.ts";
import { drawPictures, expectRefused, SMALL, workplace } from "./workplace.ts";

const EXAMPLES = resolve(import.meta.dirname, "../../examples");
const { genclass, root } = workplace("run");
const RUN = join(root, "run");
/** Enough to learn from in seconds. */
const DRAWINGS = { train: 3000, test: 400 };
const GLYPHS = "glyphs.npz";
const COLOURED = "coloured.npz";
beforeAll(async () => {
  await drawPictures(root);
  await drawGlyphs(root, DRAWINGS);
  await writeNpz(glyphs({ train: 100, test: 20, colour: true }), join(root, COLOURED));
});

describe("a run from training to export", () => {
  let trained: { run: string; epochs: number; seconds: number; metrics: Record<string, number> };

  beforeAll(() => {
    const { code, out, err } = genclass.alone(
      "train",
      "vae",
      "--data",
      GLYPHS,
      "--epochs",
      "4",
      "--out",
      "run",
      "--json",
      ...SMALL,
    );
    expect([code, err]).toEqual([0, expect.stringContaining("epoch 4")]);
    trained = JSON.parse(out);
  });

  it("prints one JSON document and fills the run folder", () => {
    expect(trained).toMatchObject({ run: "run", epochs: 4 });
    // Ten classes: 0.1 is chance; four epochs of a small net reach over 0.8.
    expect(trained.metrics["test/accuracy"]).toBeGreaterThan(0.6);
    const files = readdirSync(RUN);
    for (const file of [
      "config.json",
      "events.jsonl",
      "results.csv",
      "checkpoints",
      "model.onnx",
      "exported.json",
      "labels.json",
      "metrics.json",
      "MODEL_CARD.md",
      "samples",
      "plots",
      "report.html",
    ])
      expect(files).toContain(file);
    expect(files.some((file) => file.startsWith("events.out.tfevents."))).toBe(true);
    expect(readdirSync(join(RUN, "checkpoints")).sort()).toEqual(
      ["best", "last", "previous"].map((name) => `${name}.safetensors`),
    );
    const report = readFileSync(join(RUN, "report.html"), "utf8");
    expect(report).toContain("<svg");
    expect(report).not.toMatch(/(src|href)="(?!data:|#)/);
  });

  it("is never overwritten", () => {
    expectRefused(genclass("train", "vae", "--data", GLYPHS, "--out", "run"), 1, /E_RUN_EXISTS: run is not empty/);
    expectRefused(genclass("export", "run", "--out", "run/model.onnx"), 1, /exists; nothing is overwritten/);
  });

  it("evaluates to the numbers that training ended with", () => {
    const found = JSON.parse(genclass("evaluate", "run", "--json").out);
    expect(found).toMatchObject({ run: "run", split: "test", n: DRAWINGS.test });
    expect(Object.keys(found.intervals).sort()).toEqual([
      ...["accuracy", "auroc", "averagePrecision", "balancedAccuracy", "brier", "ece", "elbo", "kappa", "macroF1"],
      ...["mcc", "mse", "nll", "noveltyAlarms", "top5"],
    ]);
    const { parts } = JSON.parse(readFileSync(join(RUN, "metrics.json"), "utf8"));
    expect(parts.test).toMatchObject({ pictures: DRAWINGS.test, metrics: found.metrics, intervals: found.intervals });
    for (const name of ["accuracy", "nll", "ece", "mse", "elbo"])
      expect(found.metrics[name]).toBeCloseTo(trained.metrics[`test/${name}`]!, 6);
    expectRefused(
      genclass("evaluate", "run", "--split", "tset"),
      2,
      /expected one of train, validation, test; "genclass evaluate --help"/,
    );
  });

  it("classifies files, folders and patterns; the exported file gives the same under bare onnxruntime", async () => {
    const answers = JSON.parse(genclass("classify", "run", "pictures", "--json").out);
    expect(answers).toHaveLength(30);
    for (const answer of answers) {
      const total = Object.values(answer.probabilities as Record<string, number>).reduce((a, b) => a + b, 0);
      expect([Math.abs(total - 1) < 1e-6, typeof answer.novelty]).toEqual([true, "number"]);
    }
    expect(JSON.parse(genclass("classify", "run", "pictures/1*-is-?.png", "--json").out)).toHaveLength(11);
    expect(genclass("classify", "run", answers[0].file).out).toContain(answers[0].label);
    expect(genclass("export", "run", "--out", "model.onnx").code).toBe(0);
    cpSync(join(EXAMPLES, "run-onnx.mjs"), join(root, "run-onnx.mjs"));
    const pixels = await Promise.all(
      answers.map(({ file }: { file: string }) => sharp(join(root, file)).toColourspace("b-w").raw().toBuffer()),
    );
    writeFileSync(join(root, "pixels.bin"), Buffer.concat(pixels));
    const bare = JSON.parse(
      execFileSync(
        process.execPath,
        [join(EXAMPLES, "run-onnx.mjs"), join(root, "model.onnx"), join(root, "pixels.bin")],
        { encoding: "utf8" },
      ),
    );
    const classes = Object.keys(answers[0].probabilities);
    type Answer = { label: string; probabilities: Record<string, number>; novelty: number };
    answers.forEach((answer: Answer, i: number) => {
      expect(classes[bare[i].label]).toBe(answer.label);
      expect(Math.abs(bare[i].novelty - answer.novelty)).toBeLessThan(1e-4);
      classes.forEach((name, k) => {
        expect(Math.abs(bare[i].probabilities[k] - answer.probabilities[name]!)).toBeLessThan(1e-4);
      });
    });
  });

  it("tells how well novelty finds other pictures, and explains by the nearest picture of another class", {
    tags: ["long"],
  }, async () => {
    const { novel, metrics } = JSON.parse(genclass("evaluate", "run", "--novel", "noise", "--json").out);
    expect(novel).toMatchObject({ source: "noise", n: DRAWINGS.test, alarms: 1 });
    expect(novel.auroc).toBeGreaterThan(0.999);
    expect(metrics.noveltyAlarms).toBeLessThan(0.05);
    const file = join("pictures", "3-is-3.png");
    const { files } = JSON.parse(genclass("explain", "run", file, "--to", "8", "--out", "strip.png", "--json").out);
    expect(files).toEqual([expect.objectContaining({ file, to: "8", valid: expect.any(Boolean) })]);
    // The picture, four between, the changed one and the difference, each of 28 pixels in a frame of one, twice as large.
    const { width, height } = await sharp(join(root, "strip.png")).metadata();
    expect([width, height]).toEqual([2 * (7 * 29 + 1), 2 * 30]);
    expectRefused(genclass("explain", "run", file, "--to", "eleven"), 2, /unknown class "eleven"/);
  });

  it("answers the library as it answers the command line", async () => {
    const files = ["3-is-3.png", "14-is-4.png"].map((name) => join(root, "pictures", name));
    const model = await load(RUN);
    const [one, both] = [await model.classify(files[0]!), await model.classify(files)];
    await model.dispose();
    const said = JSON.parse(genclass("classify", "run", ...files, "--json").out);
    // The command answers from the exported file, whose softmax is in float32: a few units in the last place.
    const near = (value: number) => expect.closeTo(value, 5);
    expect(said).toEqual(
      both.map(({ label, probability, probabilities, novelty }, i) => ({
        ...{ file: files[i], label, probability: near(probability), novelty: near(novelty!) },
        probabilities: Object.fromEntries(Object.entries(probabilities).map(([name, p]) => [name, near(p)])),
      })),
    );
    expect(both[0]!.label).toBe(one.label);
  });

  it("exports a file that passes the official ONNX checker", (context) => {
    // The checker is Python's onnx; .ci/run installs it.
    const python = ["/usr/bin/python3", "python3"].find((name) => spawnSync(name, ["-c", "import onnx"]).status === 0);
    if (!python) return context.skip();
    const checker = resolve(import.meta.dirname, "../reference/check_onnx.py");
    expect(execFileSync(python, [checker, join(RUN, "model.onnx")], { encoding: "utf8" })).toMatch(/^ok /);
  });

  it("generates, of one class too, and reconstructs", async () => {
    expect(genclass("generate", "run", "--count", "12", "--out", "sheet.png").code).toBe(0);
    expect((await sharp(join(root, "sheet.png")).metadata()).format).toBe("png");
    // Of one class: whichever the classifier sees most among generated pictures.
    genclass("generate", "run", "--count", "40", "--out", "some");
    const labels = JSON.parse(genclass("classify", "run", "some", "--json").out).map(
      (answer: { label: string }) => answer.label,
    ) as string[];
    const common = labels.sort(
      (a, b) => labels.filter((x) => x === b).length - labels.filter((x) => x === a).length,
    )[0]!;
    const made = JSON.parse(
      genclass(
        "generate",
        "run",
        "--class",
        common,
        "--sampler",
        "prior",
        "--count",
        "3",
        "--out",
        "one-class",
        "--json",
      ).out,
    );
    expect(made.files).toHaveLength(3);
    for (const answer of JSON.parse(genclass("classify", "run", "one-class", "--json").out))
      expect(answer.label).toBe(common);
    const mixed = genclass("generate", "run", "--class", "7", "--count", "20", "--out", "sevens", "--json").out;
    expect(JSON.parse(mixed)).toMatchObject({ sampler: "mixture", class: "7", count: 20 });
    expect(readdirSync(join(root, "sevens"))).toHaveLength(20);
    expectRefused(genclass("generate", "run", "--class", "eleven"), 2, /unknown class "eleven"/);
    const { files } = JSON.parse(
      genclass("reconstruct", "run", "pictures/3-is-3.png", "--out", "pair.png", "--json").out,
    );
    expect(files[0].mse).toBeGreaterThan(0);
    expect(existsSync(join(root, "pair.png"))).toBe(true);
  });

  it("names a picture that does not decode, and a word that names no picture", () => {
    writeFileSync(join(root, "broken.png"), "no picture");
    expectRefused(genclass("classify", "run", "broken.png"), 1, /E_IMAGE: broken.png does not decode/);
    expectRefused(genclass("classify", "run", "nothing-*.png"), 1, /"nothing-\*.png" matches no picture/);
  });

  it("of another version, with damaged checkpoints or with other data is refused", () => {
    const copy = (name: string) => {
      cpSync(RUN, join(root, name), { recursive: true });
      return join(root, name);
    };
    const config = join(copy("newer"), "config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace(/"version": \d+/, '"version": 99'));
    expectRefused(genclass("evaluate", "newer"), 1, /E_RUN_VERSION: newer is a run folder of version 99/);
    const checkpoints = join(copy("damaged"), "checkpoints");
    for (const name of readdirSync(checkpoints)) writeFileSync(join(checkpoints, name), "junk");
    expectRefused(
      genclass("evaluate", "damaged"),
      1,
      /best.safetensors is a damaged checkpoint .* no checkpoint of the run is left/,
    );
    expectRefused(
      genclass("evaluate", "run", "--data", COLOURED),
      2,
      /the model takes pictures of 28x28x1, the data has 28x28x3/,
    );
    expectRefused(
      genclass("train", "vae", "--out", "run", "--resume", "--data", COLOURED),
      2,
      /was trained on other data/,
    );
    expectRefused(
      genclass("train", "vae", "--out", "run", "--resume", "--seed", "4"),
      2,
      /--seed cannot change when a run goes on: run has 0, the call says 4; .* start a new run with --from run/,
    );
    expectRefused(
      genclass("train", "vae", "--out", "run", "--resume", "--sampling", "balanced"),
      2,
      /--sampling cannot change when a run goes on/,
    );
    expectRefused(
      genclass("train", "vae", "--out", "run", "--resume", "--set", "latent=9"),
      2,
      /--set latent cannot change when a run goes on: run has 8, the call says 9/,
    );
  });

  it("with one damaged checkpoint uses another, saying so", () => {
    cpSync(RUN, join(root, "harmed"), { recursive: true });
    writeFileSync(join(root, "harmed", "checkpoints", "best.safetensors"), "junk");
    const { code, err } = genclass("generate", "harmed", "--count", "4");
    expect(code).toBe(0);
    expect(err).toMatch(/best.safetensors is a damaged checkpoint .*; the last checkpoint, of step \d+, is used/);
  });

  it("goes on for more epochs, and begins a tuned run from its weights", { tags: ["long"] }, () => {
    const longer = genclass("train", "vae", "--out", "run", "--resume", "--epochs", "5", "--seed", "0", "--json");
    expect(JSON.parse(longer.out).epochs).toBe(5);
    expect(longer.err).not.toContain("warning");
    const elsewhere = genclass("train", "vae", "--out", "run", "--resume", "--threads", "1", "--json");
    // Where there is one core, nothing differs.
    if (availableParallelism() > 1)
      expect(elsewhere.err).toContain(
        `threads 1 (was ${availableParallelism()}): the weights will not repeat bit for bit`,
      );
    expect(JSON.parse(elsewhere.out).epochs).toBe(5);
    const tuned = genclass(
      "train",
      "vae",
      "--data",
      GLYPHS,
      "--from",
      "run",
      "--epochs",
      "1",
      "--out",
      "tuned",
      "--json",
      ...SMALL,
    );
    // One epoch from scratch stays well below the trained weights it began from.
    expect(JSON.parse(tuned.out).metrics["test/accuracy"]).toBeGreaterThan(trained.metrics["test/accuracy"]! - 0.05);
  });
});
