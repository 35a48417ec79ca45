// The table of run options, row by row: as text, in config.json, and when a run goes on.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { findModel, parseOptions } from "../../src/models/index.ts";
import type { DataSpec } from "../../src/models/model.ts";
import { optionsOf, RUN_VERSION, RunFolder, runConfig } from "../../src/run/folder.ts";
import { type OptionName, RUN_OPTION_LIST, type RunOption, type RunOptions } from "../../src/run/options.ts";
import { newOptions } from "../../src/run/stored-options.ts";
import { planResume, planRun, resumeRun, startRun } from "../../src/run/train.ts";
import { refuseUnreadPairs } from "../../src/run/unread-pairs.ts";
import { nativeBackend } from "../../src/runtime/native.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-options-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Of every option, a value that is not its default, and the texts that the command line takes for it. */
const SAMPLES: { readonly [K in OptionName]: readonly [value: Required<RunOptions>[K], ...texts: string[]] } = {
  labels: [{ share: 0.07 }, "7%"],
  unlabelled: [resolve("more"), resolve("more")],
  add: [{ path: resolve("more"), share: 0.25 }, `${resolve("more")}:0.25`],
  image: [{ height: 20, width: 30 }, "20x30"],
  resize: ["pad", "pad"],
  pairs: [{ change: "denoise", amount: 0.3 }, "denoise=0.3"],
  validation: [0.25, "0.25"],
  seed: [4, "4"],
  batch: [16, "16"],
  augment: ["light,rotate=5", "light,rotate=5"],
  sampling: ["balanced", "balanced"],
  classWeights: [{ "3": 2, "1": 0.5 }, "1=0.5,3=2"],
  epochs: [7, "7"],
  minutes: [0.5, "0.5"],
  until: [{ metric: "accuracy", value: 0.9 }, "accuracy=0.9"],
  patience: [3, "3"],
  restarts: [2, "2"],
  emaDecay: [0.99, "0.99"],
  from: [resolve("base"), resolve("base")],
  backbone: ["features.onnx@last", "features.onnx@last"],
  normalise: ["centred", "centred"],
  freeze: [["encoder/", "mean"], "encoder/", "mean"],
  map: [{ encoder: "features", mean: "code" }, "encoder=features", "mean=code"],
  threads: [1, "1"],
  precision: ["bf16", "bf16"],
  track: ["mlflow=http://127.0.0.1:9/", "mlflow=http://127.0.0.1:9/"],
};

describe("options that are paths", () => {
  it("are kept as absolute paths, so that a run goes on in another working directory", () => {
    const stored = newOptions({ from: "base", unlabelled: "more", add: { path: "new", share: 0.5 } });
    expect([stored.from, stored.unlabelled, stored.add?.path]).toEqual([
      resolve("base"),
      resolve("more"),
      resolve("new"),
    ]);
  });
});

const rows = RUN_OPTION_LIST.map(([name, option]) => {
  const [value, ...texts] = SAMPLES[name as OptionName];
  return { name: name as OptionName, option, value, texts };
});
const rowsThat = (...resume: RunOption["resume"][]) => rows.filter(({ option }) => resume.includes(option.resume));

const data = glyphs({ train: 40, test: 10 });
const backend = nativeBackend({ threads: 1 });
/** A new run of glyphs with the default options, of which nothing is trained yet. */
async function newRun(): Promise<RunFolder> {
  const { run } = await startRun("vae", { data, backend, batch: 32, out: mkdtempSync(join(root, "run-")) });
  return run;
}

