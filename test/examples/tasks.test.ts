// The commonest tasks, each as a user of the package would run it, on few drawings.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { writeFolders } from "../../src/data/write.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLES = join(ROOT, "examples");
const CHROMIUM = "/usr/bin/chromium";
const root = mkdtempSync(join(tmpdir(), "genclass-tasks-"));
afterAll(() => rmSync(root, { recursive: true }));

const words = (file: string, args: readonly string[]) => ["--import", "tsx", join(EXAMPLES, file), ...args];

/** What an example says. */
function example(file: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, words(file, args), { cwd: ROOT, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

const [folder, run, model] = [join(root, "photos"), join(root, "run"), join(root, "run", "model.onnx")];
const picture = join(folder, "test", "4", "000004.png");

describe("examples of the commonest tasks", { tags: ["long"] }, () => {
  beforeAll(async () => {
    await writeFolders(glyphs({ train: 400, test: 20 }), folder);
    expect(existsSync(picture)).toBe(true);
  });

  it("own-folder trains on class folders and answers about a file", () => {
    expect(example("own-folder.ts", folder, picture, run)).toMatch(
      /epoch 3: 0\.\d+\n.*000004\.png is \d \(\d+\.\d %\)\n$/s,
    );
  });

  it("evaluate tells every number of that run, and of each class", () => {
    const said = example("evaluate.ts", run, folder);
    expect(said).toMatch(/^20 pictures\naccuracy: [01]\.\d{4}\n/);
    expect(said.match(/class \d: precision/g)).toHaveLength(10);
  });

  it("server answers about pictures that are posted, and refuses what is none", async () => {
    const child = spawn(process.execPath, words("server.ts", [model, "0"]), { cwd: ROOT });
    try {
      const address = await addressOf(child);
      const post = (body: Buffer) => fetch(address, { method: "POST", body: new Uint8Array(body) });
      expect(await (await post(readFileSync(picture))).json()).toMatchObject({ label: expect.stringMatching(/^\d$/) });
      const refused = await post(Buffer.from("text"));
      expect([refused.status, await refused.json()]).toEqual([400, { error: expect.stringMatching(/unsupported/) }]);
      expect((await fetch(address)).status).toBe(405);
      const second = spawnSync(process.execPath, words("server.ts", [model, new URL(address).port]), {
        ...{ cwd: ROOT, encoding: "utf8" },
      });
      expect([second.status, second.stderr]).toEqual([
        1,
        expect.stringMatching(/^listen EADDRINUSE.*another port.*\n$/),
      ]);
    } finally {
      child.kill();
    }
  });

  it("classify.py answers in Python (needs onnxruntime, numpy and pillow)", (context) => {
    const python = process.env.GENCLASS_TEST_PYTHON ?? "python3";
    if (spawnSync(python, ["-c", "import onnxruntime, numpy, PIL"]).status !== 0) return context.skip();
    const said = spawnSync(python, [join(EXAMPLES, "classify.py"), model, picture], { encoding: "utf8" });
    expect([said.status, said.stdout]).toEqual([0, expect.stringMatching(/000004\.png \d [01]\.\d{4}\n$/)]);
  });

  it.skipIf(!existsSync(CHROMIUM))("browser answers in a page", async () => {
    const site = join(root, "site");
    await build({
      entryPoints: [join(EXAMPLES, "browser", "page.js")],
      outdir: site,
      bundle: true,
      format: "esm",
      alias: { "genclass/web": join(ROOT, "dist", "web.js") },
      logLevel: "silent",
    });
    copyFileSync(join(EXAMPLES, "browser", "index.html"), join(site, "index.html"));
    copyFileSync(model, join(site, "model.onnx"));
    const server = serve(site);
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.waitForSelector("input:enabled");
      await page.setInputFiles("input", picture);
      await page.waitForFunction(() => /^\d: \d+\.\d %$/.test(document.querySelector("output")?.textContent ?? ""));
    } finally {
      await browser.close();
      server.close();
    }
  });

  it("few-labels compares training with and without pictures that have no label", () => {
    expect(example("few-labels.ts", join(root, "few"))).toMatch(
      /^with all pictures: accuracy 0\.\d+\nwith the labelled ones: accuracy 0\.\d+\n$/,
    );
  });

  it("fine-tune is better after an epoch than a run that begins from nothing", () => {
    const [, anew, tuned] = /from nothing ([\d.]+), from the first run ([\d.]+)/.exec(
      example("fine-tune.ts", join(root, "tune")),
    )!;
    expect(Number(tuned)).toBeGreaterThan(Number(anew));
  });

  it("generated-data adds pictures of each class, and trains on them", () => {
    expect(example("generated-data.ts", join(root, "generated"))).toMatch(
      /^200 new pictures, 20 of each class\naccuracy 0\.\d+\n$/,
    );
  });

  it("walk-through stops, goes on to the planned end, and uses the model in every way", () => {
    const said = example("walk-through.ts", join(root, "walk"));
    const [, stopped, end] = /stopped at step (\d+): interrupted\nwent on to step (\d+): planned/.exec(said)!;
    expect(Number(stopped)).toBeLessThan(Number(end));
    expect(said).toMatch(
      /5 new threes from the mixture\nexported: takes pixels: uint8 \[batch, 28, 28, 1\], 0\.\.255\n$/,
    );
  });
});

/** The address that the server tells when it listens. */
async function addressOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const [address] = /http:\S+/.exec(line) ?? [];
    if (address) return address;
  }
  throw new Error("the server ended");
}

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

function serve(site: string): Server {
  return createServer(({ url = "/" }, response) => {
    // onnxruntime's own two files lie where the package has them, two folders above the page's code.
    const file = url.startsWith("/vendor/") ? join(ROOT, url) : join(site, url === "/" ? "index.html" : url);
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(readFileSync(file));
  });
}
