// The table of a comparison from cells whose numbers are known, and what is written of it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { afterAll, describe, expect, it } from "vitest";
import { compared, type DoneCell, TEST_TEXT } from "../../src/experiments/comparison.ts";
import { readingOf, writeComparison } from "../../src/experiments/comparison-report.ts";
import { csvTable, TABLE_HEAD, tableRows } from "../../src/experiments/comparison-table.ts";
import { openFolder, type Plan } from "../../src/experiments/folder.ts";
import { holm, mcnemar, pairedT } from "../../src/metrics/paired-tests.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-comparison-"));
afterAll(() => rmSync(root, { recursive: true }));

/** A cell whose model is right about the first so many of ten pictures. */
function cell(model: string, labels: string, seed: number, right: number, validation: number): DoneCell {
  return {
    ...{ model, labels, seed },
    trained: {
      ...{ ended: true, epochs: 2, seconds: 10 + seed, labelled: labels === "all" ? 1000 : 100, parameters: 1234 },
      ...{ validation: { accuracy: validation }, peakBytes: 2e8 + seed, fingerprint: "f" },
      test: {
        metrics: { accuracy: right / 10, ece: 0.05 },
        right: "1".repeat(right).padEnd(10, "0"),
        ...{ multiplyAdds: 5e6, modelBytes: 40_000 },
      },
    },
  };
}

describe("the rows of a comparison", () => {
  it("have mean and sample deviation over seeds, and p of the paired t-test from three seeds on", () => {
    const right = { vae: [5, 7, 6], cnn: [8, 9, 7], gan: [6, 6, 7] };
    const cells = Object.entries(right).flatMap(([model, counts]) =>
      counts.map((count, seed) => cell(model, "all", seed, count, count / 10)),
    );
    const rows = compared(cells, () => ({ one: 2, many: 0.5 }));
    expect(rows.map(({ model, reference }) => [model, reference])).toEqual([
      ["vae", false],
      ["cnn", true],
      ["gan", false],
    ]);
    const [vae, cnn, gan] = rows;
    expect(vae!.accuracy).toBeCloseTo(0.6, 12);
    expect(vae!.sd).toBeCloseTo(0.1, 12);
    expect([vae!.fitSeconds, vae!.msPerPicture, vae!.msOnePicture, vae!.peakMb]).toEqual([11, 0.5, 2, 200.000002]);
    const shares = (counts: readonly number[]) => counts.map((count) => count / 10);
    const expected = holm([
      pairedT(shares(right.vae), shares(right.cnn)),
      pairedT(shares(right.gan), shares(right.cnn)),
    ]);
    expect([vae!.p, cnn!.p, gan!.p]).toEqual([expected[0], null, expected[1]]);
  });

  it("of one seed are tested by McNemar, each number of labels by itself; the reference is chosen on validation pictures", () => {
    const rows = compared([
      cell("vae", "10", 0, 9, 0.5),
      cell("cnn", "10", 0, 4, 0.6),
      cell("vae", "all", 0, 9, 0.9),
      cell("cnn", "all", 0, 9, 0.8),
    ]);
    expect(rows.map(({ reference }) => reference)).toEqual([false, true, true, false]);
    expect(rows[0]!.p).toBeCloseTo(mcnemar([1, 1, 1, 1, 1], [0, 0, 0, 0, 0]), 12);
    expect(rows[3]!.p).toBe(1);
    expect(rows[0]!.sd).toBeNull();
  });

  it("say which test was used, by the seeds that are common to both", () => {
    const all = [0, 1, 2].map((seed) => cell("vae", "all", seed, 5 + seed, 0.5));
    const some = [0, 1].map((seed) => cell("cnn", "all", seed, 8, 0.9));
    const rows = compared([...all, ...some]);
    expect(rows.map(({ seeds, test }) => [seeds, test])).toEqual([
      [3, "clustered-mcnemar"],
      [2, null],
    ]);
    const [, reading] = readingOf({ rows });
    expect(reading).toContain(TEST_TEXT["clustered-mcnemar"]);
    expect(reading).not.toContain(TEST_TEXT["paired-t"]);
  });

  it("whose accuracies differ by the same for every seed are not told apart for certain", () => {
    const cells = [0, 1, 2].flatMap((seed) => [cell("vae", "all", seed, 5, 0.5), cell("cnn", "all", seed, 6, 0.6)]);
    // The difference is 0.1 and its least deviation 1 / (√6 · 10), so that t is √18; with 2 degrees of freedom, p = 1 - t / √(2 + t²).
    expect(compared(cells)[0]!.p).toBeCloseTo(1 - Math.sqrt(18 / 20), 10);
  });

  it("are one line each in CSV, and as many cells as columns in the table", () => {
    const rows = compared([cell("vae", "5%", 0, 9, 0.5), cell("cnn", "5%", 0, 4, 0.6)]);
    const lines = csvTable(rows).trim().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line.split(",")).toHaveLength(Object.keys(rows[0]!).length);
    for (const cells of tableRows(rows)) expect(cells).toHaveLength(TABLE_HEAD.length);
  });
});

