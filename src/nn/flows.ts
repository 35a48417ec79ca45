// Normalising flows: invertible maps of vectors with a tractable volume, which turn a simple density into a flexible one (Dinh et
// al. 2017, Kingma & Dhariwal 2018). A map may depend on a condition, such as a one-hot class.
import { type Shape, sizeOf } from "../base/array.ts";
import * as g from "../graph/ops/index.ts";
import { constant, scalar, type Tensor } from "../graph/tensor.ts";
import { type Initializer, zerosInit } from "./init.ts";
import { conditionalDense, dense } from "./layers.ts";
import type { Scope } from "./scope.ts";

/** The image of vectors under an invertible map. */
export interface Transformed {
  /** `[…, d]` */
  readonly y: Tensor;
  /** ln |det ∂y/∂x|, `[…]` or a shape that broadcasts to it. */
  readonly logDet: Tensor;
}

/**
 * An invertible map of vectors of `d` values, the last axis. The leading axes of a condition `[…, c]` broadcast with those of the
 * vectors: vectors `[n, 1, d]` under conditions `[1, k, c]` give `[n, k, d]`, each vector under each condition.
 */
export interface Bijection {
  /** The image of `x` `[n, d]`, and the logarithm of the determinant of its Jacobian. */
  forward(scope: Scope, x: Tensor, condition?: Tensor): Transformed;
  /** What `forward` maps to `y` `[n, d]`. */
  inverse(scope: Scope, y: Tensor, condition?: Tensor): Tensor;
}

/** Size of a RealNVP. */
export interface FlowShape {
  /** Number of steps, each of them a scaling, a mixing of all values and an affine coupling. */
  readonly steps: number;
  /** Units of the hidden layer of each coupling. */
  readonly hidden: number;
}

const widthOf = (x: Tensor): number => x.shape[x.shape.length - 1]!;

/** The first `size` values of the last axis, and the others. */
const cut = (x: Tensor, size: number): [Tensor, Tensor] => [
  g.sliceAxis(x, -1, 0, size),
  g.sliceAxis(x, -1, size, widthOf(x)),
];

/** Two parts side by side, of which the first may lack the axes of the condition. */
const join = (kept: Tensor, moved: Tensor): Tensor =>
  g.concat([g.broadcast(kept, [...moved.shape.slice(0, -1), widthOf(kept)]), moved]);

// ---------------------------------------------------------------------------------------------- the three maps of a step

/**
 * A trained scale and shift of each value, under a condition one for each of its values. It begins as the identity; there is no
 * start from data, because the flow as a whole begins as a permutation.
 */
const scaling: Bijection = {
  forward(scope, x, condition) {
    const logScale = trainedRow(scope.child("logScale"), widthOf(x), condition);
    const shift = trainedRow(scope.child("shift"), widthOf(x), condition);
    return { y: g.add(g.mul(x, g.exp(logScale)), shift), logDet: g.sum(logScale, -1) };
  },
  inverse(scope, y, condition) {
    const logScale = trainedRow(scope.child("logScale"), widthOf(y), condition);
    const shift = trainedRow(scope.child("shift"), widthOf(y), condition);
    return g.mul(g.sub(y, shift), g.exp(g.neg(logScale)));
  },
};

/** A trained vector `[d]`, or one that is linear in the condition: `[…, d]`. All zero at first. */
const trainedRow = (scope: Scope, d: number, condition?: Tensor): Tensor =>
  condition ? dense(scope, condition, d, { init: zerosInit }) : scope.param("bias", [d], zerosInit);

/**
 * A product with P (I + L) (I + U): a fixed permutation and trained strictly triangular matrices, zero at first. Its determinant is
 * ±1; the diagonal of the usual LU form (Kingma & Dhariwal 2018, section 3.2) is the scaling before it.
 */
const mixing: Bijection = {
  forward(scope, x) {
    const { permutation, lower, upper } = factors(scope, widthOf(x));
    const identity = matrix(widthOf(x), (row, column) => row === column);
    const whole = g.matmul(g.matmul(permutation, g.add(identity, lower)), g.add(identity, upper));
    return { y: g.matmul(x, whole), logDet: scalar(0) };
  },
  inverse(scope, y) {
    const { permutation, lower, upper } = factors(scope, widthOf(y));
    const whole = g.matmul(inverseOfUnit(upper), g.matmul(inverseOfUnit(lower), permutation, false, true));
    return g.matmul(y, whole);
  },
};

