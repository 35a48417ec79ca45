// Parquet files as Hugging Face data sets ship them: a column of picture bytes and a column of labels.
import { basename } from "node:path";
import { fail } from "../../base/errors.ts";
import { ParquetFile } from "./parquet-files.ts";
import { fileState, type PictureEntry, type PictureSource, splitOf } from "./source.ts";

interface Shard {
  readonly file: ParquetFile;
  /** Its column of pictures. */
  readonly image: string;
  /** First row of each group, and the end. */
  readonly groups: readonly number[];
}

const IMAGE = ["image", "img", "picture", "jpg", "png", "webp"];
const LABEL = ["label", "labels", "fine_label", "class", "cls", "target"];

/** What Hugging Face's own description says of the columns, by name. */
function features(text: string | undefined): Record<string, { _type?: string; names?: string[] }> {
  try {
    return (JSON.parse(text ?? "{}") as { info?: { features?: Record<string, object> } }).info?.features ?? {};
  } catch {
    return {};
  }
}

/**
 * The pictures of Parquet files. The split of a file is the first word of its name: `test-00000-of-00001.parquet`.
 * @param paths files in the order in which their pictures are numbered
 * @param name what messages call them together
 * @returns the pictures, and the class names where the files bring them
 * @throws `E_DATA_FORMAT` naming a file that is damaged or lacks a column of pictures or labels
 */
export async function readParquet(
  paths: readonly string[],
  name: string,
): Promise<{ source: PictureSource; classes?: readonly string[] }> {
  const shards: Shard[] = [];
  const entries: PictureEntry[] = [];
  const places: { shard: number; row: number }[] = [];
  let classes: readonly string[] | undefined;
  for (const path of paths) {
    try {
      const file = new ParquetFile(path);
      const { columns, huggingface, groups } = await file.describe();
      const known = features(huggingface);
      const pick = (type: string, names: readonly string[]) =>
        columns.find((column) => known[column]?._type === type) ?? columns.find((column) => names.includes(column));
      const label = pick("ClassLabel", LABEL);
      const image = pick("Image", IMAGE);
      if (!image || !label)
        fail(
          "E_DATA_FORMAT",
          `${path}: its columns are ${columns.join(", ")}; expected one of ${IMAGE.join(", ")} and one of ${LABEL.join(", ")}`,
        );
      classes ??= known[label]?.names;
      const labels = await file.cells({ column: label, from: 0, to: groups.at(-1)!, text: true });
      const split = splitOf(basename(path).split(/[-_.]/)[0] ?? "") ?? "train";
      labels.forEach((value, i) => {
        entries.push({ name: `${basename(path)} row ${i}`, split, ...labelled(value, classes, split) });
        places.push({ shard: shards.length, row: i });
      });
      shards.push({ file, image, groups });
    } catch (cause) {
      if ((cause as { code?: unknown }).code === "E_DATA_FORMAT") throw cause;
      fail(
        "E_DATA_FORMAT",
        `${path}: not a readable Parquet file (${(cause as Error).message}); fetch it again`,
        cause,
      );
    }
  }
  const pictures = groupReader(shards);
  return {
    classes,
    source: {
      name,
      identity: () => paths.map(fileState).join("\n"),
      entries,
      inOrder: true,
      warnings: [],
      async input(index) {
        const { shard, row } = places[index]!;
        const cell = (await pictures(shard, row)) as { bytes?: unknown } | Uint8Array | null;
        const bytes = cell instanceof Uint8Array ? cell : cell?.bytes;
        if (!(bytes instanceof Uint8Array)) throw new Error("no picture bytes");
        return bytes;
      },
    },
  };
}

function labelled(value: unknown, classes: readonly string[] | undefined, split: PictureEntry["split"]) {
  const none = value === null || value === undefined || Number(value) === -1;
  if (none) return { label: null, split: split === "train" ? ("unlabelled" as const) : split };
  const known = typeof value === "number" || typeof value === "bigint" ? classes?.[Number(value)] : undefined;
  return { label: known ?? String(value) };
}

/** Reads a picture's cell; the row group it lies in, and the one before, are kept. */
function groupReader(shards: readonly Shard[]): (shard: number, row: number) => Promise<unknown> {
  const kept = new Map<string, Promise<readonly unknown[]>>();
  return async (shard, row) => {
    const { file, image, groups } = shards[shard]!;
    const group = groups.findLastIndex((first) => first <= row);
    const [from, to] = [groups[group]!, groups[group + 1]!];
    const key = `${shard}:${group}`;
    if (!kept.has(key)) {
      if (kept.size > 1) kept.delete(kept.keys().next().value!);
      kept.set(key, file.cells({ column: image, from, to, text: false }));
    }
    return (await kept.get(key)!)[row - from];
  };
}
