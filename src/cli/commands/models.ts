import type { Command } from "commander";
import { fail } from "../../base/errors.ts";
import type { HeadInput, HeadOutput } from "../../models/heads.ts";
import { describeOptions, findModel, MODELS, parseOptions } from "../../models/index.ts";
import type { Model } from "../../models/model.ts";
import { NAMED_BACKBONES } from "../../run/named-backbones.ts";
import { bold, print, printJson, table } from "../render.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command
    .argument("[name]", "one model")
    .option("--backbones", "the pretrained networks that train --backbone NAME fetches, in place of the models")
    .option("--json", "print one JSON document")
    .addHelpText("after", `\nExample:\n  genclass models ${MODELS[0]!.name}\n`)
    .action(run);
}

function run(name: string | undefined, options: { json?: boolean; backbones?: boolean }): void {
  if (options.backbones) {
    if (name !== undefined) fail("E_USAGE", "models --backbones lists pretrained networks; it takes no model");
    if (options.json) printJson(NAMED_BACKBONES);
    else showBackbones();
    return;
  }
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

function showBackbones(): void {
  const size = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  print(
    table([
      ["network", "what it is", "file", "features", "pixels", "normalise", "licence"],
      ...NAMED_BACKBONES.map((n) => [n.name, n.title, size(n.bytes), n.width, n.side, n.normalise, n.licence]),
    ]),
  );
  for (const { name, sha256, urls } of NAMED_BACKBONES) print(`\n${bold(name)}  SHA-256 ${sha256}\n${urls.join("\n")}`);
  print(
    `\n"genclass train MODEL --data SRC --backbone ${NAMED_BACKBONES[0]!.name}" fetches it once to the cache. Without a network, put the file at GENCLASS_DATA/backbones/${NAMED_BACKBONES[0]!.name}.onnx.`,
  );
}

/** What a model can do, with its default options. */
export function headsOf(model: Model): { name: string; takes: readonly HeadInput[]; gives: HeadOutput }[] {
  const picture = { height: 32, width: 32, channels: 3, mirror: true };
  const { heads } = model.build(parseOptions(model, {}), { ...picture, classes: ["first", "second"] });
  return Object.entries(heads).map(([name, { takes, gives }]) => ({ name, takes, gives }));
}
