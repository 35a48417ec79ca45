// genclass setup: fetches oneDNN for who has none, after asking.
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { fail, GenclassError } from "../../base/errors.ts";
import { text } from "../../run/option-types.ts";
import { loadLibrary } from "../../runtime/onednn/library.ts";
import { installOnednn, PINNED, whyUnsupported } from "../../setup/onednn.ts";
import { OFFICIAL_INDEX } from "../../setup/wheel.ts";
import { argument } from "../args.ts";
import { bold, openLine, print, printJson, warn } from "../render.ts";

interface Options {
  yes?: boolean;
  index?: string;
  json?: boolean;
}

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .option("--yes", "fetch without asking")
    .option(
      "--index <address>",
      `the Python package index (default: PIP_INDEX_URL, or ${OFFICIAL_INDEX})`,
      argument(text("an address")),
    )
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nFetches oneDNN ${PINNED.version} (${megabytes} MB, Linux x64), with which training is 1.5 to 3 times as fast; into the cache folder, and nowhere else.\n\nExample:\n  genclass setup --yes\n`,
    )
    .action(run);
}

const megabytes = (PINNED.bytes / 1e6).toFixed(1);

async function run({ yes, index, json }: Options): Promise<void> {
  const given = process.env.GENCLASS_ONEDNN;
  const there = found();
  if (there) {
    if (json) printJson({ path: there.path, version: there.version, installed: false });
    else print(`oneDNN ${there.version} is there already (${there.path}); nothing is fetched`);
    return;
  }
  if (given)
    fail("E_BACKEND", `GENCLASS_ONEDNN names ${given}, which is not usable, and nothing else is taken; unset it`);
  const unsupported = whyUnsupported();
  if (unsupported) fail("E_BACKEND", unsupported);
  if (!yes && !(await agreed())) {
    if (json) printJson({ installed: false });
    else print("nothing is fetched");
    return;
  }
  const installed = await installOnednn({
    index,
    progress: (bytes, total) => openLine("fetch", "oneDNN", bytes, total),
  });
  if (!installed.isFast) warn("oneDNN has no fast code for this processor: onnxruntime will still train");
  if (json) printJson({ path: installed.path, version: installed.version, installed: true });
  else print(`oneDNN ${installed.version} is installed: ${bold(installed.path)}\nto remove it, delete that file`);
}

function found(): ReturnType<typeof loadLibrary> | undefined {
  try {
    return loadLibrary();
  } catch (cause) {
    if (cause instanceof GenclassError) return undefined;
    throw cause;
  }
}

/** Asks on a terminal; whoever closes it does not agree. @throws `E_USAGE` where there is nobody to ask */
async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY)
    fail("E_USAGE", `setup asks before it fetches ${megabytes} MB, and there is no terminal to ask on; add --yes`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Versions of Node differ: where a terminal is closed, the question fails, or is never answered.
    const closed = once(terminal, "close").then(() => "");
    const question = `fetch oneDNN ${PINNED.version} (${megabytes} MB) from the Python package index? [y/N] `;
    const answer = await Promise.race([terminal.question(question).catch(() => ""), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
