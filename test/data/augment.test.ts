import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  AUGMENTATIONS,
  type Augmentation,
  CHANGES,
  type ChangeName,
  chooseAugmentation,
  consistencyViews,
  mixes,
} from "../../src/data/augment.ts";
import { gather } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { Transformer } from "../../src/data/transform.ts";
import { Random } from "../../src/random/random.ts";

const shape = { height: 3, width: 4, channels: 1 };
const ramp = Uint8Array.from({ length: 12 }, (_, i) => i * 20);

function changed(rule: Augmentation, seed: number, bytes: Uint8Array = ramp, size = shape): Uint8Array {
  const out = bytes.slice();
  new Transformer(size, rule).apply(out, 0, new Random(seed));
  return out;
}

describe("changes of a picture", () => {
  it("none leaves it, a mirror reverses its rows, half of the time", () => {
    expect(changed({}, 1)).toEqual(ramp);
    const rows = [0, 1, 2].map((y) => [...ramp.subarray(4 * y, 4 * y + 4)]);
    const mirrored = rows.flatMap((row) => row.reverse());
    const results = Array.from({ length: 40 }, (_, seed) => [...changed({ flip: 0.5 }, seed)].join());
    expect(new Set(results)).toEqual(new Set([[...ramp].join(), mirrored.join()]));
  });

  it("a strength of 0 mixes nothing, and does not keep other changes of colour from being made", () => {
    const colour = Uint8Array.from({ length: 48 }, (_, i) => (i * 37) % 256);
    const size = { height: 4, width: 4, channels: 3 };
    expect(changed({ brightness: 0 }, 1, colour, size)).toEqual(colour);
    for (const rule of [{ contrast: 0.5 }, { saturation: 0.5 }, { hue: 90 }])
      expect(changed({ brightness: 0, ...rule }, 1, colour, size)).not.toEqual(colour);
    expect([mixes({ mixup: 0, cutmix: 0 }), mixes({ mixup: 0, cutmix: 1 })]).toEqual([false, true]);
  });

  it("an affine map by zero is the identity, in grey and in colour", () => {
    expect(changed({ rotate: 1e-9 }, 1)).toEqual(ramp);
    const colour = Uint8Array.from({ length: 48 }, (_, i) => (i * 37) % 256);
    expect(changed({ scale: 1e-9 }, 1, colour, { height: 4, width: 4, channels: 3 })).toEqual(colour);
  });

  it.each([0, 1])("an affine map has the bilinear values of a plain calculation, within a level (flip %i)", (flip) => {
    for (const [h, w, c] of [
      [9, 12, 1],
      [8, 5, 3],
      [1, 6, 1],
    ] as const) {
      const bytes = Uint8Array.from({ length: h * w * c }, (_, i) => (i * 71) % 256);
      const size = { height: h, width: w, channels: c };
      const out = changed({ shift: 0.2, flip, rotate: 30, scale: 0.3, shear: 20 }, 4, bytes, size);
      // In the order in which they are drawn.
      const random = new Random(4);
      const symmetric = () => 2 * random.uniform() - 1;
      const [dx, dy] = [symmetric() * 0.2 * w, symmetric() * 0.2 * h];
      random.uniform();
      const angle = (symmetric() * 30 * Math.PI) / 180;
      const zoom = 1 + symmetric() * 0.3;
      const shear = Math.tan((symmetric() * 20 * Math.PI) / 180);
      const [cos, sin, cy, cx] = [Math.cos(angle), Math.sin(angle), (h - 1) / 2, (w - 1) / 2];
      const at = (y: number, x: number, k: number) => bytes[(Math.min(y, h - 1) * w + Math.min(x, w - 1)) * c + k]!;
      const within = (value: number, n: number) => Math.min(Math.max(value, 0), n - 1);
      out.forEach((value, i) => {
        const v = Math.floor(i / c / w) - cy - dy;
        const u = (flip ? -1 : 1) * ((Math.floor(i / c) % w) - cx) - dx + shear * v;
        const x = within((cos * u + sin * v) / zoom + cx, w);
        const y = within((cos * v - sin * u) / zoom + cy, h);
        const [fy, fx] = [y % 1, x % 1];
        const row = (r: number) => at(r, Math.floor(x), i % c) * (1 - fx) + at(r, Math.floor(x) + 1, i % c) * fx;
        const exact = row(Math.floor(y)) * (1 - fy) + row(Math.floor(y) + 1) * fy;
        // Half a level of rounding, and places to 1/1024 of a pixel: 255 / 2048 of a level in each direction, twice.
        expect(Math.abs(value - exact), `${h}x${w}x${c} at ${i}`).toBeLessThanOrEqual(1);
      });
    }
  });

  it("a shift moves whole pixels and repeats the edge", () => {
    for (let seed = 0; seed < 20; seed++) {
      const out = changed({ shift: 0.25 }, seed);
      // 0.25 of 4 columns and of 3 rows: by at most one column; rows by at most 0.75, rounded.
      const fits = [-1, 0, 1].some((dy) =>
        [-1, 0, 1].some((dx) =>
          out.every((value, i) => {
            const y = Math.min(2, Math.max(0, Math.floor(i / 4) - dy));
            const x = Math.min(3, Math.max(0, (i % 4) - dx));
            return value === ramp[4 * y + x];
          }),
        ),
      );
      expect(fits).toBe(true);
    }
  });

  it("blur keeps a constant picture and the mean of a dot far from the edge", () => {
    const size = { height: 21, width: 21, channels: 1 };
    expect(changed({ blur: 2 }, 3, new Uint8Array(441).fill(90), size)).toEqual(new Uint8Array(441).fill(90));
    const dot = new Uint8Array(441);
    for (const i of [219, 220, 221, 198, 240, 241, 242, 199, 200]) dot[i] = 255;
    const sum = (bytes: Uint8Array, power: number) => bytes.reduce((total, v) => total + v ** power, 0);
    const outs = [1, 2, 3, 4, 5, 6].map((seed) => changed({ blur: 1.5 }, seed, dot, size));
    // Two roundings of at most half a grey level a pixel; most pixels are exact zeros.
    for (const out of outs) expect(Math.abs(sum(out, 1) - sum(dot, 1))).toBeLessThan(60);
    expect(Math.min(...outs.map((out) => sum(out, 2)))).toBeLessThan(0.7 * sum(dot, 2));
  });

  it("colour changes leave grey grey, and a turn of hue keeps the brightness", () => {
    const size = { height: 1, width: 1, channels: 3 };
    for (let seed = 0; seed < 10; seed++) {
      const [r, g, b] = changed({ saturation: 1, hue: 180 }, seed, Uint8Array.of(120, 120, 120), size);
      expect(Math.abs(r! - g!) + Math.abs(g! - b!)).toBeLessThanOrEqual(2);
      const turned = changed({ hue: 60 }, seed, Uint8Array.of(140, 110, 120), size);
      const luma = (v: ArrayLike<number>) => 0.299 * v[0]! + 0.587 * v[1]! + 0.114 * v[2]!;
      expect(Math.abs(luma(turned) - luma([140, 110, 120]))).toBeLessThan(1.5);
    }
  });

  it("erasing changes one rectangle alone; noise has the deviation asked for", () => {
    const size = { height: 16, width: 16, channels: 1 };
    const flat = new Uint8Array(256).fill(7);
    const out = changed({ erase: 1 }, 5, flat, size);
    const touched = [...out.keys()].filter((i) => out[i] !== 7);
    const [rows, columns] = [touched.map((i) => Math.floor(i / 16)), touched.map((i) => i % 16)];
    const area = (Math.max(...rows) - Math.min(...rows) + 1) * (Math.max(...columns) - Math.min(...columns) + 1);
    // A noise value equals 7 once in 256 pixels.
    expect(touched.length / area).toBeGreaterThan(0.9);
    const noisy = changed({ noise: 0.1 }, 2, new Uint8Array(10_000).fill(128), {
      height: 100,
      width: 100,
      channels: 1,
    });
    const deviation = Math.sqrt(noisy.reduce((sum, v) => sum + (v - 128) ** 2, 0) / 10_000);
    // The strength is this seed's first draw; 10,000 values tell a deviation to 0.7 %, rounding adds below 1 %.
    const asked = new Random(2).uniform() * 0.1 * 255;
    expect(Math.abs(deviation / asked - 1)).toBeLessThan(0.04);
  });

  it("stretching takes values from places nearer to the centre or farther from it, along each axis by itself", () => {
    const size = { height: 8, width: 12, channels: 1 };
    const draws = new Random(6);
    const [wide, tall] = [draws.uniform(), draws.uniform()].map((u) => 1.5 ** (2 * u - 1)) as [number, number];
    expect(Math.abs(wide / tall - 1)).toBeGreaterThan(0.05);
    const places = (along: "x" | "y") => {
      // A ramp along the axis: bilinear values between two pixels are exact.
      const ramp = Uint8Array.from({ length: 96 }, (_, i) => 10 + 20 * (along === "x" ? i % 12 : Math.floor(i / 12)));
      return [...changed({ stretch: 0.5 }, 6, ramp, size)].map((value) => (value - 10) / 20);
    };
    const within = (value: number, last: number) => Math.min(last, Math.max(0, value));
    // Half a level of rounding is 1/40 of a pixel; places are kept to 1/1024 of one.
    places("x").forEach((x, i) => {
      expect(Math.abs(x - within(5.5 + ((i % 12) - 5.5) / wide, 11))).toBeLessThan(0.03);
    });
    places("y").forEach((y, i) => {
      expect(Math.abs(y - within(3.5 + (Math.floor(i / 12) - 3.5) / tall, 7))).toBeLessThan(0.03);
    });
  });

  it("elastic displacement has the deviation asked for in the middle, where a point of its grid lies", () => {
    const size = { height: 41, width: 41, channels: 1 };
    // A ramp of 6 levels a pixel, so that the middle's value tells the displacement along x there.
    const ramp = Uint8Array.from({ length: 41 * 41 }, (_, i) => 6 * (i % 41));
    let [squares, amounts] = [0, 0];
    for (let seed = 0; seed < 400; seed++) {
      const displaced = changed({ elastic: 0.1 }, seed, ramp, size)[20 * 41 + 20]! / 6 - 20;
      squares += displaced ** 2;
      amounts += (new Random(seed).uniform() * 0.1 * 41) ** 2;
    }
    // 400 squares of a normal variable times a uniform one: the ratio of sums has a standard deviation of about 9 %.
    expect(Math.abs(squares / amounts - 1)).toBeLessThan(0.3);
  });

  it.each([1, 3])(
    "cutout fills one square with the mean colour, at most as large as asked for (%i channels)",
    (channels) => {
      const size = { height: 16, width: 20, channels };
      const bytes = Uint8Array.from({ length: 320 * channels }, (_, i) => (i % 2 === 0 ? 10 : 250) + (i % channels));
      const sides = new Set<number>();
      for (let seed = 0; seed < 60; seed++) {
        const out = changed({ cutout: 0.5 }, seed, bytes, size);
        const touched = [...Array(320).keys()].filter((i) => out[i * channels] !== bytes[i * channels]);
        const [rows, columns] = [touched.map((i) => Math.floor(i / 20)), touched.map((i) => i % 20)];
        const [tall, wide] = [new Set(rows).size, new Set(columns).size];
        expect(touched.length).toBe(tall * wide);
        expect(Math.max(tall, wide)).toBeLessThanOrEqual(8);
        sides.add(Math.max(tall, wide));
        for (const i of touched)
          for (let k = 0; k < channels; k++) {
            const values = bytes.filter((_, j) => j % channels === k);
            expect(out[i * channels + k]).toBe(Math.round(values.reduce((a, b) => a + b, 0) / values.length));
          }
      }
      // Sides are uniform up to 8 of 16 pixels.
      expect(sides.size).toBeGreaterThan(6);
    },
  );

  // Mixing needs a second picture, and mirroring in turn the number of the epoch.
  const ofOne = Object.keys(CHANGES).filter((name) => !["mixup", "cutmix", "mirror"].includes(name)) as ChangeName[];
  it.each(ofOne)(
    "%s at its default strength changes a glyph, as the random numbers say, and nothing beside it",
    async (name) => {
      const set = glyphs({ train: 1, test: 1, colour: true }).train;
      const glyph = await gather(set);
      const certain = name === "flip" || name === "erase" || name === "stroke";
      const rule = { [name]: certain ? 1 : CHANGES[name].default };
      const outs = [1, 2, 3].map((seed) => changed(rule, seed, glyph, set));
      // Not every time: a blur too slight to be seen is left out.
      expect(outs.some((out) => !Buffer.from(out).equals(Buffer.from(glyph)))).toBe(true);
      // Only a certain mirror image is the same for all random numbers.
      expect(new Set(outs.map((out) => Buffer.from(out).toString("base64"))).size).toBe(name === "flip" ? 1 : 3);
      // The same seed again, by a transformer that has changed another picture before, between two neighbours.
      const transformer = new Transformer(set, rule);
      transformer.apply(
        glyph.map((value) => 255 - value),
        0,
        new Random(7),
      );
      const { length } = glyph;
      const row = new Uint8Array(3 * length).fill(9);
      row.set(glyph, length);
      transformer.apply(row, length, new Random(2));
      const neighbour = new Uint8Array(length).fill(9);
      expect(Buffer.compare(row, Buffer.concat([neighbour, outs[1]!, neighbour]))).toBe(0);
    },
  );
});

