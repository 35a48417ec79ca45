// A model that tells angles, through the real command line.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { drawPictures, expectRefused, workplace } from "./workplace.ts";

const { genclass, root } = workplace("angle");

describe("a model that tells angles on the command line", () => {
  beforeAll(async () => {
    await drawPictures(root);
    expect(genclass("data", "make", "glyphs", "--count", "60", "--test", "20", "--out", "digits").code).toBe(0);
    const { code, err } = genclass(
      ...["train", "angle-vae", "--data", "digits", "--epochs", "1", "--batch", "30", "--out", "run", "--json"],
      ...["--set", "width=4", "--set", "decoderWidth=4", "--augment", "rotate=180"],
    );
    expect([code, err]).toEqual([0, expect.stringMatching(/epoch 1 /)]);
  });

  it("shows turned pictures and what it turns upright of them in the report", async () => {
    const { width, height } = await sharp(join(root, "run", "samples", "upright.png")).metadata();
    // Four pictures in ten turns each, a row of upright ones below each row; 28 pixels and a line, enlarged twice.
    expect([width, height]).toEqual([2 * (10 * 29 + 1), 2 * (8 * 29 + 1)]);
    expect(readFileSync(join(root, "run", "report.html"), "utf8")).toContain("turned by steps of 36 degrees");
  });

  it("reconstructs with a third column of upright pictures, and tells angle and deviation", async () => {
    const call = ["reconstruct", "run", "pictures/3-is-3.png", "pictures/4-is-4.png", "--canonical"];
    const { picture, files } = JSON.parse(genclass(...call, "--json", "--out", "upright.png").out);
    expect(picture).toBe("upright.png");
    const { width, height } = await sharp(join(root, "upright.png")).metadata();
    expect([width, height]).toEqual([2 * (3 * 29 + 1), 2 * (2 * 29 + 1)]);
    expect(files).toHaveLength(2);
    for (const { angle, angleSpread } of files) {
      expect(Math.abs(angle)).toBeLessThanOrEqual(180);
      expect(angleSpread).toBeGreaterThan(0);
    }
    expect(genclass(...call).out).toMatch(/angle \(degrees\).*its standard deviation/);
  });

  it("tells in an evaluation how far off angles are, in degrees", () => {
    const { metrics, intervals } = JSON.parse(genclass("evaluate", "run", "--json").out);
    expect(metrics.angleError).toBeGreaterThan(0);
    expect(metrics.angleError).toBeLessThanOrEqual(180);
    expect(intervals.angleError[0]).toBeLessThan(metrics.angleError);
    expect(JSON.parse(readFileSync(join(root, "run", "metrics.json"), "utf8")).parts.test.metrics.angleError).toBe(
      metrics.angleError,
    );
  });

  it("without an angle encoder it says that it cannot", () => {
    const { code } = genclass(
      ...["train", "angle-vae", "--data", "digits", "--epochs", "1", "--batch", "30", "--out", "plain", "--json"],
      ...["--set", "width=4", "--set", "decoderWidth=4", "--set", "angleEncoder=false"],
    );
    expect(code).toBe(0);
    expect(existsSync(join(root, "plain", "samples", "upright.png"))).toBe(false);
    expectRefused(
      genclass("reconstruct", "plain", "pictures", "--canonical"),
      2,
      /E_HEAD: this model has no head "canonical"/,
    );
  });
});
