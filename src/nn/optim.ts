// Optimizers as pure graph functions: slots and gradients in, new parameters and slots out. Transforms chain.
// Powers of the decay rates are computed outside the graph in float64 and fed as scalars.
import { type Shape, sizeOf } from "../base/array.ts";
import { SCALAR_PREFIX } from "../graph/names.ts";
import * as g from "../graph/ops/index.ts";
import { input, type Tensor } from "../graph/tensor.ts";

/** One optimizer or one step in a chain. `S` slots a parameter, all starting at zero. */
export interface Optimizer {
  readonly slots: readonly string[];
  /** Scalars of step `t` (from 1) at learning rate `rate`. */
  scalars(t: number, rate: number): Readonly<Record<string, number>>;
  /** The new value of a parameter and of its slots. */
  update(parameter: Tensor, gradient: Tensor, slots: readonly Tensor[], scalar: (name: string) => Tensor): Updated;
}

interface Updated {
  parameter: Tensor;
  slots: readonly Tensor[];
}

export interface SgdOptions {
  momentum?: number;
  nesterov?: boolean;
}

/** Stochastic gradient descent; momentum as in PyTorch: v = μ v + g. */
export function sgd({ momentum = 0, nesterov = false }: SgdOptions = {}): Optimizer {
  return {
    slots: momentum > 0 ? ["velocity"] : [],
    scalars: (_t, rate) => ({ rate }),
    update(parameter, gradient, [velocity], scalar) {
      if (!velocity) return { parameter: g.sub(parameter, g.mul(gradient, scalar("rate"))), slots: [] };
      const now = g.add(g.mul(velocity, momentum), gradient);
      const direction = nesterov ? g.add(gradient, g.mul(now, momentum)) : now;
      return { parameter: g.sub(parameter, g.mul(direction, scalar("rate"))), slots: [now] };
    },
  };
}

export interface AdamOptions {
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  /** Decoupled weight decay (Loshchilov & Hutter 2019): AdamW. */
  decay?: number;
}

/**
 * Adam (Kingma & Ba 2015, algorithm 1). The slots are m/(1-β₁) and v/(1-β₂), plain decaying sums, which saves two passes
 * over the weights; the missing factors are in the scalars, and the result is the same.
 */
export function adam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0 }: AdamOptions = {}): Optimizer {
  return {
    slots: ["m", "v"],
    scalars(t, rate) {
      const meanScale = (1 - beta1) / (1 - beta1 ** t);
      const rootScale = Math.sqrt((1 - beta2) / (1 - beta2 ** t));
      return { size: (rate * meanScale) / rootScale, epsilon: epsilon / rootScale, keep: 1 - rate * decay };
    },
    update(parameter, gradient, [m, v], scalar) {
      const m1 = g.add(g.mul(m!, beta1), gradient);
      const v1 = g.add(g.mul(v!, beta2), g.square(gradient));
      const move = g.mul(g.div(m1, g.add(g.sqrt(v1), scalar("epsilon"))), scalar("size"));
      const kept = decay > 0 ? g.mul(parameter, scalar("keep")) : parameter;
      return { parameter: g.sub(kept, move), slots: [m1, v1] };
    },
  };
}

export interface RmspropOptions {
  decay?: number;
  epsilon?: number;
}

/** RMSprop as in PyTorch (uncentred): v = α v + (1-α) g². */
export function rmsprop({ decay = 0.99, epsilon = 1e-8 }: RmspropOptions = {}): Optimizer {
  return {
    slots: ["v"],
    scalars: (_t, rate) => ({ rate }),
    update(parameter, gradient, [v], scalar) {
      const now = g.add(g.mul(v!, decay), g.mul(g.square(gradient), 1 - decay));
      return {
        parameter: g.sub(parameter, g.mul(g.div(gradient, g.add(g.sqrt(now), epsilon)), scalar("rate"))),
        slots: [now],
      };
    },
  };
}

/** Scales all gradients so that their joint norm is at most `limit` (Pascanu et al. 2013). */
export function clipByGlobalNorm(gradients: readonly Tensor[], limit: number): Tensor[] {
  const squares = gradients.map((gradient) => g.sum(g.square(gradient)));
  const norm = g.sqrt(squares.reduce((a, b) => g.add(a, b)));
  const factor = g.minimum(g.div(limit, g.add(norm, 1e-12)), 1);
  return gradients.map((gradient) => g.mul(gradient, factor));
}

/** What `applyOptimizer` needs to know of one phase. */
export interface OptimizerUse {
  /** Slots live at `optimizer/PHASE/PATH/SLOT`. */
  phase: string;
  optimizer: Optimizer;
  clip?: number;
}

/**
 * Parameters with fewer values are updated as one array with common slots: an update is a dozen nodes a parameter, and for
 * a bias that is all overhead. Every optimizer here is elementwise, so the values are the same.
 */
const PACKED_BELOW = 16384;
/** Where the common slots live, in place of a parameter's path. */
export const PACKED = "(small)";

/** The path of an optimizer slot in the state. */
export const slotPath = (phase: string, path: string, slot: string): string => `optimizer/${phase}/${path}/${slot}`;

/** New values for parameters and slots; `state` gives the tensor of a slot. */
export function applyOptimizer(
  { phase, optimizer, clip }: OptimizerUse,
  parameters: readonly (readonly [path: string, tensor: Tensor])[],
  gradients: readonly Tensor[],
  state: (path: string, shape: Shape) => Tensor,
): Map<string, Tensor> {
  const updates = new Map<string, Tensor>();
  const clipped = clip ? clipByGlobalNorm(gradients, clip) : gradients;
  const scalars = new Map<string, Tensor>();
  const scalar = (name: string) => {
    const known = scalars.get(name) ?? input(SCALAR_PREFIX + name, []);
    scalars.set(name, known);
    return known;
  };
  const gradientOf = new Map(parameters.map(([path], i) => [path, clipped[i]!]));
  const small = parameters.filter(([, tensor]) => sizeOf(tensor.shape) < PACKED_BELOW);
  const large = parameters.filter((entry) => small.length < 2 || !small.includes(entry));
  const move = (path: string, tensor: Tensor, gradient: Tensor): Tensor => {
    const paths = optimizer.slots.map((slot) => slotPath(phase, path, slot));
    const result = optimizer.update(
      tensor,
      gradient,
      paths.map((slot) => state(slot, tensor.shape)),
      scalar,
    );
    paths.forEach((slot, k) => {
      updates.set(slot, result.slots[k]!);
    });
    return result.parameter;
  };
  for (const [path, tensor] of large) updates.set(path, move(path, tensor, gradientOf.get(path)!));
  if (small.length >= 2) {
    const flat = (tensors: readonly Tensor[]) => g.concat(tensors.map((x) => g.reshape(x, [sizeOf(x.shape)])));
    const packed = move(
      PACKED,
      flat(small.map(([, tensor]) => tensor)),
      flat(small.map(([path]) => gradientOf.get(path)!)),
    );
    let at = 0;
    for (const [path, tensor] of small) {
      const end = at + sizeOf(tensor.shape);
      updates.set(path, g.reshape(g.sliceAxis(packed, 0, at, end), tensor.shape));
      at = end;
    }
  }
  return updates;
}
