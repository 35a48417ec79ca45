// The source of an experiment: what is wrong with it is known before the experiment has a folder.
import { existsSync } from "node:fs";
import { fail } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { openFor } from "../run/open-data.ts";
import type { StoredOptions } from "../run/options.ts";

/** @throws `E_DATA_EMPTY` for data without a part that no model is trained on */
export function requireTest(source: string, { test }: Dataset): void {
  if (!test)
    fail(
      "E_DATA_EMPTY",
      `${source} has no test part, on which models could be compared; put pictures that no model is trained on into a folder test beside train`,
    );
}

/**
 * Opens the source of a new experiment once, as its runs will, so that one which they would all refuse leaves no folder behind. One
 * that goes on has opened it before.
 * @param out the folder of the experiment
 * @param options those of any of its runs
 * @param check what else is asked of the data
 * @throws as `open` and `check`
 */
export async function tryNewSource(
  source: string,
  out: string,
  options: StoredOptions,
  check: (data: Dataset) => void = () => {},
): Promise<void> {
  if (!existsSync(out)) check(await openFor(source, options));
}
