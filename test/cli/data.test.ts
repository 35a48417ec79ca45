import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { expectRefused, SMALL, workplace } from "./workplace.ts";

const { root, genclass } = workplace("data");
const data = (...args: string[]) => genclass("data", ...args);

beforeAll(() => {
  expect(data("make", "glyphs", "--out", "digits", "--count", "120", "--test", "40")).toMatchObject({
    code: 0,
    out: "160 pictures: digits\n",
  });
  // An exact copy across parts.
  const [first] = readdirSync(join(root, "digits/train/3"));
  copyFileSync(join(root, "digits/train/3", first!), join(root, "digits/test/3/copy.png"));
});

describe("genclass data", () => {
  it("info tells classes, parts, sizes and kinds of files", () => {
    const found = JSON.parse(data("info", "digits", "--json").out);
    expect(found).toMatchObject({
      name: "digits",
      classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
      size: { height: 28, width: 28, channels: 1 },
      parts: { train: { pictures: 120, unlabelled: 0 }, test: { pictures: 41 } },
      headers: { pictures: 161, unreadable: [], depth: [2, 2], height: [28, 28, 28], kinds: { "png b-w": 161 } },
    });
    expect(data("info", "digits").out).toMatch(/class\s+train\s+test\n0\s+12\s+4/);
  });

  it("check finds the copy, and writes a page that holds its thumbnails", () => {
    const { code, out } = data("check", "digits", "--json", "--out", "check.html");
    expect(code).toBe(0);
    const found = JSON.parse(out);
    expect(found.exact).toHaveLength(1);
    expect(found.exact[0]).toMatchObject({
      a: { part: "train" },
      b: { part: "test", name: join("test", "3", "copy.png") },
    });
    const page = readFileSync(join(root, "check.html"), "utf8");
    expect(page).toContain("Exact duplicates");
    expect(page).toContain("data:image/png;base64,");
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
    const text = data("check", "digits");
    expect(text.out).toMatch(/exact duplicates: 1\n.*copy\.png.*across parts/);
    expect(existsSync(join(root, "runs/data-check-digits-1.html"))).toBe(true);
  });

  it("check --run reads pictures as the run does", () => {
    const how = ["--image", "28x20", "--resize", "pad"];
    const trained = genclass("train", "vae", "--data", "digits", ...how, "--epochs", "1", "--out", "run", ...SMALL);
    expect(trained.code).toBe(0);
    const thumbnails = (page: string, ...options: string[]): string[] => {
      expect(data("check", "digits", "--out", page, ...options).code).toBe(0);
      return readFileSync(join(root, page), "utf8").match(/data:image\/png;base64,[^"]+/g)!;
    };
    const asRun = thumbnails("as-run.html", "--run", "run");
    expect(asRun).toEqual(expect.arrayContaining(thumbnails("padded.html", ...how)));
    // What the call asks for is done all the same.
    const fitted = thumbnails("fitted.html", "--image", "28x20");
    expect(fitted.some((one) => asRun.includes(one))).toBe(false);
    expect(thumbnails("asked.html", "--run", "run", "--resize", "fit")).toEqual(expect.arrayContaining(fitted));
  });

  it("check and info tell of a class folder without pictures, and of all the rest", () => {
    cpSync(join(root, "digits"), join(root, "gaps"), { recursive: true });
    mkdirSync(join(root, "gaps/train/ten"));
    const { code, out, err } = data("check", "gaps");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^ten\s+0\s+0$/m);
    expect(out).toContain('no picture of class "ten" in train\n');
    expect(out).toMatch(/exact duplicates: 1\n/);
    expect(out).toMatch(/class folders without a picture, which training refuses; add .* \(1\): train\/ten/);
    expect(data("info", "gaps").out).toMatch(/note: class folders without a picture.*: train\/ten/);
    expectRefused(
      data("convert", "gaps", "--out", "gaps.npz"),
      1,
      /class "ten" has no picture; add pictures or remove/,
    );
  });

  it("convert keeps pictures and classes, by the ending of --out or --to", () => {
    expect(data("convert", "digits", "--out", "digits.npz").out).toBe("161 pictures: digits.npz\n");
    expect(data("convert", "digits.npz", "--to", "shards", "--shard", "50", "--out", "shards").code).toBe(0);
    expect(readdirSync(join(root, "shards"))).toEqual([
      "test-000000.tar",
      "train-000000.tar",
      "train-000001.tar",
      "train-000002.tar",
    ]);
    expect(JSON.parse(data("info", "shards", "--json").out)).toMatchObject({ parts: { train: { pictures: 120 } } });
  });

  it("augment-preview draws a sheet of ten columns and eight rows", async () => {
    const { code, out } = data("augment-preview", "digits", "--augment", "strong,cutmix", "--out", "sheet.png");
    expect([code, out]).toEqual([0, expect.stringContaining("--augment shift=0.08,rotate=10,scale=0.1,cutmix=1\n")]);
    const { width, height } = await sharp(join(root, "sheet.png")).metadata();
    // 29 pixels a cell and the frame, twice enlarged.
    expect([width, height]).toEqual([2 * (10 * 29 + 1), 2 * (8 * 29 + 1)]);
  });

  it.each([
    [["make", "digits", "--out", "x"], 2, /unknown data set "digits"; the program draws: glyphs/],
    [["make", "glyphs", "--out", "digits"], 1, /digits is not empty; nothing is overwritten/],
    [["check", "digits", "--out", "check.html"], 1, /check.html exists; nothing is overwritten/],
    [["convert", "digits"], 2, /required option '--out <path>' not specified/],
    [["augment-preview", "digits", "--augment", "flop"], 2, /unknown word "flop"; did you mean "flip"\?/],
    [["chek", "digits"], 2, /unknown command 'chek'/],
    [["info", "nowhere"], 1, /no data at "nowhere"/],
  ])("%j is refused with the way out", (args, code, message) => {
    expectRefused(data(...args), code, message);
  });
});