describe("policies", () => {
  // Digests of what version 0.1.0 made of the same bytes: runs that go on must see the pictures that they would have seen.
  it.each([
    ["gentle", 1, "7418584f1973a93f"],
    ["gentle", 3, "9f94729cf67ec227"],
    ["light", 1, "54c838d4edf970f5"],
    ["light", 3, "08c17d781e6e4227"],
    ["strong", 1, "5830c1224f2a86e8"],
    ["strong", 3, "8b9ddc065f90f4fb"],
  ] as const)("%s changes pictures of %i channels as it always did", (name, channels, digest) => {
    const side = channels === 1 ? 28 : 32;
    const size = { height: side, width: side, channels };
    const bytes = Uint8Array.from({ length: side * side * channels }, (_, i) => (i * i * 7 + i * 31) % 256);
    const hash = createHash("sha256");
    for (let seed = 0; seed < 40; seed++) hash.update(changed(AUGMENTATIONS[name], seed, bytes, size));
    expect(hash.digest("hex").slice(0, 16)).toBe(digest);
  });

  it.each([
    [1, false],
    [1, true],
    [3, true],
    [3, false],
  ] as const)(
    "of consistency training mirror where that is allowed, and are the words weak and hard (%i, %s)",
    (channels, mirror) => {
      const views = consistencyViews(channels, mirror);
      expect(views.weak.flip).toBe(mirror ? 0.5 : undefined);
      expect(views.hard.flip).toBe(mirror ? 0.5 : undefined);
      expect(chooseAugmentation("weak", channels, mirror)).toEqual(views.weak);
      expect(chooseAugmentation("hard", channels, mirror)).toEqual(views.hard);
      for (const policy of Object.values(views))
        for (const [name, strength] of Object.entries(policy))
          expect(strength, name).toBeLessThanOrEqual(CHANGES[name as ChangeName].max);
    },
  );

  it("auto mirrors where a mirrored picture keeps its class, and turns drawings", () => {
    expect(chooseAugmentation("auto", 1, false)).toEqual({ shift: 0.08, rotate: 10, scale: 0.1 });
    expect(chooseAugmentation("auto", 1, true)).toEqual({ flip: 0.5, shift: 0.04 });
    expect(chooseAugmentation("auto", 3, true)).toEqual({ flip: 0.5, shift: 0.08 });
  });
  it("combine: later words add to or replace earlier ones, 0 takes away", () => {
    expect(chooseAugmentation("strong,rotate=5,cutmix,scale=0", 3, true)).toEqual({
      flip: 0.5,
      shift: 0.08,
      rotate: 5,
      cutmix: 1,
    });
  });
  it.each([
    ["rotat", /unknown word "rotat"; did you mean "rotate"\?/],
    ["light,shift=2", /shift=NUMBER in 0..0.5/],
    ["shift=", /shift=NUMBER in 0..0.5/],
    ["shift=a", /shift=NUMBER/],
    ["operations=1.5", /operations=WHOLE NUMBER in 0..8/],
    ["", /unknown word ""/],
  ])("that are wrong (%s) are refused with what is known", (text, message) => {
    expect(() => chooseAugmentation(text, 3, true)).toThrowError(message);
  });
});
