// Optimizers as pure graph functions: slots and gradients in, new parameters and slots out. What depends on the step number
// (powers of decay rates, the learning rate) is computed outside the graph in float64 and fed as scalars.
import { type Shape, sizeOf } from "../base/array.ts";
import { SCALAR_PREFIX } from "../graph/names.ts";
import * as g from "../graph/ops/index.ts";
import { input, type Tensor } from "../graph/tensor.ts";

/** What a step's scalars depend on. */
export interface StepSetting {
  /** Number of this step among the optimizer's own, from 1. */
  readonly step: number;
  /** By the schedule of the phase. */
  readonly learningRate: number;
  /** Factor on the optimizer's weight decay, for a group of parameters. */
  readonly decayScale: number;
}

/** An update rule for one parameter. */
export interface Optimizer {
  /** Names of the arrays that it keeps for each parameter, of the parameter's shape and zero at first. */
  readonly slots: readonly string[];
  /**
   * Whether each value is updated by its own gradient and slots alone. If so, small parameters may be updated as one array;
   * a rule that looks at a whole matrix (Muon, say) is not elementwise.
   */
  readonly elementwise: boolean;
  /** Numbers of one step, read by `update` through `scalar(name)`. */
  scalars(setting: StepSetting): Readonly<Record<string, number>>;
  /** The new value of a parameter and of its slots. */
  update(parameter: Tensor, gradient: Tensor, slots: readonly Tensor[], scalar: (name: string) => Tensor): Updated;
}

interface Updated {
  parameter: Tensor;
  slots: readonly Tensor[];
}

/** Options of `sgd`. */
export interface SgdOptions {
  /** Default 0. */
  momentum?: number;
  /** Whether the gradient is taken where momentum leads (Nesterov 1983). Default false. */
  nesterov?: boolean;
  /** Weight decay as an L2 penalty: decay · w is added to the gradient, as in PyTorch. Default 0. */
  decay?: number;
}

/** Stochastic gradient descent; momentum as in PyTorch: v = μ v + g. */
export function sgd({ momentum = 0, nesterov = false, decay = 0 }: SgdOptions = {}): Optimizer {
  return {
    slots: momentum > 0 ? ["velocity"] : [],
    elementwise: true,
    scalars: ({ learningRate, decayScale }) => ({
      rate: learningRate,
      ...(decay > 0 ? { decay: decay * decayScale } : {}),
    }),
    update(parameter, raw, [velocity], scalar) {
      const gradient = decay > 0 ? g.add(raw, g.mul(parameter, scalar("decay"))) : raw;
      if (!velocity) return { parameter: g.sub(parameter, g.mul(gradient, scalar("rate"))), slots: [] };
      const now = g.add(g.mul(velocity, momentum), gradient);
      const direction = nesterov ? g.add(gradient, g.mul(now, momentum)) : now;
      return { parameter: g.sub(parameter, g.mul(direction, scalar("rate"))), slots: [now] };
    },
  };
}

/** Options of `adam`. */
export interface AdamOptions {
  /** Default 0.9. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** Default 1e-8. */
  epsilon?: number;
  /** Decoupled weight decay (Loshchilov & Hutter 2019): AdamW. Default 0. */
  decay?: number;
}

/**
 * Adam (Kingma & Ba 2015, algorithm 1). The slots are m/(1-β₁) and v/(1-β₂), plain decaying sums, which saves two passes
 * over the weights; the missing factors are in the scalars, and the result is the same.
 */
