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

/**
 * The parameters that a phase moves: those of plain prefixes together, others by group.
 * @param whose the phase by whose name slots and scalars go: itself, or the one that it continues
 */
export function trainedGroups({ name, optimizer: usual, updates }: Phase, build: Build, whose: string): TrainedGroup[] {
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
    const owner = typeof updates[i] === "string" ? whose : `${whose}:${names[i]}`;
    const group = groups.get(owner) ?? { owner, optimizer, rateScale, decayScale, parameters: [] };
    groups.set(owner, group);
    group.parameters.push(...build.trainable(prefix).filter(([path]) => ownerOf(path) === one));
  }
  return [...groups.values()].filter(({ parameters }) => parameters.length > 0);
}

/** The paths of all parameters of groups. */
export const pathsOf = (groups: readonly TrainedGroup[]): string[] =>
  groups.flatMap(({ parameters }) => parameters.map(([path]) => path));

/**
 * The phase by whose name each phase's slots go: itself, or the first of those that it continues.
 * @throws `E_NAME` for one that continues a phase that does not come before it
 */
export function slotOwners(phases: readonly Phase[]): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { name, continues = name } of phases) {
    const owner = continues === name ? name : owners.get(continues);
    if (owner === undefined)
      fail(
        "E_NAME",
        `phase "${name}" continues "${continues}", and there is none before it that is called so: ${[...owners.keys()].join(", ")}`,
      );
    owners.set(name, owner);
  }
  return owners;
}

/** @throws `E_NAME` for a phase with groups that the phase that it continues lacks, or has of other parameters or rules */
export function requireContinued({ phase, groups }: Trainer, all: readonly Trainer[]): void {
  const before = all.find((other) => other.phase.name === phase.continues);
  if (!before) return;
  const kept = ({ optimizer: { slots }, parameters }: TrainedGroup) =>
    [...slots, ...parameters.map(([path]) => path)].join();
  for (const group of groups) {
    const known = before.groups.find(({ owner }) => owner === group.owner);
    if (!known || kept(known) !== kept(group))
      fail(
        "E_NAME",
        `phase "${phase.name}" continues "${before.phase.name}", which does not move "${pathsOf([group]).join(", ")}" as one group by such an optimizer; give both phases this group, and what only one of them moves a group of its own`,
      );
  }
}

/** A phase with what it moves. */
interface Trainer {
  readonly phase: Phase;
  readonly groups: readonly TrainedGroup[];
}
