// What a production build of Vite makes of genclass/web, in a real browser: a worker trains on two threads, classifies a file,
// keeps the model, and after the page is loaded anew classifies again and runs the exported file.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const CHROMIUM = "/usr/bin/chromium";
const ROOT = resolve(import.meta.dirname, "../..");
const root = mkdtempSync(join(tmpdir(), "genclass-vite-"));
afterAll(() => rmSync(root, { recursive: true }));

const WORKER = `
  import * as genclass from "genclass/web";
  const backend = genclass.webBackend({ threads: 2 });
  const data = genclass.glyphs({ train: 400, test: 20 });
  const { height, width, channels } = data.train;

  async function picture() {
    const gray = await genclass.gather(data.test, [0]);
    const pixels = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : gray[i >> 2]));
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
    return { gray, file: new File([await canvas.convertToBlob()], "digit.png") };
  }

  const steps = {
    async train() {
      const model = genclass.findModel("vae");
      const options = model.options.parse({ width: 8, hidden: 32, latent: 4 });
      const spec = { height, width, channels, classes: data.classes, mirror: data.mirror };
      let snapshot;
      const events = genclass.fit({
        name: "vae", model: model.build(options, spec), data, backend, seed: 1, batch: 50, augmentation: {},
        epochs: 3, save: (_, saved) => { snapshot = structuredClone(saved); },
      });
      for await (const _ of events);
      await genclass.keep("digits", { config: { model: "vae", options, data: spec }, weights: snapshot });
      return steps.classify();
    },
    async classify() {
      const { config, weights } = await genclass.kept("digits");
      const model = new genclass.TrainedModel(config, weights, backend);
      const { gray, file } = await picture();
      const pixels = await genclass.picturePixels([file], model.spec);
      const [prediction] = await model.classify(pixels);
      const { bytes } = await genclass.exportHead(model, backend, genclass.VERSION);
      const exported = await genclass.ExportedClassifier.load(bytes, backend);
      const [again] = await exported.classify(await genclass.picturePixels([file], exported.spec));
      const refused = await genclass.picturePixels([new File(["text"], "notes.png")], model.spec).catch(({ message }) => message);
      const worst = Math.max(...pixels.map((value, i) => Math.abs(value - gray[i])));
      return { prediction, again, classes: exported.classes, step: weights.progress.step, worst, refused };
    },
  };
  onmessage = async ({ data }) => {
    try {
      postMessage({ result: await steps[data]() });
    } catch (error) {
      postMessage({ error: String(error?.stack ?? error) });
    }
  };`;

const PAGE = `
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  window.ask = (step) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.result));
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(step);
  });`;

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

describe.skipIf(!existsSync(CHROMIUM))(`a page built by Vite (needs ${CHROMIUM})`, () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    writeFileSync(join(root, "index.html"), '<!doctype html><script type="module" src="./page.js"></script>');
    writeFileSync(join(root, "page.js"), PAGE);
    writeFileSync(join(root, "worker.js"), WORKER);
    await build({
      root,
      configFile: false,
      logLevel: "error",
      resolve: { alias: { "genclass/web": join(ROOT, "dist/web.js") } },
      worker: { format: "es" },
    });
    const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
    server = createServer(({ url = "/" }, response) => {
      const { pathname } = new URL(url, "http://localhost");
      const file = join(root, "dist", pathname === "/" ? "index.html" : pathname);
      if (!existsSync(file)) return void response.writeHead(404).end();
      response.writeHead(200, { ...isolated, "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
      response.end(readFileSync(file));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const ask = (step: string) =>
    page.evaluate((name) => (window as unknown as { ask(step: string): Promise<Answer> }).ask(name), step);

  it("trains on two threads in a worker, keeps the model, and after a reload answers the same; so does the exported file", {
    tags: ["long"],
  }, async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    const first = await ask("train");
    expect(first.step).toBe(24);
    expect(first.classes).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    // Drawn and read without resizing: rounding of the weighted sum of three equal values alone.
    expect(first.worst).toBeLessThanOrEqual(1);
    expect(first.refused).toMatch(/^notes\.png does not decode as a picture/);
    await page.reload();
    const second = await ask("classify");
    expect(second.prediction).toEqual(first.prediction);
    expect(second.again.label).toBe(first.prediction.label);
    expect(Math.abs(second.again.probability - first.prediction.probability)).toBeLessThan(1e-4);
  });
});

interface Answer {
  prediction: { label: string; probability: number };
  again: { label: string; probability: number };
  classes: string[];
  step: number;
  worst: number;
  refused: string;
}