describe("the folder of an experiment", () => {
  const out = join(root, "experiment");
  const open = (plan: Plan, kind = "comparison", grown = ["cells"]) => openFolder(out, kind, grown, plan).release();

  it("is of one plan once there is a run in it, and of no other kind", () => {
    open({ data: "nowhere", epochs: undefined });
    open({ data: "glyphs", epochs: 2 });
    // Of another kind, not even one in which nothing is yet is overwritten.
    expect(() => open({ data: "glyphs" }, "search", ["trials"])).toThrow(
      /is the folder of a comparison, not of a search/,
    );
    mkdirSync(join(out, "cells", "a-run"), { recursive: true });
    open({ data: "glyphs", epochs: 2 });
    expect(() => open({ data: "glyphs" })).toThrow(/begun with epochs 2, the call says null/);
    expect(() => open({ data: "glyphs", epochs: 2 }, "search", ["trials"])).toThrow(/the folder of a comparison/);
    writeFileSync(join(root, "mine.txt"), "");
    expect(() => openFolder(root, "comparison", ["cells"], {})).toThrow(/is not empty; nothing is overwritten/);
    expect(existsSync(join(root, "lock.json"))).toBe(false);
    expect(JSON.parse(readFileSync(join(out, "plan.json"), "utf8"))).toMatchObject({ plan: { epochs: 2 } });
  });

  it("is not planned anew while another process works in it", () => {
    const lock = openFolder(out, "comparison", ["cells"], { data: "glyphs", epochs: 2 });
    rmSync(join(out, "cells"), { recursive: true });
    expect(() => open({ data: "glyphs", epochs: 3 })).toThrow(/is being trained by/);
    lock.release();
    expect(JSON.parse(readFileSync(join(out, "plan.json"), "utf8"))).toMatchObject({ plan: { epochs: 2 } });
  });
});

const CHROMIUM = "/usr/bin/chromium";
const amounts = ["10", "all"];
const models = ["vae", "cnn", "a-model-whose-name-is-longer-than-most"];
const cells = amounts.flatMap((labels) =>
  models.flatMap((model, i) => [0, 1].map((seed) => cell(model, labels, seed, 5 + i + seed, 0.5 + i / 10))),
);
const failed = [{ model: "gan", labels: "10", seed: 0, code: "E_NAN", message: "step 3: loss is <NaN>" }] as const;
const comparison = { out: root, data: "glyphs", rows: compared(cells), cells, failed };
const command = "genclass compare --data glyphs --models vae,cnn --out comparison";

describe("the files of a comparison", () => {
  const report = writeComparison(comparison, command);

  it("hold the same rows, the command, and what failed", () => {
    const read = (name: string) => readFileSync(join(root, name), "utf8");
    expect(JSON.parse(read("compare.json")).rows).toEqual(JSON.parse(JSON.stringify(comparison.rows)));
    expect(read("compare.csv")).toBe(csvTable(comparison.rows));
    for (const text of [read("compare.md"), read("compare.html").replace(/&#60;/g, "<").replace(/&#62;/g, ">")]) {
      expect(text).toContain(command);
      expect(text).toContain("step 3: loss is <NaN>");
      expect(text).toContain("McNemar");
    }
    for (const name of ["labels", "fit-time", "model-size"]) {
      const svg = read(join("plots", `accuracy-${name}.svg`));
      for (const model of ["vae", "cnn"]) expect(svg, name).toContain(model);
      // A mark for each point, at a place of its own that is a number.
      expect(svg).not.toContain("NaN");
    }
  });

  it.skipIf(!existsSync(CHROMIUM))("fit a telephone without a network", async () => {
    const browser = await chromium.launch({ executablePath: CHROMIUM });
    const asked: string[] = [];
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(pathToFileURL(report).href);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    expect(await page.locator("svg").count()).toBe(3);
    expect(asked).toEqual([pathToFileURL(report).href]);
    await browser.close();
  });
});
