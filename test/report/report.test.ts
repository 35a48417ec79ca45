// The report of a run: small judged parts, and parts of it that fail.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { type Dataset, range, subset } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { evaluate } from "../../src/predict/evaluate.ts";
import { load } from "../../src/run/load.ts";
import { writeReport } from "../../src/run/report.ts";
import { startRun } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";
import { allOf } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-report-"));
afterAll(() => rmSync(root, { recursive: true }));
const backend = nativeBackend();
const whole = glyphs({ train: 20, test: 40 });
const SMALL = { width: 4, hidden: 16, latent: 2 };

/** A run of one epoch, as it is loaded. */
async function trained(data: Dataset, name: string) {
  const out = join(root, name);
  const { run, events } = await startRun("vae", { data, backend, out, epochs: 1, batch: 20, options: SMALL });
  return { run, told: await allOf(events), model: await load(out, { backend }) };
}

describe("a judged part of few pictures", () => {
  const quick = [1, 10, 11];
  describe.each([1, 2, 9, 10, 11, 39, 40])("(%i of them)", (n) => {
    it("is validated on", { tags: quick.includes(n) ? [] : ["long"] }, async () => {
      const { told, model } = await trained({ ...whole, validation: subset(whole.test!, range(0, n)) }, `judged-${n}`);
      const epoch = told.find((event) => event.type === "epoch");
      expect(epoch!.metrics["validation/accuracy"]! * n).toBeCloseTo(
        Math.round(epoch!.metrics["validation/accuracy"]! * n),
        9,
      );
      await model.dispose();
    });
  });

  it("is evaluated and reported, whether it has 1 or 40 pictures or any number between", {
    tags: ["long"],
  }, async () => {
    const { run, model } = await trained(whole, "reported");
    for (let n = 1; n <= 40; n++) {
      const found = await evaluate(model, subset(whole.test!, range(0, n)), whole.classes);
      expect(found.n).toBe(n);
      const failures: string[] = [];
      await writeReport(run, model, whole.train, "test", found, (line) => failures.push(line));
      expect(failures).toEqual([]);
      // Ten pictures a row, a row of reconstructions below each; a picture is 28 pixels and a line, enlarged twice.
      const { width, height } = await sharp(run.file("samples", "reconstructions.png")).metadata();
      const rows = 2 * Math.ceil(n / 10);
      expect([width, height], `${n} pictures`).toEqual([2 * (10 * 29 + 1), 2 * (rows * 29 + 1)]);
      expect(readFileSync(run.file("report.html"), "utf8")).toContain(`${n} pictures`);
    }
    await model.dispose();
  });
});

describe("a report of which a part fails", () => {
  it("is written without that part, which is told in a line; the rest is there", async () => {
    const { run, model } = await trained(whole, "broken");
    const found = await evaluate(model, whole.test!, whole.classes);
    const failures: string[] = [];
    // A folder in the place of one file, a head that fails, and a chart that cannot be written.
    mkdirSync(run.file("samples", "generated.png"));
    mkdirSync(run.file("plots", "confusion.svg"));
    model.reconstruct = () => Promise.reject(new Error("no reconstruction"));
    const heads = model.run.bind(model);
    let encoded = 0;
    // The first two encodings are those of sheets.
    model.run = (name, ...rest) =>
      name === "encode" && ++encoded > 2 ? Promise.reject(new Error("no latent vectors")) : heads(name, ...rest);
    const file = await writeReport(run, model, whole.train, "test", found, (line) => failures.push(line));
    expect(failures).toEqual([
      "the report is without the pictures reconstructions.png: no reconstruction",
      expect.stringMatching(/^the report is without the pictures generated.png: .*generated.png could not be written/),
      "the report is without the map of pictures: no latent vectors",
      expect.stringMatching(/^the report is without the chart confusion: .*confusion.svg could not be written/),
    ]);
    const report = readFileSync(file!, "utf8");
    for (const text of ["Reliability", "mistakes", "macroF1", "Which classes are taken for which"])
      expect(report).toContain(text);
    expect(report).not.toContain("reconstructions");
    rmSync(run.file("report.html"));
    mkdirSync(run.file("report.html"));
    expect(await writeReport(run, model, whole.train, "test", found, (line) => failures.push(line))).toBeUndefined();
    expect(failures.at(-1)).toMatch(/^the report is without its page: /);
    await model.dispose();
  });
});