export function adam({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0 }: AdamOptions = {}): Optimizer {
  return {
    slots: ["m", "v"],
    elementwise: true,
    scalars({ step: t, learningRate: rate, decayScale }) {
      const meanScale = (1 - beta1) / (1 - beta1 ** t);
      const rootScale = Math.sqrt((1 - beta2) / (1 - beta2 ** t));
      return {
        size: (rate * meanScale) / rootScale,
        epsilon: epsilon / rootScale,
        keep: 1 - rate * decay * decayScale,
      };
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

/** Options of `rmsprop`. */
export interface RmspropOptions {
  /** α: how much of the mean square is kept. Default 0.99. */
  decay?: number;
  /** Added to the root of the mean square. Default 1e-8. */
  epsilon?: number;
}

/** RMSprop as in PyTorch (uncentred): v = α v + (1-α) g². */
export function rmsprop({ decay = 0.99, epsilon = 1e-8 }: RmspropOptions = {}): Optimizer {
  return {
    slots: ["v"],
    elementwise: true,
    scalars: ({ learningRate }) => ({ rate: learningRate }),
    update(parameter, gradient, [v], scalar) {
      const now = g.add(g.mul(v!, decay), g.mul(g.square(gradient), 1 - decay));
      return {
        parameter: g.sub(parameter, g.mul(g.div(gradient, g.add(g.sqrt(now), epsilon)), scalar("rate"))),
        slots: [now],
      };
    },
  };
}

/** The joint Euclidean norm of gradients, a scalar. */
export function globalNorm(gradients: readonly Tensor[]): Tensor {
  const squares = gradients.map((gradient) => g.sum(g.square(gradient)));
  return g.sqrt(squares.reduce((a, b) => g.add(a, b)));
}

/** Scales all gradients so that their joint norm is at most `limit` (Pascanu et al. 2013). */
export function clipByGlobalNorm(gradients: readonly Tensor[], limit: number): Tensor[] {
  const factor = g.minimum(g.div(limit, g.add(globalNorm(gradients), 1e-12)), 1);
  return gradients.map((gradient) => g.mul(gradient, factor));
}

/**
 * Parameters with fewer values are updated as one array with common slots: an update is a dozen nodes a parameter, and for
 * a bias that is all overhead. With an elementwise optimizer the values are the same.
 */
const PACKED_BELOW = 16384;
/** Where the common slots live, in place of a parameter's path. */
export const PACKED = "(small)";

/** The path of an optimizer slot in the state; `owner` is the phase, with its group where it has several. */
export const slotPath = (owner: string, path: string, slot: string): string => `optimizer/${owner}/${path}/${slot}`;

/** The name of one of the optimizer's scalars in the feeds of a step. */
export const optimizerScalar = (owner: string, name: string): string => `optimizer/${owner}/${name}`;

/** A trained parameter with its gradient. */
export interface Trained {
  /** Of the parameter. */
  readonly path: string;
  /** Its value before the step. */
  readonly parameter: Tensor;
  /** Of the loss, of the same shape. */
  readonly gradient: Tensor;
}

/**
 * New values of parameters and slots after one step of an optimizer.
 * @param owner names slots (`slotPath`) and scalars (`optimizerScalar`): parameters with a learning rate of their own have
 * an owner of their own
 * @param state gives the tensor of a slot
 */
export function applyOptimizer(
  owner: string,
  optimizer: Optimizer,
  trained: readonly Trained[],
  state: (path: string, shape: Shape) => Tensor,
): Map<string, Tensor> {
  const updates = new Map<string, Tensor>();
  const scalars = new Map<string, Tensor>();
  const scalar = (name: string) => {
    const known = scalars.get(name) ?? input(SCALAR_PREFIX + optimizerScalar(owner, name), []);
    scalars.set(name, known);
    return known;
  };
  const update = ({ path, parameter, gradient }: Trained): Tensor => {
    const paths = optimizer.slots.map((slot) => slotPath(owner, path, slot));
    const result = optimizer.update(
      parameter,
      gradient,
      paths.map((slot) => state(slot, parameter.shape)),
      scalar,
    );
    paths.forEach((slot, k) => {
      updates.set(slot, result.slots[k]!);
    });
    return result.parameter;
  };
  const isSmall = ({ parameter }: Trained) => optimizer.elementwise && sizeOf(parameter.shape) < PACKED_BELOW;
  const small = trained.filter(isSmall);
  for (const one of trained) if (small.length < 2 || !isSmall(one)) updates.set(one.path, update(one));
  if (small.length < 2) return updates;
  const flat = (tensors: readonly Tensor[]) => g.concat(tensors.map((x) => g.reshape(x, [sizeOf(x.shape)])));
  const packed = update({
    path: PACKED,
    parameter: flat(small.map(({ parameter }) => parameter)),
    gradient: flat(small.map(({ gradient }) => gradient)),
  });
  let at = 0;
  for (const { path, parameter } of small) {
    const end = at + sizeOf(parameter.shape);
    updates.set(path, g.reshape(g.sliceAxis(packed, 0, at, end), parameter.shape));
    at = end;
  }
  return updates;
}