function factors(scope: Scope, d: number): { permutation: Tensor; lower: Tensor; upper: Tensor } {
  const below = matrix(d, (row, column) => row > column);
  const above = matrix(d, (row, column) => row < column);
  return {
    permutation: scope.buffer("permutation", [d, d], permutationInit),
    lower: g.mul(scope.param("lower", [d, d], zerosInit), below),
    upper: g.mul(scope.param("upper", [d, d], zerosInit), above),
  };
}

/**
 * (I + N)⁻¹ for a strictly triangular `N` [d, d]: since N^d = 0, it is the product of I + (-N)^(2^k) for all 2^k < d, and needs no
 * substitution row by row.
 */
function inverseOfUnit(strict: Tensor): Tensor {
  const d = widthOf(strict);
  const identity = matrix(d, (row, column) => row === column);
  let power = g.neg(strict);
  let product = g.add(identity, power);
  for (let exponent = 2; exponent < d; exponent *= 2) {
    power = g.matmul(power, power);
    product = g.matmul(product, g.add(identity, power));
  }
  return product;
}

/** A constant `[d, d]`: 1 where `one` holds, else 0. */
function matrix(d: number, one: (row: number, column: number) => boolean): Tensor {
  const data = Float32Array.from({ length: d * d }, (_, i) => Number(one(Math.floor(i / d), i % d)));
  return constant({ shape: [d, d], dtype: "float32", data });
}

/** The matrix of a random permutation. */
const permutationInit: Initializer = (shape: Shape, random) => {
  const values = new Float32Array(sizeOf(shape));
  random.permutation(shape[0]!).forEach((column, row) => {
    values[row * shape[1]! + column] = 1;
  });
  return values;
};

/** Largest logarithm of the scale in a coupling. */
const LARGEST_LOG_SCALE = 1.5;

/**
 * An affine coupling (Dinh et al. 2017, section 3.3): the second half of the values is scaled and shifted by a network of the first
 * half and the condition, whose last layer is zero at first.
 */
const coupling = (hidden: number): Bijection => {
  const network = (scope: Scope, kept: Tensor, size: number, condition?: Tensor) => {
    const units = conditionalDense(scope.child("hidden"), kept, condition, hidden);
    const [shift, raw] = cut(dense(scope.child("out"), g.leakyRelu(units), 2 * size, { init: zerosInit }), size);
    return { shift, logScale: g.mul(g.tanh(raw), LARGEST_LOG_SCALE) };
  };
  return {
    forward(scope, x, condition) {
      const [kept, moved] = cut(x, Math.ceil(widthOf(x) / 2));
      const { shift, logScale } = network(scope, kept, widthOf(moved), condition);
      return { y: join(kept, g.add(g.mul(moved, g.exp(logScale)), shift)), logDet: g.sum(logScale, -1) };
    },
    inverse(scope, y, condition) {
      const [kept, moved] = cut(y, Math.ceil(widthOf(y) / 2));
      const { shift, logScale } = network(scope, kept, widthOf(moved), condition);
      return join(kept, g.mul(g.sub(moved, shift), g.exp(g.neg(logScale))));
    },
  };
};

// ---------------------------------------------------------------------------------------------- RealNVP

/**
 * A RealNVP (Dinh et al. 2017) of vectors of at least two values, with a trained mixing in place of alternating masks. It begins as a
 * permutation of the values, under every condition: a density through it begins as the density of its base.
 */
export function realNvp({ steps, hidden }: FlowShape): Bijection {
  const maps = Array.from({ length: steps }, (_, i) =>
    Object.entries({ scaling, mixing, coupling: coupling(hidden) }).map(
      ([name, map]) => [`step${i + 1}-${name}`, map] as const,
    ),
  ).flat();
  return {
    forward(scope, x, condition) {
      let y = x;
      const logDets: Tensor[] = [];
      for (const [name, map] of maps) {
        const next = map.forward(scope.child(name), y, condition);
        y = next.y;
        logDets.push(next.logDet);
      }
      return { y, logDet: logDets.reduce((a, b) => g.add(a, b)) };
    },
    inverse: (scope, y, condition) =>
      [...maps].reverse().reduce((x, [name, map]) => map.inverse(scope.child(name), x, condition), y),
  };
}
