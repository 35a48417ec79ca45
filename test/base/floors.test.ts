import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");

/** What each folder may import besides itself. docs/architecture.md draws the same table. */
const FLOORS: Record<string, string[]> = {
  base: [],
  graph: ["base"],
  onnx: ["base", "graph"],
  runtime: ["base", "graph", "onnx"],
  nn: ["base", "graph"],
  data: ["base"],
  metrics: ["base"],
  models: ["base", "graph", "nn", "data", "metrics"],
  report: ["base", "metrics", "data"],
  train: ["base", "graph", "onnx", "runtime", "nn", "data", "metrics", "models", "report"],
  cli: ["base", "data", "graph", "metrics", "models", "report", "train", "node.ts", "web.ts"],
};
/** Packages that belong to one place. */
const OWNERS: Record<string, (file: string) => boolean> = {
  koffi: (file) => file === "runtime/foreign.ts",
  "onnxruntime-web": (file) => file === "web.ts",
  sharp: (file) => file === "data/readers/decode.ts",
  echarts: (file) => ["report/plots.ts", "report/echarts.d.ts"].includes(file),
  commander: (file) => file.startsWith("cli/"),
};

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const imports = files.flatMap((file) =>
  [...readFileSync(join(SRC, file), "utf8").matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)].map(([, target]) => ({
    file,
    target: target!,
  })),
);

describe("imports", () => {
  it("go only to lower floors", () => {
    const wrong = imports.filter(({ file, target }) => {
      const floor = file.split("/")[0]!;
      if (!target.startsWith(".") || !(floor in FLOORS)) return false;
      const to = relative(SRC, resolve(dirname(join(SRC, file)), target)).split("/")[0]!;
      return to !== floor && !FLOORS[floor]!.includes(to);
    });
    expect(wrong).toEqual([]);
  });

  it("of a package happen in its place alone", () => {
    const wrong = imports.filter(({ file, target }) => {
      const owner = OWNERS[target.split("/")[0]!];
      return owner && !owner(file);
    });
    expect(wrong).toEqual([]);
  });

  it("cover every folder of src", () => {
    const folders = new Set(files.filter((file) => file.includes("/")).map((file) => file.split("/")[0]!));
    expect([...folders].sort()).toEqual(Object.keys(FLOORS).sort());
  });
});
