import { shellWord } from "../../../base/shell.ts";
import { summarise } from "../../../data/check/check.ts";
import { type Dataset, type HeaderSummary, PARTS } from "../../../data/dataset.ts";
import { type OpenOptions, open } from "../../../data/open.ts";
import { isShortened, warningLine } from "../../../data/warnings.ts";
import { openLine, print, printable, printJson, table } from "../../render.ts";

/** Options of the commands that look at a source. */
export interface SourceOptions extends Pick<OpenOptions, "image" | "resize"> {
  json?: boolean;
}

/** `genclass data info`: what is in a source. */
export async function info(source: string, options: SourceOptions & { all?: boolean }): Promise<void> {
  const { image, resize } = options;
  const data = await open(source, {
    image,
    resize,
    validation: 0,
    maxUndecodable: 1,
    emptyClasses: true,
    progress: openLine,
  });
  const headers = await data.headers?.();
  const { height, width, channels } = data.train;
  const parts = summarise(data);
  if (options.json) {
    printJson({
      source,
      name: data.name,
      classes: data.classes,
      size: { height, width, channels },
      parts,
      headers: headers ?? null,
      warnings: data.warnings,
    });
    return;
  }
  print(`${data.name}: read as ${height}x${width}x${channels}, ${data.classes.length} classes`);
  print();
  print(classTable(data));
  if (headers) {
    print();
    print(headerTable(headers));
  }
  const most = options.all ? Number.POSITIVE_INFINITY : undefined;
  for (const warning of data.warnings) print(`note: ${printable(warningLine(warning, most))}`);
  if (!options.all && data.warnings.some(isShortened))
    print(`"genclass data info ${shellWord(source)} --all" lists all names`);
}

/** Pictures of each class in each part. */
export function classTable(data: Dataset): string {
  const parts = summarise(data);
  const present = PARTS.filter((part) => parts[part]);
  const row = (name: string, of: (part: (typeof present)[number]) => number) => [name, ...present.map(of)];
  return table([
    ["class", ...present],
    ...data.classes.map((name, k) => row(name, (part) => parts[part]!.counts[k]!)),
    ...(present.some((part) => parts[part]!.unlabelled > 0)
      ? [row("(no label)", (part) => parts[part]!.unlabelled)]
      : []),
    row("all", (part) => parts[part]!.pictures),
  ]);
}

/** Sizes and kinds of pictures as a table. */
export function headerTable({ kinds, depth, height, width }: HeaderSummary): string {
  return table([
    ...Object.entries(kinds)
      .sort(([, a], [, b]) => b - a)
      .map(([kind, count]) => [kind, count]),
    ["folders above a picture", depth[0] === depth[1] ? depth[0] : depth.join(" to ")],
    ["height (smallest, median, largest)", height.join(", ")],
    ["width (smallest, median, largest)", width.join(", ")],
  ]);
}
