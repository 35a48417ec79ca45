// A generator through the real command line: what a model without a classifier can do, and what it says of the rest.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { drawGlyphs } from "../drawings.ts";
import { drawPictures, expectRefused, workplace } from "./workplace.ts";

const { genclass, root } = workplace("generator");
const TESTED = 100;
const SMALL = ["--set", "width=4", "--set", "latent=8"];

describe("a generator on the command line", () => {
  let trained: { metrics: Record<string, number> };

  beforeAll(async () => {
    await drawPictures(root);
    const data = await drawGlyphs(root, { train: 400, test: TESTED });
    const { code, out, err } = genclass(
      ...["train", "gan", "--data", data, "--epochs", "2", "--batch", "128", "--out", "run", "--json"],
      ...SMALL,
    );
    expect([code, err]).toEqual([0, expect.stringMatching(/epoch 2 .* kernel distance of samples/)]);
    trained = JSON.parse(out);
  });

  it("trains, validates, and evaluates to the number that training ended with", () => {
    const distance = trained.metrics["test/kernelDistance"]!;
    expect(distance).toBeGreaterThan(0);
    const found = JSON.parse(genclass("evaluate", "run", "--json").out);
    expect(found).toMatchObject({ split: "test", n: TESTED });
    expect(found.metrics.kernelDistance).toBeCloseTo(distance, 6);
    expect(found.classes).toBeUndefined();
    expect(readFileSync(join(root, "run", "report.html"), "utf8")).toContain("kernel distance of samples");
    expect(existsSync(join(root, "run", "samples", "generated.png"))).toBe(true);
  });

  it("tells the losses of both networks on pictures that they were not trained on, as validation did", () => {
    const names = ["discriminator/loss", "discriminator/penalty", "generator/loss"];
    for (const name of names) expect(trained.metrics[`test/${name}`]).toBeTypeOf("number");
    const { metrics } = JSON.parse(genclass("evaluate", "run", "--split", "validation", "--json").out);
    // Training wrote a row an epoch, and kept the weights of one of them.
    const [header, ...rows] = readFileSync(join(root, "run", "results.csv"), "utf8")
      .trim()
      .split("\n");
    const columns = names.map((name) => header!.split(",").indexOf(`validation/${name}`));
    const logged = rows.map((row) => columns.map((column) => Number(row.split(",")[column]).toPrecision(6)));
    expect(logged).toContainEqual(names.map((name) => metrics[name].toPrecision(6)));
  });

  it("refuses pictures of another size by what it takes", async () => {
    genclass("data", "make", "glyphs", "--count", "40", "--test", "20", "--out", "other");
    genclass("data", "convert", "other", "--image", "20x20", "--out", "small.npz");
    expectRefused(
      genclass("evaluate", "run", "--data", "small.npz"),
      2,
      /E_RUN_CONFLICT: the model takes pictures of 28x28x1, the data has 20x20x1/,
    );
  });

  it("generates a sheet; the same seed gives the same pictures", async () => {
    for (const name of ["a", "b"])
      expect(genclass("generate", "run", "--count", "4", "--out", `${name}.png`).code).toBe(0);
    expect(genclass("generate", "run", "--count", "4", "--seed", "1", "--out", "c.png").code).toBe(0);
    const [a, b, c] = await Promise.all(
      ["a", "b", "c"].map((name) =>
        sharp(join(root, `${name}.png`))
          .raw()
          .toBuffer(),
      ),
    );
    expect(a!.equals(b!)).toBe(true);
    expect(a!.equals(c!)).toBe(false);
  });

  it("says what it can do instead of what it cannot", () => {
    const other = /E_HEAD: this model has no head "\w+"; it has sample, discriminate/;
    expectRefused(genclass("classify", "run", "pictures"), 2, other);
    expectRefused(genclass("reconstruct", "run", "pictures"), 2, other);
    expectRefused(genclass("export", "run", "--head", "classify", "--out", "x.onnx"), 2, other);
    expectRefused(
      genclass("generate", "run", "--class", "3", "--out", "x.png"),
      2,
      /E_HEAD: this model can be asked for no class/,
    );
  });

  it("exports the generator by default, and any head by name", () => {
    const { file, inputs, outputs } = JSON.parse(genclass("export", "run", "--out", "g.onnx", "--json").out);
    expect([file, inputs, outputs]).toEqual([
      "g.onnx",
      ["noise:noise: float32 [batch, 8] normal"],
      ["picture: float32 [batch, 28, 28, 1]"],
    ]);
    const named = JSON.parse(genclass("export", "run", "--head", "discriminate", "--json").out);
    expect(named).toMatchObject({
      file: join("run", "discriminate-1.onnx"),
      inputs: ["pixels: uint8 [batch, 28, 28, 1], 0..255"],
      outputs: ["score: float32 [batch]"],
    });
  });
});
