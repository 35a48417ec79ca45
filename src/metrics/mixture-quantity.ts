// A mixture of Gaussians a class over the latent vectors of validation pictures: what the pictures of a class look like to a model.
import { type NdArray, ndarray } from "../base/array.ts";
import type { Fitted, FittedQuantity, Predictions } from "./metric.ts";
import { type Component, fitMixture } from "./mixture.ts";

/** Components of a class, at most; and pictures for each, at least as many times the size of the latent vector. */
const MOST_COMPONENTS = 5;
const PICTURES_A_NUMBER = 4;
/** Pictures of a class without which it has no mixture. */
const FEWEST_PICTURES = 2;

/** A component of the mixture of a class. */
export interface ClassComponent extends Component {
  readonly class: number;
  /** Share of the component among all pictures, 0..1. */
  readonly share: number;
}

/**
 * Fitted to what `encode` gives, the means of the posteriors: pictures that are decoded from there are nearer to real ones than
 * those from the prior (results/samplers.ts), or from the wider aggregated posterior. A picture without a label counts as what
 * the model answers.
 */
export const mixtureQuantity: FittedQuantity = {
  name: "mixture",
  needs: ["encode"],
  uses: ["classify"],
  slow: true,
  fit({ outputs, labelsOrAnswers: labels, classes }: Predictions) {
    const codes = outputs.get("encode")!;
    const d = codes.length / labels.length;
    const labelled = Array.from(labels, (_, i) => i).filter((i) => labels[i]! >= 0);
    const components: ClassComponent[] = [];
    for (let k = 0; k < classes; k++) {
      const own = labelled.filter((i) => labels[i] === k);
      if (own.length < FEWEST_PICTURES) continue;
      const count = Math.min(MOST_COMPONENTS, Math.max(1, Math.floor(own.length / (PICTURES_A_NUMBER * d))));
      for (const component of fitMixture(codes, d, own, count))
        components.push({ ...component, class: k, share: (component.share * own.length) / labelled.length });
    }
    return components.length === 0 ? undefined : toArrays(components, d);
  },
};

function toArrays(components: readonly ClassComponent[], d: number): Record<string, NdArray> {
  const count = components.length;
  const factorShape = components[0]!.factor.length === d ? [d] : [d, d];
  const stacked = (of: (component: ClassComponent) => ArrayLike<number>) =>
    Float32Array.from(components.flatMap((component) => Array.from(of(component))));
  return {
    "mixture/classes": ndarray(
      "float32",
      [count],
      stacked((component) => [component.class]),
    ),
    "mixture/shares": ndarray(
      "float32",
      [count],
      stacked(({ share }) => [share]),
    ),
    "mixture/means": ndarray(
      "float32",
      [count, d],
      stacked(({ mean }) => mean),
    ),
    "mixture/factors": ndarray(
      "float32",
      [count, ...factorShape],
      stacked(({ factor }) => factor),
    ),
  };
}

/** What `mixtureQuantity` fitted; undefined where it was not. */
export function mixtureOf(fitted: Fitted): readonly ClassComponent[] | undefined {
  const data = (name: string) => fitted.get(`mixture/${name}`)?.data;
  const [classes, shares, means, factors] = [data("classes"), data("shares"), data("means"), data("factors")];
  if (!classes || !shares || !means || !factors) return undefined;
  const d = means.length / classes.length;
  const size = factors.length / classes.length;
  return Array.from({ length: classes.length }, (_, c) => ({
    class: classes[c]!,
    share: shares[c]!,
    mean: Float64Array.from(means.subarray(c * d, (c + 1) * d)),
    factor: Float64Array.from(factors.subarray(c * size, (c + 1) * size)),
  }));
}
