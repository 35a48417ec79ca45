// Files that are small and claim much: they are refused, in bounded time and memory, and the next file is read.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetMetadata } from "hyparquet";
import { ByteWriter, parquetWriteBuffer } from "hyparquet-writer";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import { afterAll, describe, expect, it } from "vitest";
import { open } from "../../src/data/open.ts";
import { plain } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-hostile-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Eight pictures of two classes. */
async function parquet(): Promise<ArrayBuffer> {
  const png = await plain(100, 8).png().toBuffer();
  return parquetWriteBuffer({
    columnData: [
      { name: "image", data: new Array(8).fill(png), type: "BYTE_ARRAY" },
      { name: "label", data: [0, 1, 0, 1, 0, 1, 0, 1], type: "INT32" },
    ],
  });
}

/** The same bytes, and a description that claims so many rows. */
function claiming(whole: ArrayBuffer, rows: bigint): Uint8Array {
  const metadata = parquetMetadata(whole);
  metadata.num_rows = rows;
  for (const group of metadata.row_groups) {
    group.num_rows = rows;
    for (const { meta_data } of group.columns) meta_data!.num_values = rows;
  }
  const described = new DataView(whole).getUint32(whole.byteLength - 8, true);
  const writer = new ByteWriter();
  writer.appendBytes(new Uint8Array(whole, 0, whole.byteLength - 8 - described));
  writeMetadata(writer, metadata);
  writer.appendUint32(0x31524150);
  return writer.getBytes();
}

describe("a Parquet file of a few hundred bytes", () => {
  it("that claims four thousand million rows is refused; the thread that read it is replaced", async () => {
    const whole = await parquet();
    const [bad, good] = [join(root, "bad.parquet"), join(root, "good.parquet")];
    writeFileSync(bad, claiming(whole, 4_000_000_000n));
    writeFileSync(good, new Uint8Array(whole));
    const before = process.memoryUsage().rss;
    await expect(open(bad)).rejects.toThrowError(
      /bad.parquet: not a readable Parquet file \((it takes more than 11 s to read|.*memory.*)\); fetch it again/,
    );
    // The thread may have had a gigabyte; it is gone, but for what the allocator keeps.
    expect(process.memoryUsage().rss - before).toBeLessThan(500 * 2 ** 20);
    const { train, classes } = await open(good, { validation: 0 });
    expect([train.labels.length, classes]).toEqual([8, ["0", "1"]]);
  }, 60_000);
});
