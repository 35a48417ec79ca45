// A trained model in use: what it says of a picture, and when it says nothing.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NdArray } from "../../src/base/array.ts";
import { gather, range, subset } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { project, relativeDistance, residual } from "../../src/metrics/feature-distance.ts";
import type { Fitted } from "../../src/metrics/metric.ts";
import { noveltyTables } from "../../src/metrics/novelty.ts";
import { rarity } from "../../src/metrics/tail-table.ts";
import { headNoise, type NoiseRows } from "../../src/predict/noise.ts";
import { TrainedModel } from "../../src/predict/trained.ts";
import { Random } from "../../src/random/random.ts";
import { RunFolder } from "../../src/run/folder.ts";
import { load } from "../../src/run/load.ts";
import { startRun } from "../../src/run/train.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { NATIVE } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-trained-"));
afterAll(() => rmSync(root, { recursive: true }));
const backend = NATIVE;
const whole = glyphs({ train: 400, test: 80 });
const options = { width: 4, hidden: 16, latent: 4 };
const run = join(root, "run");

beforeAll(async () => {
  const data = { ...whole, validation: whole.test };
  const { events } = await startRun("vae", { data, backend, out: run, epochs: 2, batch: 20, options });
  for await (const _ of events);
});

/** The run with other fitted quantities. */
function fittedWith(change: (fitted: Map<string, Fitted extends ReadonlyMap<string, infer V> ? V : never>) => void) {
  const folder = RunFolder.open(run);
  const { state, fitted } = folder.trained();
  const changed = new Map(fitted);
  change(changed);
  return new TrainedModel(folder.config, { state, fitted: changed }, backend);
}

