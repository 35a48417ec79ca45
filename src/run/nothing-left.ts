// A run that goes on and has had all the training that it is asked for. The same call as before is answered with a note, so
// that a script may repeat it until the run is done; a call for less than there was can only be a mistake.
import { fail } from "../base/errors.ts";
import { shellWord } from "../base/shell.ts";
import type { BuiltModel } from "../models/model.ts";
import type { EndEvent } from "../train/events.ts";
import type { RunFolder } from "./folder.ts";
import { target } from "./option-types.ts";
import type { StoredOptions } from "./options.ts";

/**
 * Refuses a length that a run has passed and that is not the one it has.
 * @param asked the options that it would go on with
 * @throws `E_OPTION` saying how long it was trained
 */
export function refusePassed(run: RunFolder, asked: StoredOptions): void {
  const { epochs, minutes } = asked;
  if (epochs === run.config.epochs && minutes === run.config.minutes) return;
  const events = run.events();
  const done = events.findLast((event) => event.type === "epoch")?.epoch ?? 0;
  const seconds = events.findLast((event) => "seconds" in event)?.seconds ?? 0;
  const [flag, wanted, passed] =
    minutes === null ? ["--epochs", epochs!, done] : ["--minutes", minutes, inMinutes(seconds)];
  if (wanted >= passed) return;
  fail(
    "E_OPTION",
    `${flag} ${wanted}: ${run.path} was trained for ${lengthOf(done, seconds)}, and a run that goes on is not made shorter; ask for more, as in ${goOn(run, `${flag} ${2 * Math.ceil(passed)}`)}, or use it as it is: genclass evaluate ${shellWord(run.path)}`,
  );
}

/** What people should know of a run that ended without a step in this process. */
export function nothingLeft(run: RunFolder, model: BuiltModel, end: EndEvent): string {
  const { epochs, minutes, until, patience } = run.config;
  const wayOut = (): string => {
    if (end.reason === "until")
      return `--until ${target.write(until!)} was reached; to go on, ask for another value: ${goOn(run, `--until ${until!.metric}=VALUE`)}`;
    if (end.reason === "patience")
      return `nothing had got better for ${patience} epochs; to go on, ask for more patience: ${goOn(run, `--patience ${2 * patience}`)}`;
    if (model.stages.at(-1)!.solve) return "its last stage is solved at once, and longer training does not change it";
    const [flag, wanted] = minutes === null ? ["--epochs", epochs!] : ["--minutes", minutes];
    return `${flag} ${wanted} asks for no more; to go on, ask for more: ${goOn(run, `${flag} ${2 * wanted}`)}`;
  };
  return `nothing was left to train: ${run.path} was trained for ${lengthOf(end.epoch, end.seconds)}, and ${wayOut()}`;
}

const goOn = ({ path, config }: RunFolder, options: string): string =>
  `genclass train ${config.model} --out ${shellWord(path)} --resume ${options}`;

const lengthOf = (epochs: number, seconds: number): string =>
  `${epochs} ${epochs === 1 ? "epoch" : "epochs"} (${inMinutes(seconds)} minutes)`;

/** Rounded up, so that what is shown is enough. */
const inMinutes = (seconds: number): number => Math.ceil((100 * seconds) / 60) / 100;
