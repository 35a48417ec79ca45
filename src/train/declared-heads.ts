// What heads bring to the state, and whether they give what they say.
import { sameShape } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { input } from "../graph/tensor.ts";
import { applyHead, requireUsual, rowsOf } from "../models/heads.ts";
import type { BuiltModel, DataSpec } from "../models/model.ts";
import { Build, type StateSpec } from "../nn/scope.ts";
import { plainBatch } from "../predict/batch.ts";

/**
 * Adds what only heads have to the state.
 * @throws `E_HEAD` for a head that does not give what it says, or takes other things than its name promises
 */
export function declareHeads(
  { heads, latentSize }: BuiltModel,
  data: DataSpec,
  n: number,
  specs: Map<string, StateSpec>,
): void {
  const { x } = plainBatch(n, data);
  const inputs = {
    picture: x,
    second: x,
    ...(latentSize === undefined ? {} : { latent: input("latent", [n, latentSize]) }),
    label: input("label", [n], "int32"),
  };
  const build = new Build(false);
  for (const [name, head] of Object.entries(heads)) {
    requireUsual(name, head);
    const { shape } = applyHead(head, build.root, n, inputs);
    const expected = rowsOf(name, head.gives, data, latentSize);
    if (expected ? !sameShape(shape, [n, ...expected]) : shape[0] !== n)
      fail(
        "E_HEAD",
        `the head "${name}" gives ${head.gives}, so rows of [${expected ?? "…"}] for ${n} examples; it gave [${shape}]`,
      );
  }
  for (const [path, spec] of build.state) if (!specs.has(path)) specs.set(path, spec);
}
