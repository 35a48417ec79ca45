#!/usr/bin/env node
// The command line: finds the command, turns every failure into one clear message and an exit code.
import { Command, CommanderError } from "commander";
import { ERRORS, GenclassError, nearest } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { COMMANDS } from "./commands/index.ts";
import { complain } from "./render.ts";

async function main(argv: readonly string[]): Promise<number> {
  const [name] = argv;
  const entry = COMMANDS.find((command) => command.name === name);
  const program = new Command("genclass")
    .description("Image classification with generative models.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError(true);
  if (!entry) for (const command of COMMANDS) program.command(command.name).description(command.summary);
  if (!entry && name !== undefined && !name.startsWith("-") && name !== "help") {
    const guess = nearest(
      name,
      COMMANDS.map((command) => command.name),
    );
    complain(
      "E_USAGE",
      `unknown command "${name}"${guess ? `; did you mean "${guess}"?` : "."} Known: ${COMMANDS.map((command) => command.name).join(", ")}`,
    );
    return 2;
  }
  if (entry) {
    const command = program
      .command(entry.name)
      .description(entry.summary)
      .exitOverride()
      .configureOutput({ outputError: () => {} });
    (await entry.load()).define(command);
  }
  try {
    if (name === undefined) {
      program.outputHelp();
      return 2;
    }
    await program.parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    complain(
      "E_USAGE",
      `${error.message.replace(/^error: /, "").replaceAll("\n", " ")}; "genclass ${process.argv[2] ?? ""} --help" shows the options`,
    );
    return 2;
  }
  if (error instanceof GenclassError) {
    complain(error.code, error.message);
    return ERRORS[error.code].exit;
  }
  const message = error instanceof Error ? error.message : String(error);
  complain("internal", `internal: ${message}. Please report it; GENCLASS_DEBUG=1 shows where it happened`);
  if (process.env.GENCLASS_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return 1;
}

// A reader that went away (| head) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
});
// Nor does a training end because nobody reads its progress any longer.
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
process.exitCode = await main(process.argv.slice(2));
