// Image to image through the real command line: pairs made by the program, their measure, and translations as files.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { drawPictures, expectRefused, workplace } from "./workplace.ts";

const { genclass, root } = workplace("translate");
const sizeOf = async (file: string) => {
  const { width, height } = await sharp(join(root, file)).metadata();
  return [width, height];
};

describe("a model that learns from pairs on the command line", () => {
  let trained: { metrics: Record<string, number> };

  beforeAll(async () => {
    await drawPictures(root);
    expect(genclass("data", "make", "glyphs", "--count", "60", "--test", "20", "--out", "digits").code).toBe(0);
    const { code, out, err } = genclass(
      ...["train", "pix2pix", "--data", "digits", "--pairs", "denoise=0.3", "--epochs", "2", "--batch", "20"],
      ...["--set", "width=4", "--set", "depth=2", "--out", "run", "--json"],
    );
    expect([code, err]).toEqual([0, expect.stringMatching(/epoch 2 .* peak signal-to-noise ratio/)]);
    trained = JSON.parse(out);
  });

  it("keeps how its pairs are made, and is measured on them again to the same number", () => {
    const config = JSON.parse(readFileSync(join(root, "run", "config.json"), "utf8"));
    expect(config.data.pairs).toEqual({ change: "denoise", amount: 0.3 });
    const { metrics } = JSON.parse(genclass("evaluate", "run", "--json").out);
    expect(metrics.psnr).toBeCloseTo(trained.metrics["test/psnr"]!, 4);
    expect(metrics.ssim).toBeGreaterThan(-1);
    // 10 log10(1 / 0.3²) is 10.5 dB; what is cut off at black and white makes it less noisy.
    expect(metrics.psnrBefore).toBeGreaterThan(10.5);
    expect(metrics.psnrBefore).toBeLessThan(14);
    expectRefused(
      genclass("train", "pix2pix", "--pairs", "denoise=0.4", "--resume", "--out", "run"),
      2,
      /--pairs cannot change when a run goes on: run has denoise=0.3, the call says denoise=0.4/,
    );
  });

  it("shows noisy pictures, their translations and what these should be in the report", async () => {
    // Twenty pictures, four triples a row; 28 pixels and a line, enlarged twice.
    expect(await sizeOf("run/samples/translations.png")).toEqual([2 * (12 * 29 + 1), 2 * (5 * 29 + 1)]);
    expect(readFileSync(join(root, "run", "report.html"), "utf8")).toContain(
      "its translation, and what that should be",
    );
  });

  it("translates files to a sheet, or to a folder of pictures", async () => {
    const pictures = ["pictures/3-is-3.png", "pictures/4-is-4.png"];
    const sheet = JSON.parse(genclass("translate", "run", ...pictures, "--out", "clean.png", "--json").out);
    expect(sheet).toEqual({
      ...{ run: "run", out: "clean.png" },
      files: pictures.map((file) => ({ file, to: null, picture: "clean.png" })),
    });
    expect(await sizeOf("clean.png")).toEqual([2 * (2 * 29 + 1), 2 * (2 * 29 + 1)]);
    expect(genclass("translate", "run", ...pictures, "--out", "clean").out).toMatch(/2 pictures: clean/);
    expect(readdirSync(join(root, "clean"))).toEqual(["00000-3-is-3.png", "00001-4-is-4.png"]);
    expect(await sizeOf("clean/00000-3-is-3.png")).toEqual([28, 28]);
    expectRefused(genclass("translate", "run", ...pictures, "--out", "clean"), 1, /E_WRITE: /);
    expectRefused(genclass("translate", "run", ...pictures, "--to", "3"), 2, /E_USAGE: --to 3: .*told no class/);
  });

  it("needs pairs, and says how to make them", () => {
    expectRefused(
      genclass("train", "pix2pix", "--data", "digits", "--epochs", "1", "--out", "single"),
      1,
      /needs pairs of pictures; the data has single ones.*--pairs/,
    );
    expectRefused(
      genclass("train", "pix2pix", "--data", "digits", "--pairs", "denoise=9", "--out", "single"),
      2,
      /--pairs .*expected one of denoise=NUMBER \(0.01..2\), inpaint/,
    );
    expectRefused(
      genclass("train", "pix2pix", "--data", "digits", "--pairs", "colour", "--out", "single"),
      2,
      /--pairs colour: .*greyscale/,
    );
    expect(existsSync(join(root, "single"))).toBe(false);
  });
});

describe("a model that keeps class and style apart on the command line", () => {
  it("translates to a class, or to each in turn", async () => {
    const { code } = genclass(
      ...["train", "m2", "--data", "digits", "--epochs", "1", "--batch", "30", "--out", "styles", "--json"],
      ...["--set", "width=4", "--set", "decoderWidth=4", "--set", "hidden=16", "--set", "latent=4"],
    );
    expect(code).toBe(0);
    expect(genclass("translate", "styles", "pictures/3-is-3.png", "--out", "all.png").code).toBe(0);
    expect(await sizeOf("all.png")).toEqual([2 * (11 * 29 + 1), 2 * 30]);
    const { files } = JSON.parse(
      genclass("translate", "styles", "pictures/3-is-3.png", "--to", "7", "--out", "sevens", "--json").out,
    );
    expect(files).toEqual([{ file: "pictures/3-is-3.png", to: "7", picture: join("sevens", "00000-3-is-3-as-7.png") }]);
    expectRefused(genclass("translate", "styles", "pictures", "--to", "seven"), 2, /E_NAME: .*class "seven"/);
  });
});
