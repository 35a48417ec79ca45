import { fail } from "../../../base/errors.ts";
import { open } from "../../../data/open.ts";
import { glyphs } from "../../../data/sets/glyphs.ts";
import { type WriteProgress, writeFolders, writeNpz, writeShards } from "../../../data/write.ts";
import { freeFile, requireFreeFolder } from "../../files.ts";
import { bold, countLine, openLine, print, printJson } from "../../render.ts";
import type { SourceOptions } from "./info.ts";

interface MakeOptions {
  out: string;
  count: number;
  test: number;
  seed: number;
  colour?: boolean;
  json?: boolean;
}

/** `genclass data make`: a drawn data set as class folders. */
export async function make(name: string, options: MakeOptions): Promise<void> {
  if (name !== "glyphs") fail("E_NAME", `unknown data set "${name}"; the program draws: glyphs`);
  const { out, count, test, seed, colour } = options;
  requireFreeFolder(out);
  const data = glyphs({ train: count, test, seed, colour });
  const written = await writeFolders(
    test > 0 ? data : { ...data, test: undefined },
    out,
    countLine("picture", "written"),
  );
  done(written, out, options.json);
}

interface ConvertOptions extends SourceOptions {
  out: string;
  to?: "npz" | "shards" | "folders";
  shard: number;
}

/** `genclass data convert`: a source in another format. */
export async function convert(source: string, options: ConvertOptions): Promise<void> {
  const { out, shard } = options;
  const form = options.to ?? (out.toLowerCase().endsWith(".npz") ? "npz" : "shards");
  if (form === "npz") freeFile(out, "", ".npz");
  else requireFreeFolder(out);
  const data = await open(source, {
    image: options.image,
    resize: options.resize,
    validation: 0,
    progress: openLine,
  });
  const told: WriteProgress = countLine("picture", "written");
  const written =
    form === "npz"
      ? await writeNpz(data, out)
      : form === "shards"
        ? await writeShards(data, out, shard, told)
        : await writeFolders(data, out, told);
  done(written, out, options.json);
}

function done(pictures: number, out: string, json: boolean | undefined): void {
  if (json) printJson({ pictures, out });
  else print(`${pictures} pictures: ${bold(out)}`);
}