describe("the novelty of a picture", () => {
  it("depends neither on its place in the call nor on its neighbours", async () => {
    const model = await load(run, { backend });
    const pictures = await gather(whole.test!, range(0, 5));
    const one = await gather(whole.test!, [3]);
    // More than a batch of 256, so that the picture is also in the second.
    const many = await gather(
      whole.test!,
      Array.from({ length: 260 }, (_, i) => (i === 258 ? 3 : i % 3)),
    );
    const of = async (picture: Uint8Array) => (await model.run("novelty", { picture })).data;
    const [alone] = await of(one);
    const [, , , among] = await of(pictures);
    const late = (await of(many))[258];
    // Products of another number of rows may add in another order: a relative 1e-6 of statistics whose tables are steep.
    for (const other of [among, late]) expect(Math.abs(other! - alone!)).toBeLessThan(1e-4);
    await model.dispose();
  });

  it("comes from noise that differs from picture to picture, and is the same for the same picture", () => {
    const pictures = Uint8Array.of(1, 2, 3, 4, 1, 2);
    const draw = (rows: NoiseRows) => {
      const [values] = Object.values(headNoise(new Map([["z", { kind: "normal", shape: [9, 3] }]]), 7, rows));
      return Array.from({ length: rows.count }, (_, i) => [...values!.data.slice(3 * i, 3 * i + 3)]);
    };
    const rows = draw({ count: 3, from: 0, pictures });
    expect(rows[0]).toEqual(rows[2]);
    expect(rows[0]).not.toEqual(rows[1]);
    expect(draw({ count: 1, from: 6, pictures: Uint8Array.of(3, 4) })).toEqual([rows[1]]);
    // Without pictures, rows differ by their place, and are the same however many are computed at once.
    const places = draw({ count: 11, from: 0 });
    expect(new Set(places.map(String)).size).toBe(11);
    for (const first of [1, 2, 8])
      expect([...draw({ count: first, from: 0 }), ...draw({ count: 11 - first, from: first })]).toEqual(places);
  });

  it("is the Euclidean norm of the rarities of its statistics, between the median and the threshold of validation", async () => {
    const model = await load(run, { backend });
    const picture = await gather(whole.test!, range(0, 20));
    const n = 20;
    const row = (data: NdArray["data"], i: number) =>
      Array.from(data.subarray((i * data.length) / n, ((i + 1) * data.length) / n));
    const norm = (values: readonly number[]) => Math.hypot(...values);
    const { tables, features, median, threshold } = noveltyTables(model.fitted)!;
    const [again, codes, deviations, logits, rows] = await Promise.all(
      ["reconstruct", "encode", "encodeDeviation", "classify", "features"].map(
        async (head) => (await model.run(head, { picture })).data,
      ),
    );
    const projected = project(features!.projection, rows as Float32Array);
    const found = (await model.run("novelty", { picture })).data;
    for (let i = 0; i < n; i++) {
      const x = row(picture, i).map((byte) => byte / 255);
      let [down, across] = [0, 0];
      for (let p = 0; p < 784; p++) {
        if (p >= 28) down += Math.abs(x[p]! - x[p - 28]!) / (27 * 28);
        if (p % 28 > 0) across += Math.abs(x[p]! - x[p - 1]!) / (27 * 28);
      }
      const statistics = [
        norm(row(again!, i).map((value, p) => value - x[p]!)),
        row(again!, i).reduce((total, value, p) => {
          const y = Math.min(1 - 1e-4, Math.max(1e-4, value));
          return total - x[p]! * Math.log(y) - (1 - x[p]!) * Math.log(1 - y);
        }, 0),
        norm(row(codes!, i)),
        norm(row(deviations!, i)),
        -Math.log(row(logits!, i).reduce((total, value) => total + Math.exp(value), 0)),
        down + across,
        relativeDistance(features!.gaussians, projected, i),
        residual(features!.projection, rows as Float32Array, projected, i),
      ];
      const score = norm(statistics.map((value, s) => rarity(tables[s]!, value)));
      // float32 statistics, right to about 1e-6, and tables of rarity up to some tens a unit.
      expect(found[i]!).toBeCloseTo((score - median) / (threshold - median), 3);
    }
    await model.dispose();
  });

  it("marks random pixels, and pictures of one value", async () => {
    const model = await load(run, { backend });
    const random = new Random(1, "noise");
    const noise = Uint8Array.from({ length: 784 }, () => random.integer(256));
    const answers = await model.classify(
      Uint8Array.of(...noise, ...new Uint8Array(784).fill(90), ...new Uint8Array(784)),
    );
    for (const { novelty } of answers) expect(novelty).toBeGreaterThan(1);
    await model.dispose();
  });

  it("is not told where it has no basis: nothing fitted, or fitted for other heads", async () => {
    // As before versions were counted.
    const older = fittedWith((fitted) => fitted.delete("novelty/version"));
    expect(older.novelty).toEqual({ lacking: expect.stringMatching(/another version of genclass/) });
    const without = fittedWith((fitted) => fitted.delete("novelty/knots"));
    expect(without.novelty).toEqual({ lacking: expect.stringMatching(/at least 20 validation pictures/) });
    const other = fittedWith((fitted) => fitted.delete("novelty/mean"));
    expect(other.novelty).toEqual({ lacking: expect.stringMatching(/another version of the model/) });
    const one = await gather(whole.test!, [0]);
    for (const model of [older, without, other]) {
      expect((await model.classify(one))[0]).not.toHaveProperty("novelty");
      await model.dispose();
    }
  });

  it("is not fitted on 19 validation pictures, and is on 20", async () => {
    for (const n of [19, 20]) {
      const data = { ...whole, validation: subset(whole.test!, range(0, n)) };
      const out = join(root, `validated-${n}`);
      const { events } = await startRun("vae", { data, backend, out, epochs: 1, batch: 400, options });
      for await (const _ of events);
      expect(RunFolder.open(out).trained().fitted.has("novelty/knots")).toBe(n === 20);
    }
  });
});

describe("a model without a head that is asked for", () => {
  it("says which it has, and where to find a model that has it", async () => {
    const trained = fittedWith(() => {});
    await expect(trained.run("translated", {})).rejects.toMatchObject({
      code: "E_HEAD",
      message: expect.stringMatching(/no head "translated"; it has .*encode.*"genclass models NAME" tells the heads/),
    });
    await trained.dispose();
  });
});

describe("a head whose compilation failed", () => {
  it("is compiled again when it is asked for again", async () => {
    let failures = 1;
    const flaky: Backend = {
      ...backend,
      compile: (...call) => (failures-- > 0 ? Promise.reject(new Error("out of memory")) : backend.compile(...call)),
    };
    const model = await load(run, { backend: flaky });
    const one = await gather(whole.test!, [0]);
    await expect(model.logits(one)).rejects.toThrowError("out of memory");
    expect((await model.logits(one)).shape).toEqual([1, 10]);
    await model.dispose();
  });
});

describe("a run folder without classes in its configuration", () => {
  it("is refused when it is opened", async () => {
    const file = join(root, "validated-20", "config.json");
    const config = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...config, data: { ...config.data, classes: [] } }));
    await expect(load(join(root, "validated-20"), { backend })).rejects.toThrowError(/config.json: .*classes/);
  });
});
