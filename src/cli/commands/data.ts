// genclass data …: looks at data sources, makes and converts them.
import type { Command } from "commander";
import { AUGMENTATION_NAMES, CHANGES } from "../../data/augment.ts";
import { LARGEST_SEED } from "../../data/open-options.ts";
import { RESIZES } from "../../data/picture.ts";
import { choice, imageSize, integer, text } from "../../run/option-types.ts";
import { argument } from "../args.ts";

/** Declares the arguments and options of the command. */
export function define(command: Command): void {
  command.addHelpText(
    "after",
    "\nEvery one of them takes --help and --json.\n\nExample:\n  genclass data check photos/\n",
  );
  const pictures = (sub: Command) =>
    sub
      .option("--image <HxW>", "size to read pictures at", argument(imageSize))
      .option(
        "--resize <how>",
        `${Object.keys(RESIZES).join(", ")} (default: fit)`,
        argument(choice(Object.keys(RESIZES))),
      );

  pictures(command.command("info").description("what a data source holds"))
    .argument("<source>", "a built-in name, a folder or a file")
    .option("--all", "name everything that is ignored or doubtful, not examples alone")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass data info mnist\n")
    .action(async (source, options) => (await import("./data/info.ts")).info(source, options));

  pictures(command.command("check").description("what may be wrong with a data source"))
    .argument("<source>", "a built-in name, a folder or a file")
    .option("--run <run>", "a run trained on it: lists labels that it does not believe", argument(text("a run folder")))
    .option("--out <file.html>", "the page with thumbnails (default: numbered under runs/)", argument(text("a file")))
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass data check photos/ --run runs/first --out photos-check.html\n")
    .action(async (source, options) => (await import("./data/check.ts")).check(source, options));

  command
    .command("make")
    .description("write a data set that the program draws")
    .argument("<name>", "glyphs")
    .requiredOption("--out <folder>", "where the class folders go", argument(text("a folder")))
    .option("--count <n>", "training pictures", argument(integer(10, 1_000_000)), 2000)
    .option("--test <n>", "test pictures", argument(integer(0, 1_000_000)), 400)
    .option("--seed <n>", "seed", argument(integer(0, LARGEST_SEED)), 1)
    .option("--colour", "in colour")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass data make glyphs --out digits\n")
    .action(async (name, options) => (await import("./data/make.ts")).make(name, options));

  pictures(command.command("convert").description("write a data source in another form"))
    .argument("<source>", "a built-in name, a folder or a file")
    .requiredOption("--out <path>", "a .npz file, or a folder", argument(text("a file or a folder")))
    .option(
      "--to <form>",
      "npz, shards (WebDataset .tar) or folders (default: by --out)",
      argument(choice(["npz", "shards", "folders"])),
    )
    .option("--shard <n>", "pictures a shard", argument(integer(1, 1_000_000)), 10_000)
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  genclass data convert photos/ --image 64x64 --to shards --out photo-shards\n")
    .action(async (source, options) => (await import("./data/make.ts")).convert(source, options));

  pictures(command.command("augment-preview").description("a picture of what an augmentation policy does"))
    .argument("<source>", "a built-in name, a folder or a file")
    .option("--augment <policy>", `${AUGMENTATION_NAMES.join(", ")}, or changes as in light,rotate=5`, "auto")
    .option("--out <file.png>", "where the picture goes (default: numbered under runs/)", argument(text("a file")))
    .option("--seed <n>", "seed", argument(integer(0, LARGEST_SEED)), 0)
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nChanges:\n${Object.entries(CHANGES)
        .map(([name, change]) => `  ${name.padEnd(11)} ${change.doc} (default ${change.default})`)
        .join("\n")}\n\nExample:\n  genclass data augment-preview mnist --augment strong,elastic,erase\n`,
    )
    .action(async (source, options) => (await import("./data/preview.ts")).preview(source, options));
}
