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
 * What a head gives, a row for each example. `logits`: `[n, classes]`; `latent`: `[n, …]`; `picture`: `[n, h, w, c]` in 0..1;
 * `score`: `[n]`; `angle`: `[n]`, degrees.
 */
export type HeadOutput = "logits" | "latent" | "picture" | "score" | "angle";

/** One ability of a model. */
export interface Head {
  readonly takes: readonly HeadInput[];
  readonly gives: HeadOutput;
  /** The result for `n` examples. It is handed every input that `takes` names. */
  build(scope: Scope, inputs: HeadInputs & { readonly n: number }): Tensor;
}

/**
 * Heads by name. The names with a meaning to commands and metrics:
 * `classify` (picture -> logits), `encode` (picture -> latent), `decode` (latent -> picture), `reconstruct` (picture ->
 * picture), `sample` (nothing, or a label -> picture), `elbo` (picture -> score: a lower bound on ln p(x), nats), `translate`
 * (picture, label or nothing -> picture). A model has any of them, and others of its own.
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

/** The result of a head for `n` examples. @throws `E_HEAD` where an input that it takes is missing */
export function applyHead({ takes, build }: Head, scope: Scope, n: number, inputs: Partial<HeadInputs>): Tensor {
  const missing = takes.find((kind) => !inputs[kind]);
  if (missing) fail("E_HEAD", `this head takes ${takes.join(" and ")}; ${missing} is missing`);
  return build(scope, { ...(inputs as HeadInputs), n });
}

/** The head of a name. @throws `E_HEAD` telling what the model can do instead */
export function requireHead(heads: Heads, name: string): Head {
  if (Object.hasOwn(heads, name)) return heads[name]!;
  fail("E_HEAD", `this model has no head "${name}"; it has ${Object.keys(heads).join(", ")}`);
}
