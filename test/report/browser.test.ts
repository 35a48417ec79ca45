// The report of a run and the page of a data check in a real browser as wide as a telephone. Class and file names are long, as
// they may be. Without Debian's chromium the tests are skipped, and named for it.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkData } from "../../src/data/check/check.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { evaluate, load, nativeBackend } from "../../src/node.ts";
import { checkHtml } from "../../src/report/check.ts";
import { writeReport } from "../../src/run/report.ts";
import { startRun } from "../../src/run/train.ts";

const CHROMIUM = "/usr/bin/chromium";
/** CSS pixels of a common telephone, and of a desktop. */
const [TELEPHONE, DESKTOP] = [390, 1280];
const root = mkdtempSync(join(tmpdir(), "genclass-browser-"));
afterAll(() => rmSync(root, { recursive: true }));

describe.skipIf(!existsSync(CHROMIUM))(`a page in a browser (needs ${CHROMIUM})`, () => {
  const pages: Record<string, string> = {};
  let browser: Browser;
  beforeAll(async () => {
    const drawn = glyphs({ train: 120, test: 40 });
    const long = (name: string) => `Acer_pseudoplatanus_of_the_botanical_garden_${name}`;
    const data = { ...drawn, name: "digits", classes: drawn.classes.map(long), validation: drawn.test };
    const backend = nativeBackend({ threads: 1 });
    const training = await startRun("vae", {
      ...{
        data,
        backend,
        source: `/home/someone/pictures/${"of-a-very-long-folder/".repeat(9)}`,
        epochs: 2,
        batch: 30,
      },
      ...{ out: join(root, "run"), options: { width: 8, hidden: 16, latent: 4 } },
    });
    for await (const _ of training.events);
    const model = await load(training.run.path, { backend });
    const found = await evaluate(model, data.test!, data.classes);
    const failures: string[] = [];
    const report = await writeReport(training.run, model, data.train, "test", found, (line) => failures.push(line));
    expect(failures).toEqual([]);
    await model.dispose();
    pages.report = report!;
    pages.data = join(root, "data.html");
    const suspicious = [
      {
        name: `train/${long("3")}/${"0".repeat(60)}.png`,
        index: 0,
        given: long("3"),
        believed: long("8"),
        probability: 0.01,
      },
    ];
    writeFileSync(pages.data, await checkHtml(data, await checkData(data), undefined, suspicious));
    browser = await chromium.launch({ executablePath: CHROMIUM });
  });
  afterAll(() => browser?.close());

  const cases = ["report", "data"].flatMap((page) =>
    ([TELEPHONE, DESKTOP] as const).flatMap((width) =>
      (["light", "dark"] as const).map((scheme) => ({ page, width, scheme })),
    ),
  );
  it.each(cases)(
    "of a $page, $width pixels wide and $scheme, is no wider than the window, and readable",
    async ({ page, width, scheme }) => {
      const tab = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme });
      await tab.goto(pathToFileURL(pages[page]!).href);
      const seen = await tab.evaluate(() => {
        /** Relative luminance of a colour as the browser gives it, 0..1, without the exponent of WCAG. */
        const light = (colour: string) => {
          const [r, g, b] = colour.match(/\d+/g)!.map(Number) as [number, number, number];
          return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
        };
        const style = getComputedStyle(document.body);
        return {
          width: document.documentElement.scrollWidth,
          ink: light(style.color),
          paper: light(style.backgroundColor),
        };
      });
      await tab.close();
      expect(seen.width).toBeLessThanOrEqual(width);
      const contrast = scheme === "dark" ? seen.ink - seen.paper : seen.paper - seen.ink;
      expect(contrast).toBeGreaterThan(0.5);
    },
  );
});
