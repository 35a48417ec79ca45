// Files that are small and claim much: they are refused, in bounded time and memory, and the next file is read.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { parquetMetadata } from "hyparquet";
import { ByteWriter, parquetWriteBuffer } from "hyparquet-writer";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { open } from "../../src/data/open.ts";
import { expansionLimit } from "../../src/data/readers/expansion.ts";
import { idx, npy, plain } from "./files.ts";

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

describe("a compressed file of which a few bytes expand to many", () => {
  const images = (n: number) => npy("|u1", [n, 8, 8], new Uint8Array(64 * n));
  const labels = (n: number) => npy("|u1", [n], new Uint8Array(n).fill(1, 1));
  const npz = (n: number) => zipSync({ "images.npy": images(n), "labels.npy": labels(n) });
  afterEach(() => vi.unstubAllEnvs());

  it("may have a hundred times its size, but 256 MiB in any case and 64 GiB at most, or what the user says", () => {
    expect([0, 2 ** 22, 2 ** 35].map(expansionLimit)).toEqual([2 ** 28, 100 * 2 ** 22, 2 ** 36]);
    vi.stubEnv("GENCLASS_EXPANDED_GB", "0.5");
    expect(expansionLimit(1)).toBe(5e8);
    vi.stubEnv("GENCLASS_EXPANDED_GB", "much");
    expect(() => expansionLimit(1)).toThrowError("GENCLASS_EXPANDED_GB=much: expected a number of gigabytes above 0");
  });

  it("is refused as .tar.gz before it fills the disk, and leaves nothing in the cache", async () => {
    vi.stubEnv("GENCLASS_CACHE", join(root, "cache"));
    vi.stubEnv("GENCLASS_EXPANDED_GB", "0.001");
    const file = join(root, "bomb.tar.gz");
    writeFileSync(file, gzipSync(Buffer.alloc(2e6)));
    expect(statSync(file).size).toBeLessThan(3000);
    await expect(open(file)).rejects.toThrowError(
      /bomb.tar.gz expands to more than 1 MB, far more than pictures do; .* set GENCLASS_EXPANDED_GB to the gigabytes/,
    );
    expect(readdirSync(join(root, "cache", "shards"))).toEqual([]);
  });

  it("is refused as .npz and as IDX, and read where the user allows it", async () => {
    const [archive, folder] = [join(root, "many.npz"), join(root, "mnist-like")];
    writeFileSync(archive, npz(20_000));
    mkdirSync(folder);
    writeFileSync(
      join(folder, "train-images-idx3-ubyte.gz"),
      gzipSync(idx([20_000, 8, 8], new Uint8Array(64 * 20_000))),
    );
    writeFileSync(
      join(folder, "train-labels-idx1-ubyte.gz"),
      gzipSync(idx([20_000], new Uint8Array(20_000).fill(1, 1))),
    );
    vi.stubEnv("GENCLASS_EXPANDED_GB", "0.001");
    await expect(open(archive)).rejects.toThrowError(/many.npz expands to more than 1 MB/);
    await expect(open(folder)).rejects.toThrowError(/train images in .*mnist-like expands to more than 1 MB/);
    vi.stubEnv("GENCLASS_EXPANDED_GB", "0.002");
    expect((await open(archive, { validation: 0 })).train.labels.length).toBe(20_000);
    expect((await open(folder, { validation: 0 })).train.labels.length).toBe(20_000);
  });

  it("is refused where it claims more labels than pictures, before any of them is looked at", async () => {
    const file = join(root, "labels.npz");
    const notLabels = npy("<f8", [9], new Uint8Array(new Float64Array(9).fill(0.5).buffer));
    writeFileSync(file, zipSync({ "images.npy": images(4), "labels.npy": notLabels }));
    await expect(open(file)).rejects.toThrowError(/images has 4 pictures, labels 9 labels/);
  });
});
