// The calls of the library that the command line has as commands: going on, stopping, generating, with options that types know.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, expectTypeOf, it } from "vitest";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import {
  compare,
  evaluate,
  generate,
  load,
  type ModelOptions,
  type RunEvent,
  RunFolder,
  resume,
  type StartEvent,
  suspiciousLabels,
  type TrainCall,
  train,
  tune,
} from "../../src/node.ts";
import { backend, data, model } from "./small-run.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-library-"));
afterAll(() => rmSync(root, { recursive: true }));

async function all(events: AsyncIterable<RunEvent>, seen: (event: RunEvent) => void = () => {}): Promise<RunEvent[]> {
  const told: RunEvent[] = [];
  for await (const event of events) {
    told.push(event);
    seen(event);
  }
  return told;
}
const call = { data, backend, epochs: 3, batch: 5 };
const stateOf = (run: string) => RunFolder.open(join(root, run), model).checkpoints.newest()!.snapshot.state;
const reasonOf = (told: RunEvent[]) => (told.at(-1) as { reason?: string }).reason;

describe("train and resume", () => {
  it("tell the run folder first, which the log leaves out", async () => {
    const [start] = await all(train(model, { ...call, out: join(root, "whole") }));
    expect((start as StartEvent).run).toBe(join(root, "whole"));
    const [line] = readFileSync(join(root, "whole", "events.jsonl"), "utf8").split("\n");
    expect(JSON.parse(line!)).toMatchObject({ type: "start" });
    expect(JSON.parse(line!).run).toBeUndefined();
  });

  it("end by a signal with a checkpoint, and go on to the same weights as without", async () => {
    const out = join(root, "stopped");
    const control = new AbortController();
    const told = await all(train(model, { ...call, out, signal: control.signal }), ({ type }) => {
      if (type === "step") control.abort();
    });
    expect(reasonOf(told)).toBe("interrupted");
    expect(told.filter(({ type }) => type === "step").length).toBeLessThan(6);
    const rest = await all(resume(out, { data, backend, model }));
    expect([reasonOf(rest), (rest[0] as StartEvent).run]).toEqual(["planned", out]);
    expect(stateOf("stopped")).toEqual(stateOf("whole"));
  });

  it("know the options of a model by its name, of one of your own by its table, and of a name of later any", () => {
    expectTypeOf<NonNullable<TrainCall<"vae">["options"]>["latent"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<NonNullable<TrainCall<typeof model>["options"]>>().toEqualTypeOf<{ breaksAt?: number | undefined }>();
    expectTypeOf<NonNullable<TrainCall["options"]>>().toEqualTypeOf<Readonly<Record<string, unknown>>>();
    expectTypeOf<keyof ModelOptions>().extract<"vae" | "nothing">().toEqualTypeOf<"vae">();
    // @ts-expect-error no option of the model
    const wrong: TrainCall<"vae">["options"] = { latnet: 3 };
    expect(wrong).toBeDefined();
  });
});

/** As a program without types calls them. */
const untyped = { train, resume, compare, tune } as unknown as Record<string, (...given: unknown[]) => AsyncGenerator>;

describe("a wrong call", () => {
  const small = { data, backend, epochs: 1 };
  const compared = { data: "glyphs", models: ["cnn"], out: join(root, "no-comparison") };
  const searched = { model: "cnn", data: "glyphs", out: join(root, "no-search") };

  it.each<[string, unknown[], string, RegExp]>([
    ["train", ["vae"], "E_USAGE", /^train: the call is undefined; expected an object, of data, out, source, options/],
    ["train", ["vae", {}], "E_USAGE", /^train: data is undefined; expected .*, as in data: await open\("glyphs"\)$/],
    [
      "train",
      ["vae", { data: "mnist" }],
      "E_USAGE",
      /^train: data is "mnist"; expected what open returns, as in data: await open\("mnist"\)$/,
    ],
    ["train", ["vae", { data: Promise.resolve(data) }], "E_USAGE", /^train: data is an object of the kind Promise; /],
    [
      "train",
      [model, { ...small, epoch: 1 }],
      "E_OPTION",
      /^train has no option "epoch"; did you mean "epochs"\? Known: data, /,
    ],
    ["train", [model, { ...small, interrupted: () => true }], "E_OPTION", /^train has no option "interrupted"/],
    ["train", [model, { ...small, latent: 2 }], "E_OPTION", /^train has no option "latent"/],
    [
      "train",
      ["vae", { ...small, pairs: { change: "denoise", amount: 0.5 } }],
      "E_OPTION",
      /^--pairs: vae learns from single pictures .* train pix2pix, which learns from pairs$/,
    ],
    ["resume", ["nowhere", { model }], "E_USAGE", /^resume: data is undefined; /],
    [
      "resume",
      ["nowhere", { data, model, epoch: 9 }],
      "E_OPTION",
      /^resume has no option "epoch"; did you mean "epochs"/,
    ],
    ["resume", ["nowhere", { data, out: "other" }], "E_OPTION", /^resume has no option "out"/],
    ["compare", [], "E_USAGE", /^compare: the call is undefined; expected an object, of data, models/],
    ["compare", [{ ...compared, data }], "E_USAGE", /^compare: data is \{ .*; expected text, as in data: "glyphs"$/],
    ["compare", [{ ...compared, out: undefined }], "E_USAGE", /^compare: out is undefined; /],
    [
      "compare",
      [{ ...compared, models: "cnn" }],
      "E_USAGE",
      /^compare: models is "cnn"; expected a list, as in models: \["vae", "cnn"\]$/,
    ],
    [
      "compare",
      [{ ...compared, labels: 10 }],
      "E_USAGE",
      /^compare: labels is 10; expected a list, as in labels: \[10, "all"\]$/,
    ],
    [
      "compare",
      [{ ...compared, labels: ["10"] }],
      "E_OPTION",
      /^labels: "10": expected a number a class .*, or "all"$/,
    ],
    ["compare", [{ ...compared, seed: 1 }], "E_OPTION", /^compare has no option "seed"; did you mean "seeds"/],
    ["compare", [{ ...compared, from: "run" }], "E_OPTION", /^compare has no option "from"/],
    ["tune", [{ ...searched, data }], "E_USAGE", /^tune: data is /],
    ["tune", [{ ...searched, model: undefined }], "E_USAGE", /^tune: model is undefined; /],
    ["tune", [{ ...searched, trial: 3 }], "E_OPTION", /^tune has no option "trial"; did you mean "trials"/],
    [
      "tune",
      [{ ...searched, run: { epoch: 1 } }],
      "E_OPTION",
      /^run of tune has no option "epoch"; did you mean "epochs"/,
    ],
    ["tune", [{ ...searched, run: { seed: 1 } }], "E_OPTION", /^run of tune has no option "seed"/],
  ])("of %s is refused before anything is done: %o", async (name, given, code, message) => {
    await expect(untyped[name]!(...given).next()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect([compared.out, searched.out].filter(existsSync)).toEqual([]);
  });
});

describe("generate", () => {
  it("draws bytes, the same for the same seed, of a class that the model is asked for; a signal ends it", async () => {
    const out = join(root, "gan");
    const some = glyphs({ train: 100, test: 0 });
    const options = { width: 4, latent: 8 } as const;
    await all(train("acgan", { data: some, backend, out, epochs: 1, batch: 50, options }));
    const trained = await load(out, { backend });
    const [a, b] = [await generate(trained, 3, { class: "7" }), await generate(trained, 3, { class: "7" })];
    expect([a.sampler, a.pixels.length]).toEqual(["prior", 3 * 28 * 28]);
    expect(a.pixels).toEqual(b.pixels);
    expect(a.pixels).not.toEqual((await generate(trained, 3, { class: "7", seed: 1 })).pixels);
    await expect(generate(trained, 3, { class: "seven" })).rejects.toMatchObject({ code: "E_NAME" });
    await expect(generate(trained, 0)).rejects.toThrowError(/count is 0; expected a whole number above 0/);
    const signal = AbortSignal.abort();
    await expect(generate(trained, 3, { signal })).rejects.toThrowError(/abort/);
    await expect(evaluate(trained, some.train, some.classes, { signal })).rejects.toThrowError(/abort/);
    await expect(suspiciousLabels(trained, some.train, { signal })).rejects.toThrowError(/abort/);
    await trained.dispose();
  });
});
