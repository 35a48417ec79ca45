// Which parameters a phase moves, and by which rule: its plain prefixes together, its groups each by itself.
import { fail } from "../base/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ParameterGroup, Phase } from "../models/model.ts";
import type { Optimizer } from "../nn/optim.ts";
import type { Build } from "../nn/scope.ts";

/** Parameters that are updated by one rule, with the same learning rate and decay. */
export interface TrainedGroup {
  /** Name of its slots and scalars. */
  readonly owner: string;
  readonly optimizer: Optimizer;
  readonly rateScale: number;
  readonly decayScale: number;
  readonly parameters: [path: string, tensor: Tensor][];
}

/** The parameters that a phase moves: those of plain prefixes together, others by group. */
export function trainedGroups({ name, optimizer: usual, updates }: Phase, build: Build): TrainedGroup[] {
  const declared = updates.map((update): ParameterGroup => (typeof update === "string" ? { prefix: update } : update));
  const whatOf = ({ prefix, suffix }: ParameterGroup) => (suffix === undefined ? prefix : `${prefix}…${suffix}`);
  const names = declared.map(whatOf);
  const twice = names.find((what, i) => names.indexOf(what) !== i);
  if (twice !== undefined) fail("E_NAME", `phase "${name}" moves "${twice}" in two groups; name it once`);
  const length = ({ prefix, suffix = "" }: ParameterGroup) => [prefix.length, suffix.length] as const;
  const takes = ({ prefix, suffix = "" }: ParameterGroup, path: string) =>
    path.startsWith(prefix) && path.endsWith(suffix);
  const narrowestFirst = [...declared].sort((a, b) => {
    const [[p, s], [q, t]] = [length(a), length(b)];
    return q - p || t - s;
  });
  const ownerOf = (path: string) => narrowestFirst.find((group) => takes(group, path));
  const groups = new Map<string, TrainedGroup>();
  for (const [i, one] of declared.entries()) {
    const { prefix, optimizer = usual, rateScale = 1, decayScale = 1 } = one;
    if (![...build.state.keys()].some((path) => ownerOf(path) === one))
      fail(
        "E_NAME",
        `phase "${name}" moves "${names[i]}", and none of its parameters begins so, or all are in longer ones: ${[...build.state.keys()].join(", ")}`,
      );
    const owner = typeof updates[i] === "string" ? name : `${name}:${names[i]}`;
    const group = groups.get(owner) ?? { owner, optimizer, rateScale, decayScale, parameters: [] };
    groups.set(owner, group);
    group.parameters.push(...build.trainable(prefix).filter(([path]) => ownerOf(path) === one));
  }
  return [...groups.values()].filter(({ parameters }) => parameters.length > 0);
}
