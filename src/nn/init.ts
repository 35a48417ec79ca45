// First values of parameters. Fans follow the weight layouts: dense [in, out], convolution [kh, kw, in, out].
import { type Shape, sizeOf } from "../base/array.ts";
import type { Random } from "../random/random.ts";

export type Initializer = (shape: Shape, random: Random) => Float32Array;

export const constantInit =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(sizeOf(shape)).fill(value);

export const zerosInit = constantInit(0);
export const onesInit = constantInit(1);

/** N(0, deviation²) */
export const normalInit =
  (deviation: number): Initializer =>
  (shape, random) => {
    const values = new Float32Array(sizeOf(shape));
    random.fillNormal(values);
    for (let i = 0; i < values.length; i++) values[i]! *= deviation;
    return values;
  };

/** U(-limit, limit) */
const uniformInit =
  (limit: (shape: Shape) => number): Initializer =>
  (shape, random) => {
    const values = new Float32Array(sizeOf(shape));
    random.fillUniform(values);
    const bound = limit(shape);
    for (let i = 0; i < values.length; i++) values[i] = (2 * values[i]! - 1) * bound;
    return values;
  };

function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const taps = sizeOf(shape.slice(0, -2));
  return { fanIn: taps * (shape[shape.length - 2] ?? 1), fanOut: taps * (shape[shape.length - 1] ?? 1) };
}

/** He et al. 2015, for rectifiers: N(0, 2 / fan in). */
export const heNormal: Initializer = (shape, random) => normalInit(Math.sqrt(2 / fans(shape).fanIn))(shape, random);

/** Glorot & Bengio 2010: U(±√(6 / (fan in + fan out))). */
export const glorotUniform: Initializer = uniformInit((shape) => {
  const { fanIn, fanOut } = fans(shape);
  return Math.sqrt(6 / (fanIn + fanOut));
});

/** U(±1/√fan in), PyTorch's default for linear and convolution layers. */
export const fanInUniform: Initializer = uniformInit((shape) => 1 / Math.sqrt(fans(shape).fanIn));
