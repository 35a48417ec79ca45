// The state that a run begins with: first values, those of a trained run, or those of a checkpoint.
import { type NdArray, ndarray, sameShape } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import { type ImageSet, ownCount } from "../data/dataset.ts";
import { averagePath, initialState, type StateSpec } from "../nn/scope.ts";
import { Random } from "../random/random.ts";
import type { State } from "../runtime/program.ts";

type Specs = ReadonlyMap<string, StateSpec>;

/** Weights of a trained run to begin from. */
export interface PretrainedWeights {
  /** By path, as in a checkpoint. */
  readonly state: State;
  /** Path prefixes of that run by what they are called here; paths under none keep their names. */
  readonly map?: Readonly<Record<string, string>>;
}

/** Whether a path is that of a parameter or a buffer, and not of an average or a slot. */
const isOwn = (path: string): boolean => !/^(average|optimizer)\//.test(path);

const copyOf = (value: NdArray): NdArray => ({ ...value, data: value.data.slice() });

/** Pictures on which first values are measured, at most. */
const MEASURED_ON = 500;

/** Some of a set's own pictures, `[n, h, w, c]` in 0..1, where a first value is measured on pictures; else undefined. */
export async function picturesToMeasure(specs: Specs, set: ImageSet, seed: number): Promise<NdArray | undefined> {
  if (![...specs.values()].some(({ init }) => typeof init !== "function")) return undefined;
  const { height, width, channels, pixels } = set;
  const chosen = new Random(seed, "measured").permutation(ownCount(set)).slice(0, MEASURED_ON);
  await pixels.ready?.(chosen);
  const usable = chosen.filter((index) => pixels.usable(index));
  const bytes = new Uint8Array(usable.length * pixels.size);
  for (const [i, index] of usable.entries()) pixels.read(index, bytes, i * pixels.size);
  return ndarray(
    "float32",
    [usable.length, height, width, channels],
    Float32Array.from(bytes, (byte) => byte / 255),
  );
}

/** First values by seed and path, or measured on pictures; an average starts where its parameter starts. */
export function firstState(specs: Specs, seed: number, pictures?: NdArray): State {
  const state = initialState(specs, seed, pictures);
  for (const path of specs.keys()) {
    const average = state.get(averagePath(path));
    if (average) state.set(averagePath(path), copyOf(state.get(path)!));
  }
  return state;
}

/**
 * Puts the weights of a trained run into a state: parameters and running statistics, by path and shape. Where that run kept
 * moving averages, parameters begin from these, as they are what it was judged by.
 * @returns one line telling what was taken, what begins anew and what was left
 * @throws `E_RUN_CONFLICT` when nothing fits, `E_OPTION` for a prefix of `map` under which that run has nothing
 */
export function loadPretrained(state: State, specs: Specs, { state: from, map = {} }: PretrainedWeights): string {
  const own = [...from.keys()].filter(isOwn);
  for (const prefix of Object.keys(map))
    if (!own.some((path) => path.startsWith(prefix)))
      fail("E_OPTION", `--map ${prefix}=…: the run has nothing under "${prefix}"; it has ${prefixesOf(own)}`);
  const wanted = new Set([...specs.keys()].filter(isOwn));
  // Of several that fit, the longest.
  const prefixes = Object.keys(map).sort((a, b) => b.length - a.length);
  const [taken, misfits, left] = [new Set<string>(), new Set<string>(), [] as string[]];
  for (const path of own) {
    const prefix = prefixes.find((start) => path.startsWith(start));
    const target = prefix === undefined ? path : map[prefix]! + path.slice(prefix.length);
    const value = from.get(averagePath(path)) ?? from.get(path)!;
    if (taken.has(target))
      fail("E_OPTION", `two arrays of the run are to become "${target}", one of them "${path}"; mend --map`);
    if (!wanted.has(target)) left.push(path);
    else if (!sameShape(value.shape, specs.get(target)!.shape)) misfits.add(target);
    else {
      taken.add(target);
      state.set(target, copyOf(value));
      if (state.has(averagePath(target))) state.set(averagePath(target), copyOf(value));
    }
  }
  const anew = [...wanted].filter((path) => !taken.has(path));
  if (taken.size === 0)
    fail(
      "E_RUN_CONFLICT",
      `nothing of the run fits this model: it has ${prefixesOf(own)}, the model ${prefixesOf([...wanted])}; --map OLD=NEW renames prefixes`,
    );
  const list = (paths: readonly string[]) =>
    `${paths.slice(0, 4).join(", ")}${paths.length > 4 ? ` and ${paths.length - 4} more` : ""}`;
  const shaped = anew.filter((path) => misfits.has(path));
  const missing = anew.filter((path) => !misfits.has(path));
  return [
    `taken: ${taken.size} of ${wanted.size} arrays`,
    ...(shaped.length > 0 ? [`anew, as their shape differs: ${list(shaped)}`] : []),
    ...(missing.length > 0 ? [`anew, as the run lacks them: ${list(missing)}`] : []),
    ...(left.length > 0 ? [`left: ${list(left)}`] : []),
  ].join("; ");
}

const prefixesOf = (paths: readonly string[]): string =>
  [...new Set(paths.map((path) => (path.includes("/") ? `${path.split("/")[0]}/` : path)))].join(", ");

/** Puts back the state of a checkpoint. @throws `E_RUN_CONFLICT` where it does not fit the model */
export function restoreState(state: State, checkpoint: State): void {
  for (const [path, first] of state) {
    const value = checkpoint.get(path);
    if (!value || !sameShape(value.shape, first.shape))
      fail(
        "E_RUN_CONFLICT",
        `the checkpoint does not fit the model: "${path}" is ${value ? `[${value.shape}] there, [${first.shape}] here` : "missing"}; resume with the options of the run`,
      );
    state.set(path, value);
  }
}

/** @throws `E_OPTION` for a prefix to freeze that no parameter has */
export function requirePrefixes(frozen: readonly string[], specs: Specs): void {
  for (const prefix of frozen)
    if (![...specs].some(([path, { trainable }]) => trainable && path.startsWith(prefix)))
      fail(
        "E_OPTION",
        `--freeze ${prefix}: no parameter begins so; there are ${prefixesOf([...specs].filter(([, { trainable }]) => trainable).map(([path]) => path))}`,
      );
}
