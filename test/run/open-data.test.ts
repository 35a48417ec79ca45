import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fingerprint } from "../../src/data/dataset.ts";
import { hybrid } from "../../src/models/hybrid.ts";
import { openFor, openForModel } from "../../src/run/open-data.ts";
import { newOptions } from "../../src/run/stored-options.ts";
import { picture } from "../data/files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-open-data-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("data for a new run", () => {
  const [photographs, small] = [join(root, "photographs"), join(root, "small")];
  beforeAll(async () => {
    for (let i = 0; i < 12; i++) {
      await picture(join(photographs, i % 2 ? "red" : "blue", `${i}.png`), 20 * i, 20 + i);
      await picture(join(small, i % 2 ? "red" : "blue", `${i}.png`), 20 * i, 16);
    }
  });
  const options = newOptions({});

  it("has photographs of the size that the model asks for, as an option that opens it again without the model", async () => {
    const { data, image } = await openForModel(photographs, options, { photographs: 32 });
    expect([data.train.height, data.train.width, image]).toEqual([32, 32, { height: 32, width: 32 }]);
    expect(await fingerprint(await openFor(photographs, { ...options, image: image! }))).toBe(await fingerprint(data));
  });

  it("has small pictures and sizes that are asked for as they are, and no option more", async () => {
    const own = await openForModel(small, options, { photographs: 32 });
    expect([own.data.train.height, own.image]).toEqual([16, undefined]);
    const asked = await openForModel(
      photographs,
      { ...options, image: { height: 24, width: 20 } },
      { photographs: 32 },
    );
    expect([asked.data.train.height, asked.data.train.width, asked.image]).toEqual([24, 20, undefined]);
    const usual = await openForModel(photographs, options, {});
    expect([usual.data.train.height, usual.image]).toEqual([64, undefined]);
  });

  it("is of 224x224 for hybrid, 64 pictures a step", () => {
    expect(hybrid.photographs).toBe(224);
    const { photographs: side } = hybrid;
    const data = { height: side!, width: side!, channels: 3, classes: ["a", "b"], mirror: true };
    const batch = (labelled: number) => hybrid.batch!({ ...data, examples: { labelled, unlabelled: 0 } }, {} as never);
    expect([batch(1000), batch(20_000)]).toEqual([64, 64]);
  });
});
