// What holds for angle-vae with any weights, because its encoder turns with the picture.
import { describe, expect, it } from "vitest";
import { type NdArray, zeros } from "../../src/base/array.ts";
import { interpret } from "../../src/graph/interpret.ts";
import { NOISE_PREFIX, STATE_PREFIX } from "../../src/graph/names.ts";
import { full, input, type Tensor } from "../../src/graph/tensor.ts";
import { wrapDegrees } from "../../src/metrics/circular.ts";
import { Predictions } from "../../src/metrics/metric.ts";
import { angleVae } from "../../src/models/angle-vae.ts";
import { applyHead } from "../../src/models/heads.ts";
import { parseOptions } from "../../src/models/index.ts";
import { quarterTurn, turn } from "../../src/nn/rotation.ts";
import { Build, initialState } from "../../src/nn/scope.ts";
import { expectClose } from "../helpers.ts";
import { klToStandard, logBernoulli, rowsOf } from "./bound-terms.ts";
import { inNumbers } from "./in-numbers.ts";
import { modelTests } from "./model-tests.ts";

const SIDE = 28;
const classes = ["a", "b", "c"];
const spec = { height: SIDE, width: SIDE, channels: 1, classes, mirror: false };
const model = angleVae.build(parseOptions(angleVae, { width: 4, decoderWidth: 4, latent: 4 }), spec);

/** Three humps of different size, nothing near the edge: no two directions look alike. */
const drawing: NdArray = {
  shape: [1, SIDE, SIDE, 1],
  dtype: "float32",
  data: Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [x, y] = [(i % SIDE) - 13.5, Math.floor(i / SIDE) - 13.5];
    const hump = (x0: number, y0: number, size: number) => size * Math.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 8);
    return hump(6, 1, 0.9) + hump(-2, 5, 0.6) + hump(1, -4, 0.3);
  }),
};

/** What heads give for the drawing, changed by `change`, with first weights, of which some are larger: by default two. */
function heads(
  names: readonly string[],
  change: (x: Tensor) => Tensor,
  more: Readonly<Record<string, number>> = {},
): Record<string, NdArray> {
  const build = new Build(false);
  const picture = change(input("x", [1, SIDE, SIDE, 1]));
  const outputs = names.map((name) => applyHead(model.heads[name]!, build.root, 1, { picture }));
  const feeds: Record<string, NdArray> = { x: drawing };
  // So that one angle is likely, and that what is drawn has contrast.
  const larger: Record<string, number> = { "angle/out/weights": 20, "decoder/deconv1/weights": 40, ...more };
  for (const [path, value] of initialState(build.state, 4, drawing)) {
    const factor = larger[path] ?? 1;
    feeds[STATE_PREFIX + path] = { ...value, data: Float64Array.from(value.data, (v) => v * factor) };
  }
  for (const [path, { shape }] of build.noises) feeds[NOISE_PREFIX + path] = zeros(shape);
  return Object.fromEntries(interpret(outputs, feeds).map((value, i) => [names[i]!, value]));
}

const NAMES = ["classify", "encode", "elbo", "angle", "angleSpread", "canonical", "reconstruct"];

describe("angle-vae", () => {
  const plain = heads(NAMES, (x) => x);

  it("turned by 90 degrees, a picture has the same class, code, bound and upright picture, and an angle 90 degrees larger", () => {
    const turned = heads(NAMES, quarterTurn);
    expect(wrapDegrees(turned.angle!.data[0]! - plain.angle!.data[0]! - 90)).toBeCloseTo(0, 2);
    // Places in the picture are float32 constants, good for 1e-6 of a pixel; the layers above enlarge that.
    for (const name of ["classify", "encode", "angleSpread", "canonical"])
      expectClose(turned[name]!.data, plain[name]!.data, 1e-4, name);
    expectClose(turned.elbo!.data, plain.elbo!.data, 1e-4, "elbo");
  });

  it("has the class that the picture turned upright has, whatever is told of its code", () => {
    const classes = (more: Readonly<Record<string, number>>) => heads(["classify"], (x) => x, more).classify!.data;
    expect(classes({ "classifier/out/weights": 5 })).toEqual(plain.classify!.data);
    expectClose(
      classes({ "upright/out/weights": 5 }),
      plain.classify!.data.map((value) => 5 * value),
      1e-6,
      "logits",
    );
  });

  it("turned by one bin, it has them up to interpolation, and an angle 11.25 degrees larger", () => {
    const turned = heads(NAMES, (x) => turn(x, full([1], (2 * Math.PI) / 32)));
    expect(Math.abs(wrapDegrees(turned.angle!.data[0]! - plain.angle!.data[0]! - 11.25))).toBeLessThan(2);
    expectClose(turned.classify!.data, plain.classify!.data, 0.05, "classify");
    expectClose(turned.encode!.data, plain.encode!.data, 0.05, "encode");
    expectClose(turned.canonical!.data, plain.canonical!.data, 0.1, "canonical");
  });
});

it("without an angle, angle-vae has a bound of its heads reconstruct, encode and encodeDeviation, of the pixels in the circle", () => {
  const n = 3;
  // The noise is 0, so that the draw is the posterior's mean.
  const values = inNumbers(angleVae, { width: 4, decoderWidth: 4, latent: 4, angleEncoder: false }, n);
  const rows = (head: string) => rowsOf(values.head(head), n);
  const [pixels, reconstructed] = [rowsOf(values.pixels, n), rows("reconstruct")];
  const [means, deviations] = [rows("encode"), rows("encodeDeviation")];
  values.head("elbo").forEach((bound, i) => {
    // Outside the circle reconstructions are 0, and inside they are not.
    const inside = (row: number[]) => row.filter((_, at) => reconstructed[i]![at]! > 0);
    const known = logBernoulli(inside(pixels[i]!), inside(reconstructed[i]!));
    expect(bound).toBeCloseTo(known - klToStandard(means[i]!, deviations[i]!), 9);
  });
});

describe("upright angles of classes", () => {
  it("are the common direction of a class's validation pictures, and 0 where there is none", () => {
    const angles = [10, 20, 30, 20, 15, 25, 20, 20, 20, 20, ...Array.from({ length: 20 }, (_, i) => 18 * i), 170, -170];
    const labels = [...new Array(10).fill(0), ...new Array(20).fill(1), 2, 2];
    const outputs = new Map([["angle", Float32Array.from(angles)]]);
    const [quantity] = model.fitted!;
    const { uprightAngles } = quantity!.fit(new Predictions(outputs, Int32Array.from(labels), 3))!;
    expect(uprightAngles!.data[0]).toBeCloseTo(20, 4);
    // Uniform angles have none; two pictures are too few.
    expect([...uprightAngles!.data.slice(1)]).toEqual([0, 0]);
  });
});

modelTests(angleVae, [
  { width: 4, decoderWidth: 8, latent: 8 },
  { width: 4, decoderWidth: 8, latent: 8, uprightClassifier: false, testRotations: 2, turnWeight: 0 },
  { width: 4, decoderWidth: 8, latent: 8, angleEncoder: false },
]);
