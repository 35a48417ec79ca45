import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");

/** What each folder may import besides itself. docs/architecture.md draws the same table. */
const FLOORS: Record<string, string[]> = {
  base: [],
  wasm: ["base"],
  random: ["base", "wasm"],
  graph: ["base"],
  onnx: ["base", "graph"],
  runtime: ["base", "wasm", "graph", "onnx"],
  nn: ["base", "random", "graph"],
  data: ["base", "wasm", "random"],
  metrics: ["base"],
  propagation: ["base", "wasm", "random"],
  solvers: ["base", "wasm", "random"],
  models: ["base", "random", "graph", "onnx", "nn", "data", "metrics", "propagation", "solvers"],
  report: ["base", "metrics", "data"],
  predict: ["base", "random", "graph", "onnx", "runtime", "nn", "data", "metrics", "models"],
  train: ["base", "random", "graph", "runtime", "nn", "data", "metrics", "models", "predict"],
  run: ["base", "random", "graph", "onnx", "nn", "data", "metrics", "models", "predict", "report", "runtime", "train"],
  synthesis: ["base", "random", "data", "metrics", "models", "predict", "report", "runtime", "train"],
  setup: ["base", "graph", "runtime", "data"],
  experiments: ["base", "random", "data", "graph", "metrics", "models", "predict", "report", "run", "runtime", "train"],
  web: ["base", "predict"],
  cli: [
    "base",
    "random",
    "data",
    "experiments",
    "graph",
    "metrics",
    "models",
    "predict",
    "report",
    "run",
    "runtime",
    "setup",
    "synthesis",
    "train",
    "node.ts",
    "web.ts",
  ],
};
/** Packages that belong to one place. */
const OWNERS: Record<string, (file: string) => boolean> = {
  koffi: (file) => file === "runtime/foreign.ts",
  "onnxruntime-web": (file) => file === "runtime/wasm.ts",
  sharp: (file) => file === "data/readers/decode.ts",
  echarts: (file) => file === "report/plots.ts",
  commander: (file) => file.startsWith("cli/"),
};

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const imports = files.flatMap((file) =>
  [...readFileSync(join(SRC, file), "utf8").matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)].map(([, target]) => ({
    file,
    // What scripts/vendor.mjs takes out of a package counts as the package.
    target: target!.replace(/^.*\/vendor\//, ""),
  })),
);

/** Of each file, the files that it imports from: types too, and what it asks for later. */
const needs = new Map(
  files.map((file) => {
    const text = readFileSync(join(SRC, file), "utf8");
    const targets = [...text.matchAll(/(?:^(?:import|export)\s+[^;]*?from\s+|\bimport\()"(\.[^"]+)"/gm)].map(
      ([, target]) => relative(SRC, resolve(dirname(join(SRC, file)), target!)),
    );
    return [file, targets];
  }),
);

/** The files that a file loads when it is loaded: no types, and nothing that it asks for later. */
function valueImports(file: string): string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^;"]*?from\s+)?"(\.[^"]+\.ts)"/gm)].map(([, target]) =>
    relative(SRC, resolve(dirname(join(SRC, file)), target!)),
  );
}

/** The files of a circle of imports, in order; undefined where there is none. */
function circle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    done.add(file);
    for (const target of graph.get(file) ?? []) {
      const found = walk(target, [...path, file]);
      if (found) return found;
    }
    return undefined;
  };
  for (const file of graph.keys()) {
    const found = walk(file, []);
    if (found) return found;
  }
  return undefined;
}

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

  it("make no circle but inside graph/ops", () => {
    const outside = (file: string) => !file.startsWith("graph/ops/");
    const without = [...needs].filter(([file]) => outside(file));
    expect(circle(new Map(without.map(([file, targets]) => [file, targets.filter(outside)])))).toBeUndefined();
    // The search finds the circles that are allowed, and reads every import of a value.
    expect(circle(needs)?.every((file) => !outside(file))).toBe(true);
    expect(needs.get("graph/ops/index.ts")).toContain("graph/ops/shape.ts");
  });

  it.each(["index.ts", "web.ts"])("of nothing that %s needs are of Node", (entry) => {
    const reached = new Set([entry]);
    // A set gives what is added while it is walked.
    for (const file of reached) for (const target of valueImports(file)) reached.add(target);
    const ofNode = imports.filter(({ file, target }) => reached.has(file) && target.startsWith("node:"));
    expect(ofNode).toEqual([]);
    expect(reached).toContain("train/fit.ts");
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
