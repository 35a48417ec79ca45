// Shared by tests: random arrays, comparison with a stated bound, the real data folder.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "vitest";
import { type NdArray, type Shape, sizeOf, type TypedArray } from "../src/base/array.ts";
import { Random } from "../src/random/random.ts";
import type { Backend } from "../src/runtime/backend.ts";
import { nativeBackend } from "../src/runtime/native.ts";
import { onednnBackend } from "../src/runtime/onednn/backend.ts";

/** Uniform values in `range`, float64 so that the oracle loses nothing. */
export function randomArray(shape: Shape, seed: number, range: readonly [number, number] = [-1, 1]): NdArray {
  const random = new Random(seed, "test");
  const data = Float64Array.from({ length: sizeOf(shape) }, () => range[0] + (range[1] - range[0]) * random.uniform());
  return { shape, dtype: "float32", data };
}

/** |actual - expected| <= tolerance · max(1, largest |expected|), everywhere. */
export function expectClose(actual: TypedArray, expected: TypedArray, tolerance: number, what: string): void {
  expect(actual.length, `${what}: number of values`).toBe(expected.length);
  let scale = 1;
  for (const value of expected) scale = Math.max(scale, Math.abs(value));
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    // NaN must not pass as a difference that compares false.
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
  }
  expect(worst / scale, `${what}: largest relative difference`).toBeLessThanOrEqual(tolerance);
}

/** All that is told, to the end. */
export async function allOf<T>(told: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of told) list.push(one);
  return list;
}

/** A signal that lets so many asks pass and then stops the work, which must not ask again: `asked` counts. */
export function stopAfter(asks: number) {
  return {
    asked: 0,
    throwIfAborted() {
      if (++this.asked > asks) throw new Error("stopped by the signal");
    },
  };
}

/** The folder of real data sets: GENCLASS_DATA, or the one beside the checkout. */
export const DATA = [process.env.GENCLASS_DATA, resolve(import.meta.dirname, "../../shared/data")].find(
  (path) => path && existsSync(join(path, "mnist")),
);

/** Threads of a backend under test: one where test files run beside each other (vitest.config.ts), else all cores. */
const threads = Number(process.env.GENCLASS_TEST_THREADS ?? 0);

/** onnxruntime with the threads that a test may take. */
export const NATIVE: Backend = nativeBackend({ threads });

/**
 * The native backends that this machine has: onnxruntime always, oneDNN where its library is installed. With
 * GENCLASS_TEST_ONEDNN set it has to be.
 */
export const BACKENDS: readonly Backend[] = [NATIVE, ...(oneDnnIsMissing() ? [] : [onednnBackend({ threads })])];

/**
 * The backends with convolutions in tiles of so many results a side wherever they can be, and with none (0). By their own rules they
 * take none in graphs as small as those of tests.
 */
export const BY_TILES: readonly Backend[] = BACKENDS.flatMap(({ name }) =>
  ([0, 2, 4] as const).map((winograd) => ({
    ...(name === "onednn" ? onednnBackend : nativeBackend)({ threads, winograd }),
    name: `${name} with tiles of ${winograd}`,
  })),
);

function oneDnnIsMissing(): boolean {
  try {
    onednnBackend();
    return false;
  } catch (cause) {
    if (process.env.GENCLASS_TEST_ONEDNN) throw cause;
    return true;
  }
}
