// Which pictures are held out, and which labels are kept: stratified by class, by seed alone.
import { fail } from "../base/errors.ts";
import { Random } from "../random/random.ts";
import { type Dataset, type ImageSet, range, subset } from "./dataset.ts";

/**
 * How many labels are kept: a number for each class; or a share of all labels (0..1) or a number in all, either of which
 * is spread over the classes in proportion to their sizes.
 */
export type LabelAmount = number | { readonly share: number } | { readonly total: number };

/** Example numbers by class, each class in a seeded random order; unlabelled ones under -1. */
function shuffledByClass(set: ImageSet, classes: number, seed: number, purpose: string): Map<number, number[]> {
  const order = new Random(seed, `split:${purpose}`).permutation(set.labels.length);
  const groups = new Map<number, number[]>(Array.from({ length: classes }, (_, label) => [label, []]));
  for (const i of order) {
    const label = set.labels[i]!;
    if (!groups.has(label)) groups.set(label, []);
    groups.get(label)!.push(i);
  }
  return groups;
}

/**
 * Moves a share of each class (rounded) from the training part into a validation part: at least one picture of each class
 * that has two, and never all of them. Unlabelled pictures stay. Data that has a validation part, or a share of 0, is left as it is.
 * @param share 0..1
 * @param seed which pictures are moved depends on it and on the labels alone
 */
export function withValidation(data: Dataset, share: number, seed: number): Dataset {
  if (data.validation || share === 0) return data;
  const held = new Set<number>();
  for (const [label, members] of shuffledByClass(data.train, data.classes.length, seed, "validation")) {
    const wanted = Math.min(members.length - 1, Math.max(1, Math.round(members.length * share)));
    const count = label < 0 || members.length < 2 ? 0 : wanted;
    for (const i of members.slice(0, count)) held.add(i);
  }
  const all = range(0, data.train.labels.length);
  const part = (isHeld: boolean) =>
    subset(
      data.train,
      all.filter((i) => held.has(i) === isHeld),
    );
  return { ...data, train: part(false), validation: part(true) };
}

/**
 * Keeps some labels of the training part and hides the others (-1); the pictures all stay.
 * @param seed which labels are kept depends on it and on the labels alone
 * @throws `E_OPTION` for more labels than there are, or a total of fewer than one for each class
 */
export function withLabels(data: Dataset, amount: LabelAmount, seed: number): Dataset {
  const groups = [...shuffledByClass(data.train, data.classes.length, seed, "labels")].filter(([label]) => label >= 0);
  const quota = quotas(
    groups.map(([, members]) => members.length),
    amount,
  );
  const labels = new Int32Array(data.train.labels.length).fill(-1);
  groups.forEach(([label, members], k) => {
    const count = quota[k]!;
    if (members.length === 0 && count > 0)
      fail(
        "E_OPTION",
        `--labels ${count}: class "${data.classes[label]}" has no labelled training picture; give it some, leave it out, or keep a share of all labels`,
      );
    if (members.length < count)
      fail(
        "E_OPTION",
        `--labels ${count}: class "${data.classes[label]}" has ${members.length} labelled training pictures; ask for at most that many`,
      );
    for (const i of members.slice(0, count)) labels[i] = label;
  });
  return { ...data, train: { ...data.train, labels } };
}

/** Labels a class: within one of proportional, at least one where the class has any. */
function quotas(sizes: readonly number[], amount: LabelAmount): number[] {
  if (typeof amount === "number") return sizes.map(() => amount);
  const all = sizes.reduce((a, b) => a + b, 0);
  const wanted = "total" in amount ? amount.total : Math.round(amount.share * all);
  const occupied = sizes.filter((size) => size > 0).length;
  if (wanted > all || wanted < occupied)
    fail(
      "E_OPTION",
      `--labels: ${wanted} labels in all; expected ${occupied}..${all}: at least one a class, at most what there is`,
    );
  // Largest remainders: whole parts first, then the classes that lost most by rounding.
  const exact = sizes.map((size) => (wanted * size) / all);
  const counts = exact.map((value, k) => Math.min(sizes[k]!, Math.max(sizes[k]! > 0 ? 1 : 0, Math.floor(value))));
  const byLoss = exact.map((_, k) => k).sort((a, b) => exact[b]! - counts[b]! - (exact[a]! - counts[a]!) || a - b);
  let open = wanted - counts.reduce((a, b) => a + b, 0);
  for (const k of byLoss) if (open > 0 && counts[k]! < sizes[k]!) [counts[k], open] = [counts[k]! + 1, open - 1];
  for (const k of [...byLoss].reverse()) if (open < 0 && counts[k]! > 1) [counts[k], open] = [counts[k]! - 1, open + 1];
  return counts;
}
