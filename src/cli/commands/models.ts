import type { Command } from "commander";
import type { HeadInput, HeadOutput } from "../../models/heads.ts";
import { describeOptions, findModel, MODELS, parseOptions } from "../../models/index.ts";
import type { Model } from "../../models/model.ts";
import { bold, print, printJson, table } from "../render.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("[name]", "one model")
    .option("--json", "print one JSON document")
    .addHelpText("after", `\nExample:\n  genclass models ${MODELS[0]!.name}\n`)
    .action(run);
}

function run(name: string | undefined, options: { json?: boolean }): void {
  const models = name === undefined ? MODELS : [findModel(name)];
  if (options.json) {
    const listed = models.map((model) => ({
      name: model.name,
      title: model.title,
      cite: model.cite,
      heads: headsOf(model),
      options: describeOptions(model),
    }));
    printJson(name === undefined ? listed : listed[0]);
    return;
  }
  if (name === undefined) {
    print(table(models.map((model) => [model.name, model.title])));
    print('\n"genclass models NAME" shows its options.');
    return;
  }
  const [model] = models;
  print(`${bold(model!.name)}: ${model!.title}\n${model!.cite}\n`);
  print(table([["head", "takes", "gives"], ...headsOf(model!).map((h) => [h.name, h.takes.join(", "), h.gives])]));
  print();
  print(
    table([
      ["option", "default", "range", "meaning"],
      ...describeOptions(model!).map((o) => [o.name, String(o.default), o.type, o.doc]),
    ]),
  );
}

/** What a model can do, with its default options. */
export function headsOf(model: Model): { name: string; takes: readonly HeadInput[]; gives: HeadOutput }[] {
  const picture = { height: 32, width: 32, channels: 3, mirror: true };
  const { heads } = model.build(parseOptions(model, {}), { ...picture, classes: ["first", "second"] });
  return Object.entries(heads).map(([name, { takes, gives }]) => ({ name, takes, gives }));
}
