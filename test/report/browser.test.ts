// The report of a run and the page of a data check in a real browser, as wide as a telephone and a desktop. Class and file names are
// long, and one is hostile, as they may be. Without Debian's chromium the tests are skipped, and named for it.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkData } from "../../src/data/check/check.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { evaluate } from "../../src/predict/evaluate.ts";
import { checkHtml } from "../../src/report/check.ts";
import { load } from "../../src/run/load.ts";
import { writeReport } from "../../src/run/report.ts";
import { startRun } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";

const CHROMIUM = "/usr/bin/chromium";
/** CSS pixels of a common telephone, and of a desktop. */
const [TELEPHONE, DESKTOP] = [390, 1280];
/** A class name that would run a script, were it not escaped. */
const HOSTILE = '</script><img src=x onerror="document.title=1">';
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const root = mkdtempSync(join(tmpdir(), "genclass-browser-"));
afterAll(() => rmSync(root, { recursive: true }));

describe.skipIf(!existsSync(CHROMIUM))(`a page in a browser (needs ${CHROMIUM})`, () => {
  const pages: Record<string, string> = {};
  let browser: Browser;
  beforeAll(async () => {
    const drawn = glyphs({ train: 120, test: 100 });
    const long = (name: string) => `Acer_pseudoplatanus_of_the_botanical_garden_${name}`;
    const data = {
      ...drawn,
      name: "digits",
      classes: drawn.classes.map((name, k) => (k === 3 ? HOSTILE : long(name))),
      validation: drawn.test,
    };
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

  /** Opens a page, and notes what it tries to load and what it complains of. */
  async function opened(page: string, width: number, scheme: "light" | "dark"): Promise<{ tab: Page; said: string[] }> {
    const tab = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme });
    const said: string[] = [];
    const url = pathToFileURL(pages[page]!).href;
    tab.on("console", (message) => said.push(message.text()));
    tab.on("pageerror", (error) => said.push(String(error)));
    tab.on("request", (request) => {
      if (request.url() !== url && !request.url().startsWith("data:")) said.push(request.url());
    });
    await tab.goto(url);
    return { tab, said };
  }

  /** What axe finds, as one line each. */
  async function violations(tab: Page, within = "html"): Promise<string[]> {
    await tab.evaluate(AXE);
    const found = (await tab.evaluate(`axe.run(${JSON.stringify(within)})`)) as AxeResults;
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 200)}`);
  }

  const cases = ["report", "data"].flatMap((page) =>
    ([TELEPHONE, DESKTOP] as const).flatMap((width) =>
      (["light", "dark"] as const).map((scheme) => ({ page, width, scheme })),
    ),
  );
  // Each width and each scheme once: the other pairs of them are long.
  const isOther = ({ width, scheme }: (typeof cases)[number]) => (width === TELEPHONE) !== (scheme === "light");
  describe.each(cases.map((one) => ({ ...one, tags: isOther(one) ? ["long"] : [] })))(
    "of a $page, $width pixels wide and $scheme,",
    ({ page, width, scheme, tags }) => {
      it("is no wider than the window, loads nothing, and is readable, also to who does not see it", {
        tags,
      }, async () => {
        const { tab, said } = await opened(page, width, scheme);
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
        // What axe looks at does not depend on the width.
        const found = width === TELEPHONE ? await violations(tab) : [];
        await tab.close();
        expect(said).toEqual([]);
        expect(found).toEqual([]);
        expect(seen.width).toBeLessThanOrEqual(width);
        const contrast = scheme === "dark" ? seen.ink - seen.paper : seen.paper - seen.ink;
        expect(contrast).toBeGreaterThan(0.5);
      });
    },
  );

  it("shows the pictures that a number of the matrix counts, by pointer and by keyboard", async () => {
    const { tab } = await opened("report", TELEPHONE, "light");
    const cell = tab.locator(".cell.miss").first();
    const count = Number(await cell.textContent());
    const id = `#${await cell.getAttribute("popovertarget")}`;
    const box = tab.locator(id);
    expect(await box.isVisible()).toBe(false);
    await cell.click();
    expect(await box.isVisible()).toBe(true);
    const shown = await box.locator(".shot").count();
    expect(shown).toBe(Math.min(24, count));
    // Each is of a size, from the sheet that the page has once.
    const style = await box
      .locator(".shot")
      .first()
      .evaluate((shot) => {
        const { backgroundImage, width, height } = getComputedStyle(shot);
        return { image: backgroundImage.slice(0, 20), width, height };
      });
    expect(style).toEqual({ image: 'url("data:image/png;', width: "56px", height: "56px" });
    expect(await violations(tab, id)).toEqual([]);
    await tab.keyboard.press("Escape");
    expect(await box.isVisible()).toBe(false);
    await cell.focus();
    await tab.keyboard.press("Enter");
    expect(await box.isVisible()).toBe(true);
    await tab.keyboard.press("Tab");
    await tab.keyboard.press("Enter");
    expect(await box.isVisible()).toBe(false);
    await tab.close();
  });

  it("shows the picture of a dot of the map under the pointer", async () => {
    const { tab } = await opened("report", DESKTOP, "dark");
    const dot = tab.locator(".map i").first();
    expect(await dot.locator(".shot").isVisible()).toBe(false);
    await dot.hover({ force: true });
    expect(await dot.locator(".shot").isVisible()).toBe(true);
    await tab.close();
  });

  it("shows hostile class names as they are, runs nothing, and is small", async () => {
    const { tab } = await opened("report", DESKTOP, "light");
    expect(await tab.title()).toBe("genclass: vae on digits");
    expect(await tab.locator("img[src=x], script").count()).toBe(0);
    expect(await tab.locator(".matrix th", { hasText: HOSTILE }).count()).toBe(2);
    await tab.close();
    expect(statSync(pages.report!).size).toBeLessThan(5e6);
  });
});
