// Heads: what a model can do once trained. Each declares what it takes and what it gives; whoever uses a model asks for a head
// by name and learns from the declaration how to feed it.
import { fail } from "../base/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Scope } from "../nn/scope.ts";

/** What heads may take, a row for each of `n` examples. */
export interface HeadInputs {
  /** `[n, h, w, c]`, pixels in 0..1 */
  readonly picture: Tensor;
  /** A second picture of the same shape. */
  readonly second: Tensor;
  /** `[n, latentSize]` */
  readonly latent: Tensor;
  /** int32 `[n]`: the class that is asked for */
  readonly label: Tensor;
}

/** Names of what heads may take. */
export type HeadInput = keyof HeadInputs;

/**
 * What a head gives, a row for each example. `logits`: `[n, classes]` of `classify`, `[n, …]` of another; `latent`: `[n, …]`; `features`: `[n, …]`; `picture`: `[n, h, w, c]` in 0..1;
 * `score`: `[n]`; `angle`: `[n]`, degrees.
 */
export type HeadOutput = "logits" | "latent" | "features" | "picture" | "score" | "angle";

/** One ability of a model. */
export interface Head {
  /** What it must be handed. */
  readonly takes: readonly HeadInput[];
  /** What its result is. */
  readonly gives: HeadOutput;
  /** The result for `n` examples. It is handed every input that `takes` names. */
  build(scope: Scope, inputs: HeadInputs & { readonly n: number }): Tensor;
}

/**
 * Heads by name. The names with a meaning to commands and metrics:
 * `classify` (picture -> logits), `features` (picture -> features: what `classify` takes the classes from in its last layer),
 * `pretrained` (picture -> features: those of the network that the model builds on), `encode` (picture -> latent), `encodeDeviation` (picture -> latent: standard deviations of the posterior whose mean `encode`
 * gives), `decode` (latent -> picture), `reconstruct` (picture -> picture), `sample` (nothing, or a label -> picture),
 * `discriminate` (picture -> score: above 0 where it is taken for real and not for generated), `elbo` (picture -> score: a lower
 * bound on ln p(x), nats), `logLikelihood` (picture -> score: the logarithm of an unbiased estimate of p(x), nats), `featureError` (picture -> score: how far the features of a pretrained network are from those that the latent vector gives back, in
 * standard deviations), `translate` (picture, label or nothing -> picture), `angle` (picture -> degrees counterclockwise from upright,
 * -180..180), `angleSpread` (picture -> score: the circular standard deviation of that angle, degrees), `canonical` (picture ->
 * picture, turned upright). A model has any of them, and others of its own. A trained model has `novelty` (picture -> score)
 * beside them (predict/novelty.ts), and `translate` where that follows from `encode` and `decode` (predict/translation.ts).
 */
export type Heads = Readonly<Record<string, Head>>;

/** Declares a head; `build` sees just the inputs that it takes, and `n`. */
export function head<T extends HeadInput>(
  takes: readonly T[],
  gives: HeadOutput,
  build: (scope: Scope, inputs: Pick<HeadInputs, T> & { readonly n: number }) => Tensor,
): Head {
  return { takes, gives, build };
}

/** What heads of a usual name take (a label may be left out) and give: what commands and metrics count on. */
const USUAL: Readonly<Record<string, Pick<Head, "takes" | "gives">>> = {
  classify: { takes: ["picture"], gives: "logits" },
  features: { takes: ["picture"], gives: "features" },
  pretrained: { takes: ["picture"], gives: "features" },
  encode: { takes: ["picture", "label"], gives: "latent" },
  encodeDeviation: { takes: ["picture", "label"], gives: "latent" },
  decode: { takes: ["latent", "label"], gives: "picture" },
  reconstruct: { takes: ["picture", "label"], gives: "picture" },
  sample: { takes: ["label"], gives: "picture" },
  discriminate: { takes: ["picture", "label"], gives: "score" },
  elbo: { takes: ["picture", "label"], gives: "score" },
  logLikelihood: { takes: ["picture"], gives: "score" },
  featureError: { takes: ["picture"], gives: "score" },
  novelty: { takes: ["picture"], gives: "score" },
  translate: { takes: ["picture", "label"], gives: "picture" },
  angle: { takes: ["picture"], gives: "angle" },
  angleSpread: { takes: ["picture"], gives: "score" },
  canonical: { takes: ["picture"], gives: "picture" },
};

/** @throws `E_HEAD` for a head of a usual name that takes or gives something else */
export function requireUsual(name: string, { takes, gives }: Head): void {
  if (!Object.hasOwn(USUAL, name)) return;
  const usual = USUAL[name]!;
  const without = usual.takes.filter((kind) => kind !== "label");
  const fits = takes.every((kind) => usual.takes.includes(kind)) && without.every((kind) => takes.includes(kind));
  if (!fits || gives !== usual.gives)
    fail(
      "E_HEAD",
      `a head called "${name}" takes ${usual.takes.join(" and ") || "nothing"}${usual.takes.includes("label") ? " (the label may be left out)" : ""} and gives ${usual.gives}; this one takes ${takes.join(" and ") || "nothing"} and gives ${gives}. Call it otherwise`,
    );
}

/** Whether heads draw samples and tell real pictures from them. */
export const judgesSamples = (heads: Heads): boolean => "sample" in heads && "discriminate" in heads;

/** The shape of a row of what a head of this name gives; undefined where it may have any. */
export function rowsOf(
  name: string,
  gives: HeadOutput,
  { height, width, channels, classes }: PictureKind,
  latentSize?: number,
): readonly number[] | undefined {
  if (gives === "picture") return [height, width, channels];
  if (gives === "logits") return name === "classify" ? [classes.length] : undefined;
  if (gives === "features") return undefined;
  if (gives === "latent") return latentSize === undefined ? undefined : [latentSize];
  return [];
}

/** What the shapes of pictures and logits depend on. */
interface PictureKind {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: readonly string[];
}

/** The result of a head for `n` examples. @throws `E_HEAD` where an input that it takes is missing */
export function applyHead({ takes, build }: Head, scope: Scope, n: number, inputs: Partial<HeadInputs>): Tensor {
  const missing = takes.find((kind) => !inputs[kind]);
  if (missing)
    fail(
      "E_HEAD",
      `this head takes ${takes.join(" and ")}; ${missing} is missing${missing === "latent" ? ": say latentSize beside the heads" : ""}`,
    );
  return build(scope, { ...(inputs as HeadInputs), n });
}

/** The head of a name. @throws `E_HEAD` telling what the model can do instead, and where to find one that can do this */
export function requireHead(heads: Heads, name: string): Head {
  if (Object.hasOwn(heads, name)) return heads[name]!;
  fail(
    "E_HEAD",
    `this model has no head "${name}"; it has ${Object.keys(heads).join(", ") || "none"}. Train another that has it: "genclass models NAME" tells the heads of a model`,
  );
}
