import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, describe, expect, it } from "vitest";
import { gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { labelNames, png, sizes } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-parquet-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("Parquet files", () => {
  const write = (file: string, images: Uint8Array[], labels: (number | null)[], classes?: string[]) =>
    writeFileSync(
      file,
      Buffer.from(
        parquetWriteBuffer({
          columnData: [
            { name: "image", data: images, type: "BYTE_ARRAY" },
            { name: "label", data: labels.map((v) => (v === null ? null : BigInt(v))), type: "INT64" },
          ],
          rowGroupSize: 2,
          kvMetadata: classes && [
            {
              key: "huggingface",
              value: JSON.stringify({ info: { features: { label: { _type: "ClassLabel", names: classes } } } }),
            },
          ],
        }),
      ),
    );

  it("with picture bytes and labels are read, with the class names that Hugging Face stores", async () => {
    const folder = join(root, "hub", "data");
    mkdirSync(folder, { recursive: true });
    const pictures = await Promise.all([10, 20, 30, 40, 50].map(png));
    write(join(folder, "train-00000-of-00001.parquet"), pictures, [1, 0, 1, null, 0], ["zebra", "ant"]);
    write(join(folder, "test-00000-of-00001.parquet"), pictures.slice(0, 2), [0, 1], ["zebra", "ant"]);
    const data = await open(join(root, "hub"), { validation: 0 });
    expect([data.classes, labelNames(data)]).toEqual([
      ["zebra", "ant"],
      ["ant", "zebra", "ant", null, "zebra"],
    ]);
    expect([sizes(data), data.test!.labels.length]).toEqual([[5, 8, 8, 3], 2]);
    expect([...(await gather(data.train, [2])).subarray(0, 3)]).toEqual([30, 0, 225]);
    mkdirSync(join(root, "configured", "plain_text"), { recursive: true });
    write(join(root, "configured", "plain_text", "train-0.parquet"), pictures, [1, 0, 1, 0, 0], ["zebra", "ant"]);
    expect((await open(join(root, "configured"), { validation: 0 })).classes).toEqual(["zebra", "ant"]);
    mkdirSync(join(root, "configured", "other"));
    write(join(root, "configured", "other", "train-0.parquet"), pictures, [1, 0, 1, 0, 0], ["zebra", "ant"]);
    await expect(open(join(root, "configured"))).rejects.toThrowError(/holds several data sets \(other, plain_text\)/);
    const bare = join(root, "bare.parquet");
    write(bare, pictures, [1, 0, 1, 5, 0]);
    expect((await open(bare, { validation: 0 })).classes).toEqual(["0", "1", "5"]);
  });

  it("that are broken or hold no pictures are refused", async () => {
    writeFileSync(join(root, "noise.parquet"), Buffer.alloc(100, 7));
    await expect(open(join(root, "noise.parquet"))).rejects.toThrowError(/not a readable Parquet file/);
    const table = parquetWriteBuffer({ columnData: [{ name: "x", data: [1, 2], type: "INT32" }] });
    writeFileSync(join(root, "table.parquet"), Buffer.from(table));
    await expect(open(join(root, "table.parquet"))).rejects.toThrowError(/its columns are x; expected one of image/);
  });
});
