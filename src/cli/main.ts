#!/usr/bin/env node
// The command line: finds the command, turns every failure into one clear message and an exit code.
import { Command, CommanderError } from "commander";
import { ERRORS, GenclassError, nearest } from "../base/errors.ts";
import { refusalOf } from "../base/system-errors.ts";
import { VERSION } from "../base/version.ts";
import { COMMANDS } from "./commands/index.ts";
import { restartedWithChecks } from "./few-addresses.ts";
import { complain } from "./render.ts";

async function main(words: readonly string[]): Promise<number> {
  // `help COMMAND` is `COMMAND --help`: the options of a command are known once its file is loaded.
  const argv = words[0] === "help" && words.length > 1 ? [...words.slice(1), "--help"] : words;
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
    return report(error, commandNamed(program, argv));
  }
}

/** The command, or the command of a command, that words begin with, as they name it. */
function commandNamed(program: Command, words: readonly string[]): string {
  const found = program.commands.find((command) => command.name() === words[0]);
  return found ? `${program.name()} ${commandNamed(found, words.slice(1))}` : program.name();
}

function report(error: unknown, command: string): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // A command without the word that it needs has shown its help.
    if (error.code === "commander.help") return 2;
    complain(
      "E_USAGE",
      `${error.message
        .replace(/^error: /, "")
        .replaceAll("\n", " ")
        .replace(/\.$/, "")}; "${command} --help" shows the options`,
    );
    return 2;
  }
  if (error instanceof GenclassError) {
    complain(error.code, error.message);
    return ERRORS[error.code].exit;
  }
  const file = fileProblem(error);
  if (file) {
    complain("E_FILE", file);
    return ERRORS.E_FILE.exit;
  }
  const message = error instanceof Error ? error.message : String(error);
  complain("internal", `internal: ${message}. Please report it; GENCLASS_DEBUG=1 shows where it happened`);
  if (process.env.GENCLASS_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return 1;
}

/** Why the system refused a file or folder, and the way out; undefined for another error. */
function fileProblem(error: unknown): string | undefined {
  const { path, dest } = error instanceof Error ? (error as NodeJS.ErrnoException & { dest?: string }) : {};
  const refusal = refusalOf(error);
  return refusal && `${dest ?? path ?? "a file"}: ${refusal.why.replace(/^\w+: /, "")}; ${refusal.wayOut}`;
}

// A reader that went away (| head) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
});
// Nor does a training end because nobody reads its progress any longer.
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
process.exitCode = (await restartedWithChecks()) ?? (await main(process.argv.slice(2)));
