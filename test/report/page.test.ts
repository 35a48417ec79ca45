// What a report page must hold whoever reads it, and wherever: its charts, its styles, and the command that repeats the run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { reportHtml } from "../../src/report/html.ts";
import { confusion, curves, reliability } from "../../src/report/plots.ts";
import { RunFolder } from "../../src/run/folder.ts";
import { withoutPlaces } from "../../src/run/places.ts";
import { repeatCommand } from "../../src/run/repeat.ts";
import { startRun } from "../../src/run/train.ts";
import { nativeBackend } from "../../src/runtime/native.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-page-"));
afterAll(() => rmSync(root, { recursive: true }));

/** The texts of an SVG element, with the heights at which they stand. */
const texts = (svg: string) =>
  [...svg.matchAll(/<text[^>]*?transform="translate\(([\d.-]+) ([\d.-]+)\)"[^>]*>([^<]*)</g)].map(([, x, y, text]) => ({
    x: Number(x),
    y: Number(y),
    text: text!,
  }));

describe("the curves of losses", () => {
  const step = (value: number) => [0, 1, 2, 3].map((x) => [100 * x, value * (1 + x)] as const);
  const names = ["joint/loss", "joint/reconstruction", "joint/kl", "joint/classification", "joint/prior", "joint/mask"];
  const svg = curves(
    "Training losses",
    names.map((name, i) => ({ name, points: step(10 ** (3 - i)) })),
    "step",
  );

  it("have an axis each: a term a thousand times smaller is drawn as high as the others", () => {
    const lines = [...svg.matchAll(/<path d="M([^"]*)"[^>]*stroke="#3a86c8"/g)].map(([, path]) =>
      [...path!.matchAll(/[\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y)),
    );
    expect(lines).toHaveLength(names.length);
    for (const ys of lines) expect(Math.max(...ys) - Math.min(...ys)).toBeGreaterThan(30);
  });

  it("are named each above its own, without a legend; no name meets another", () => {
    const places = names.map((name) => texts(svg).filter(({ text }) => text === name));
    for (const found of places) expect(found).toHaveLength(1);
    const heights = places.map(([place]) => place!.y);
    heights.slice(1).forEach((y, i) => {
      expect(y - heights[i]!).toBeGreaterThan(60);
    });
  });
});

describe("every chart", () => {
  it("has its text in the colour of the page, so that a dark page shows it", () => {
    const bins = [{ confidence: 0.9, accuracy: 0.8, count: 5 }];
    for (const svg of [
      curves(
        "one",
        [
          {
            name: "a",
            points: [
              [0, 1],
              [1, 2],
            ],
          },
        ],
        "epoch",
      ),
      confusion(
        [
          [3, 1],
          [0, 4],
        ],
        ["cat", "dog"],
      ),
      reliability(bins),
    ]) {
      const fills = [...svg.matchAll(/<text[^>]*fill="([^"]*)"/g)].map(([, fill]) => fill);
      expect(fills.length).toBeGreaterThan(3);
      for (const fill of fills) expect(["currentColor", "#ffffff"]).toContain(fill);
    }
  });
});

describe("the page", () => {
  it("follows the reader's choice of light or dark, and keeps what is wide inside boxes of its own", () => {
    const page = reportHtml("title", "lead", [], [{ title: "t", table: { head: ["a"], rows: [["b"]] } }]);
    expect(page).toContain("color-scheme: light dark");
    expect(page).toContain("@media (prefers-color-scheme: dark)");
    expect(page).toMatch(/<div class="scroll"[^>]*><table>/);
    // Colours are named once, at the top.
    const [, rest] = page.split("@media (prefers-color-scheme: dark)");
    expect(rest!.slice(rest!.indexOf("\n"))).not.toMatch(/: ?#[0-9a-f]{3,6}/);
  });
});

describe("the command that repeats a run", () => {
  it("has what is not a default, and is one line that a shell takes apart as it was meant", async () => {
    const data = glyphs({ train: 40, test: 10 });
    const call = { data, backend: nativeBackend(), source: "my pictures/it's", seed: 3, minutes: 2, batch: 10 };
    const { run } = await startRun("vae", {
      ...{ ...call, out: join(root, "run"), classWeights: { "1": 2 }, augment: "none" },
      options: { latent: 5 },
    });
    expect(repeatCommand(run.config)).toBe(
      "genclass train vae --data 'my pictures/it'\\''s' --seed 3 --batch 10 --augment none --class-weights 1=2 --minutes 2 --set latent=5 --backend onnx",
    );
    expect(repeatCommand({ ...RunFolder.open(run.path).config, model: "own" })).toBeUndefined();
    // Photographs that were read at another size than the model would ask for.
    const { config } = run;
    const ofFolder = { ...config, model: "hybrid", options: {} };
    expect(repeatCommand(ofFolder)).toContain(" --image 28x28 ");
    expect(repeatCommand(withoutPlaces(ofFolder))).toContain(" --image 28x28 ");
    expect(repeatCommand({ ...ofFolder, model: "cnn" })).not.toContain("--image");
    expect(repeatCommand({ ...ofFolder, data: { ...config.data, source: "mnist" } })).not.toContain("--image");
  });
});
