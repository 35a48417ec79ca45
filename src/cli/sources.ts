// Data sources of commands: with the options of a run, and those that a run was trained on, found again.
import { existsSync } from "node:fs";
import { fail } from "../base/errors.ts";
import { shellWord } from "../base/shell.ts";
import { type Dataset, fingerprint, fingerprintDifferences, type Part } from "../data/dataset.ts";
import { BUILT_IN } from "../data/open.ts";
import { isShortened, warningLine } from "../data/warnings.ts";
import { optionsOf, type RunFolder } from "../run/folder.ts";
import { openFor } from "../run/open-data.ts";
import type { StoredOptions } from "../run/options.ts";
import { openLine, warn } from "./render.ts";

/**
 * Opens what a run was trained on, with the options of then.
 * @param path of the run
 * @param wayOut what can be done with data that is another, if anything
 * @throws `E_RUN_CONFLICT` where these options do not fit it any more; else as `open`
 */
export async function openAgain(
  path: string,
  source: string,
  options: StoredOptions,
  wayOut?: string,
): Promise<Dataset> {
  try {
    return await openFor(source, options, openLine);
  } catch (cause) {
    // The advice that comes with it is for other options, which a run that is there cannot have.
    if ((cause as { code?: unknown }).code !== "E_OPTION") throw cause;
    return refuseOther(
      path,
      source,
      "it has fewer labels, or pictures of another size, than its options ask for",
      wayOut,
    );
  }
}

function refuseOther(path: string, source: string, differs: string, wayOut?: string): never {
  const or = wayOut === undefined ? "" : `, or ${wayOut}`;
  fail("E_RUN_CONFLICT", `${source} is not what ${path} was trained on: ${differs}; put the data back as it was${or}`);
}

/** Tells what was ignored or is doubtful in a source, a line each, and how to see all of it. */
export function warnOf({ warnings }: Dataset, source: string): void {
  for (const warning of warnings) warn(warningLine(warning));
  if (warnings.some(isShortened)) warn(`genclass data info ${shellWord(source)} --all lists all names`);
}

/**
 * Where the data of a run is: a built-in name, or a path that does not depend on the working directory. (Runs of older
 * versions have the path as it was given.)
 * @throws `E_DATA_NOT_FOUND` naming the run when nothing is there any more
 */
export function sourceOf({ path, config }: RunFolder): string {
  const { source, location } = config.data;
  const place = location ?? source;
  if (!BUILT_IN.includes(place) && !existsSync(place))
    fail(
      "E_DATA_NOT_FOUND",
      `the data that ${path} was trained on is gone: nothing is at ${place}${place === source ? "" : ` (given as ${source})`}; say where it is now with --data`,
    );
  return place;
}

/**
 * The data of a run, of which a part must be what it was.
 * @param source where it is: see `sourceOf`
 * @param wayOut what can be done with data that is another, if anything
 * @throws `E_RUN_CONFLICT` saying what differs
 */
export async function ownData(
  { path, config }: RunFolder,
  source: string,
  part: Part,
  wayOut?: string,
): Promise<Dataset> {
  const options = optionsOf(config);
  // Which labels are kept and what is added changes the training part alone.
  const chosen = part === "train" ? options : { ...options, labels: null, unlabelled: null, add: null };
  const data = await openAgain(path, source, chosen, wayOut);
  const differences = fingerprintDifferences(config.data.fingerprint, await fingerprint(data), [part]);
  if (differences.length > 0) refuseOther(path, source, differences.join("; "), wayOut);
  return data;
}