describe.each(rows)("the option $name", ({ name, option, value, texts }) => {
  it("has a flag of the same name in kebab case, and a default that is allowed", () => {
    const [flag] = option.flag.split(" ");
    expect(flag).toBe(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
    if (option.default !== null) expect(option.type.schema.parse(option.default)).toEqual(option.default);
  });

  it("is read from text, and written as that text", () => {
    const read = texts.reduce<unknown>((earlier, text) => option.type.read(text, earlier), undefined);
    expect(option.type.schema.parse(read)).toEqual(value);
    expect(option.type.write(value)).toBe(texts.join(" "));
  });

  it("is refused out of its type with what was given and what is expected", () => {
    expect(() => newOptions({ [name]: true })).toThrowError(
      expect.objectContaining({
        code: "E_OPTION",
        message: `${option.flag.split(" ")[0]} true: expected ${option.type.expected}`,
      }),
    );
  });
});

describe("a new run", () => {
  it("has the options given, and the defaults of the others", () => {
    expect(newOptions({ seed: 4 })).toEqual({
      ...Object.fromEntries(RUN_OPTION_LIST.map(([name, option]) => [name, option.default])),
      seed: 4,
    });
  });

  it("has as many pictures a step as its model asks for, where the call says nothing", async () => {
    const asking = { ...findModel("vae"), batch: ({ examples }: DataSpec) => examples!.labelled / 2 };
    const batchOf = async (more: { batch?: number }) => {
      const { run } = await startRun(asking, { data, backend, out: mkdtempSync(join(root, "run-")), ...more });
      return run.config.batch;
    };
    expect([await batchOf({}), await batchOf({ batch: 8 })]).toEqual([20, 8]);
  });

  it("is as long as epochs or minutes say, not both", () => {
    expect(newOptions({ minutes: 2 })).toMatchObject({ epochs: null, minutes: 2 });
    expect(() => newOptions({ epochs: 2, minutes: 2 })).toThrowError(/--epochs and --minutes exclude each other/);
  });

  it.each([
    ["freeze", ["from", "backbone"]],
    ["map", ["from"]],
    ["normalise", ["backbone"]],
  ] as const)("takes --%s with %j alone", (name, needs) => {
    const [value] = SAMPLES[name];
    expect(() => newOptions({ [name]: value })).toThrowError(`--${name} needs --${needs.join(" or --")}`);
    for (const other of needs) expect(newOptions({ [name]: value, [other]: "base" })).toMatchObject({ [name]: value });
  });

  it.each([
    ["vea", {}, /unknown model "vea"/],
    ["vae", { options: { latnet: 3 } }, /vae has no option "latnet"/],
    ["vae", { out: import.meta.dirname }, /is not empty; nothing is overwritten/],
    ["vae", { from: "no-such-run" }, /no-such-run is not a run folder/],
    ["vae", { epochs: 1, minutes: 1 }, /exclude each other/],
    [
      "vae",
      { out: join(import.meta.dirname, "options.test.ts") },
      /options\.test\.ts is a file; nothing is overwritten/,
    ],
  ])("is refused before there is data: %s %j", (model, call, message) => {
    expect(() => planRun(model, call)).toThrowError(message);
  });
});

describe("pairs of pictures", () => {
  const pictures: DataSpec = { height: 32, width: 32, channels: 3, mirror: false, classes: ["first", "second"] };
  const refuse = (name: string) => {
    const model = findModel(name);
    refuseUnreadPairs(name, model.build(parseOptions(model, {}), pictures), pictures);
  };

  it("are refused for a model that takes single ones, with a model that takes pairs", () => {
    for (const name of ["cnn", "stargan"])
      expect(() => refuse(name)).toThrowError(
        expect.objectContaining({
          code: "E_OPTION",
          message: expect.stringMatching(
            /^--pairs: \w+ learns from single pictures .*, or train pix2pix, which learns from pairs$/,
          ),
        }),
      );
    expect(() => refuse("pix2pix")).not.toThrow();
  });
});

describe("a run that goes on", () => {
  it.each(rowsThat("fixed"))("is refused when $name is given with another value than it has", async (row) => {
    const { path } = await newRun();
    const before = readFileSync(join(path, "config.json"), "utf8");
    const [flag] = row.option.flag.split(" ");
    await expect(resumeRun(path, { data, backend, [row.name]: row.value })).rejects.toMatchObject({
      code: "E_RUN_CONFLICT",
      message: expect.stringMatching(
        new RegExp(
          `^${flag} cannot change when a run goes on: .* the call says .*start a new run with --from ${path}$`,
        ),
      ),
    });
    expect(readFileSync(join(path, "config.json"), "utf8")).toBe(before);
  });

  it.each(rowsThat("may change", "warns"))("takes $name and remembers it", async (row) => {
    const { path } = await newRun();
    await resumeRun(path, { data, backend, [row.name]: row.value });
    expect(optionsOf(RunFolder.open(path).config)[row.name]).toEqual(row.value);
    await resumeRun(path, { data, backend });
    expect(optionsOf(RunFolder.open(path).config)[row.name]).toEqual(row.value);
  });

  it("by the clock forgets its epochs, and the other way round", async () => {
    const { path } = await newRun();
    await resumeRun(path, { data, backend, minutes: 3 });
    expect(RunFolder.open(path).config).toMatchObject({ epochs: null, minutes: 3 });
    await resumeRun(path, { data, backend, epochs: 30 });
    expect(RunFolder.open(path).config).toMatchObject({ epochs: 30, minutes: null });
  });

  it("takes every option with the value that it has", async () => {
    const { minutes: _, ...given } = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
    const { config } = await newRun();
    const { path } = RunFolder.create(join(root, "full"), runConfig(config, newOptions(given)));
    // The same weights, in another order.
    const again = { ...given, classWeights: { "1": 0.5, "3": 2 }, options: config.options };
    expect(planResume(path, again)).toMatchObject(given);
  });

  it("is refused when an option of the model is given with another value than it has", async () => {
    const { path } = await newRun();
    expect(() => planResume(path, { options: { latent: "3" } })).toThrowError(
      /--set latent cannot change when a run goes on: .* has 32, the call says 3/,
    );
  });
});

describe("a run folder", () => {
  /** As version 2 wrote it. */
  const VERSION_2 = {
    version: 2,
    genclass: "0.1.0",
    model: "vae",
    options: { latent: 8 },
    data: {
      source: "glyphs",
      name: "glyphs",
      fingerprint: "0123456789abcdef",
      classes: ["0", "1"],
      ...{ height: 28, width: 28, channels: 1, mirror: false },
      ...{ labels: { total: 100 }, unlabelled: null, image: null, resize: "fill", validation: 0.2 },
    },
    ...{ seed: 3, batch: 64, augment: "strong", sampling: "shuffled", classWeights: { "0": 2 } },
    ...{ epochs: null, minutes: 8, until: { metric: "accuracy", value: 0.99 }, patience: 0 },
    ...{ averageDecay: 0.99, from: null, backend: "onnx" },
  };
  const folder = (name: string, config: unknown): string => {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, "config.json"), JSON.stringify(config));
    return join(root, name);
  };

  it("of version 2 opens with what it has, and the defaults of what it does not have", () => {
    const { averageDecay, options, data: ofData, ...rest } = VERSION_2;
    const { config } = RunFolder.open(folder("version-2", VERSION_2));
    expect(config).toMatchObject({ ...rest, version: RUN_VERSION, emaDecay: averageDecay, data: ofData });
    expect(config).toMatchObject({ freeze: null, map: null, threads: 0, precision: "float32" });
    // Options that the model did not have then, too.
    expect(config.options).toMatchObject({ latent: 8, width: 32 });
    expect("averageDecay" in config).toBe(false);
  });

  it("without any of the options has the defaults", () => {
    const { seed, labels, sampling } = optionsOf(
      RunFolder.open(
        folder("bare", {
          ...{ version: RUN_VERSION, genclass: "0", model: "vae", options: {}, backend: "onnx" },
          data: {
            ...{
              source: "",
              name: "",
              fingerprint: "",
              classes: ["a", "b"],
              height: 8,
              width: 8,
              channels: 1,
              mirror: true,
            },
          },
        }),
      ).config,
    );
    expect({ seed, labels, sampling }).toEqual({ seed: 0, labels: null, sampling: "shuffled" });
  });

  it.each([
    ["newer", { ...VERSION_2, version: 99 }, /run folder of version 99; this genclass reads versions 2 to 3. Update/],
    ["ancient", { ...VERSION_2, version: 1 }, /run folder of version 1; .* Use the genclass it was made with/],
    ["wrong", { ...VERSION_2, seed: "a" }, /config.json: seed: /],
  ])("that is %s is refused", (name, config, message) => {
    expect(() => RunFolder.open(folder(name, config))).toThrowError(
      expect.objectContaining({ code: "E_RUN_VERSION", message: expect.stringMatching(message) }),
    );
  });
});
