// Pairs that nothing would look at: only models that translate pictures read them.
import { fail } from "../base/errors.ts";
import { MODELS, parseOptions } from "../models/index.ts";
import { type BuiltModel, type DataSpec, readsPairs } from "../models/model.ts";

/**
 * Refuses to make pairs for a model that takes single pictures, naming those that take pairs.
 * @param name of the model
 * @param data some pictures, by which the others are built
 * @throws `E_OPTION`
 */
export function refuseUnreadPairs(name: string, built: BuiltModel, data: DataSpec): void {
  if (readsPairs(built)) return;
  const plain = { ...data, backbone: undefined };
  const readers = MODELS.filter((model) => readsPairs(model.build(parseOptions(model, {}), plain)));
  fail(
    "E_OPTION",
    `--pairs: ${name} learns from single pictures and would not look at the pairs; leave --pairs out, or train ${readers.map((model) => model.name).join(" or ")}, which learns from pairs`,
  );
}
