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

const EMPTY = new Uint8Array(0);

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
  it("that claims four thousand million rows is refused; the thread that read it is replaced", {
    tags: ["long"],
    timeout: 240_000,
  }, async () => {
    const whole = await parquet();
    const [bad, good] = [join(root, "bad.parquet"), join(root, "good.parquet")];
    writeFileSync(bad, claiming(whole, 4_000_000_000n));
    writeFileSync(good, new Uint8Array(whole));
    const before = process.memoryUsage().rss;
    await expect(open(bad)).rejects.toThrowError(
      /bad.parquet: not a readable Parquet file \((it takes more than 6 s to read|.*memory.*)\); fetch it again/,
    );
    // The thread may have had a gigabyte; it is gone, but for what the allocator keeps.
    expect(process.memoryUsage().rss - before).toBeLessThan(500 * 2 ** 20);
    const { train, classes } = await open(good, { validation: 0 });
    expect([train.labels.length, classes]).toEqual([8, ["0", "1"]]);
  });
});

describe("a good Parquet file", () => {
  afterEach(() => vi.restoreAllMocks());

  it("is read however long that takes, as where the machine is busy or its disk slow", async () => {
    const file = join(root, "slow.parquet");
    writeFileSync(file, new Uint8Array(await parquet()));
    // A thousand seconds go by at each look at the clock, in which the process computes as little as it does.
    const clock = vi.spyOn(performance, "now");
    clock.mockImplementation(() => 1e6 * clock.mock.calls.length);
    expect((await open(file, { validation: 0 })).train.labels.length).toBe(8);
    expect(clock.mock.calls.length).toBeGreaterThan(0);
  });
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

  it.each<[string, Record<string, Uint8Array>, RegExp]>([
    ["pictures without pixels", { "images.npy": npy("|u1", [4e9, 0, 0], EMPTY) }, /images is .*, which is no picture/],
    ["names without letters", { "classes.npy": npy("<U0", [4e9], EMPTY) }, /its header says .*<U0/],
    ["a million names", { "classes.npy": npy("<U1", [1e6], new Uint8Array(4e6)) }, /it has 1000000 classes/],
    ["a million columns", { "labels.npy": npy("|u1", [4, 1e6], new Uint8Array(4e6)) }, /expected a label for each/],
    [
      "millions of points",
      { "images.npy": npy("|u1", [5e6, 1, 1], new Uint8Array(5e6)) },
      /more than 4194304 pictures/,
    ],
  ])("is refused as .npz with %s", async (kind, arrays, message) => {
    const file = join(root, `${kind}.npz`);
    writeFileSync(file, zipSync({ "images.npy": images(4), "labels.npy": labels(4), ...arrays }));
    await expect(open(file)).rejects.toThrowError(message);
  });
});

describe("a zip archive", () => {
  const archive = (note: Uint8Array) => Buffer.from(zipSync({ "a/1.cls": note }));

  it("that lists the same few bytes many times is refused before any of them is expanded", async () => {
    const whole = archive(new Uint8Array(2 ** 20));
    const end = whole.subarray(whole.length - 22);
    const from = end.readUInt32LE(16);
    const entry = whole.subarray(from, whole.length - 22);
    end.writeUInt32LE(1000 * entry.length, 12);
    const file = join(root, "many.zip");
    writeFileSync(file, Buffer.concat([whole.subarray(0, from), ...new Array<Buffer>(1000).fill(entry), end]));
    expect(statSync(file).size).toBeLessThan(60_000);
    await expect(open(file)).rejects.toThrowError(/many.zip expands to more than 268 MB, far more than pictures do/);
  });

  it.each<[string, (archive: Buffer, entry: number) => unknown, RegExp]>([
    ["claims gigabytes of packed bytes", (b, entry) => b.writeUInt32LE(0xfffffffe, entry + 20), /it is cut short/],
    ["has a damaged header", (b) => b.writeUInt32LE(0, 0), /the header of "a\/1.cls" is damaged/],
    ["lies beyond its end", (b, entry) => b.writeUInt32LE(0xfffffff0, entry + 42), /it is cut short/],
  ])("whose note %s is refused as damaged", async (kind, damage, why) => {
    const file = join(root, `${kind}.zip`);
    const bytes = archive(new Uint8Array(100));
    damage(bytes, bytes.readUInt32LE(bytes.length - 6));
    writeFileSync(file, bytes);
    await expect(open(file)).rejects.toMatchObject({ code: "E_DATA_FORMAT", message: expect.stringMatching(why) });
  });
});

describe("a tar archive", () => {
  /** A header of 512 bytes, whose checksum is right. */
  function header(name: string, kind: string, size: string | Buffer): Buffer {
    const block = Buffer.alloc(512);
    block.write(name);
    if (typeof size === "string") block.write(size, 124);
    else size.copy(block, 124);
    block.fill(32, 148, 156);
    block.write(kind, 156);
    block.write(
      block
        .reduce((a, b) => a + b)
        .toString(8)
        .padStart(6, "0"),
      148,
    );
    return block;
  }
  const octal = (size: number) => size.toString(8).padStart(11, "0");
  const pax = (text: string) => [header("x", "x", octal(text.length)), Buffer.from(text.padEnd(512, "\0"))];

  it.each<[string, Buffer[], RegExp]>([
    ["negative size", [header("a/1.png", "0", Buffer.alloc(12, 255))], /a member is cut short at byte 0/],
    ["size beyond any file", [header("a/1.png", "0", "77777777777")], /a member is cut short at byte 0/],
    ["size that is no number", [header("a/1.png", "0", "-1")], /a member is cut short at byte 0/],
    ["negative size of pax", [...pax("11 size=-9\n"), header("a/1.png", "0", octal(0))], /cut short at byte 1024/],
    ["name of two megabytes", [header("L", "L", octal(2 ** 21)), Buffer.alloc(2 ** 21)], /an overlong name at byte 0/],
    ["long name without end", new Array<Buffer>(1e5).fill(header("L", "L", octal(0))), /no picture in it/],
    ["record of pax without end", [...pax("999999999 path=a\n"), header("b.txt", "0", octal(0))], /no picture in it/],
    ["sparse file of gigabytes", [header("a/1.png", "S", "77777777777")], /a member is cut short at byte 0/],
  ])("with a %s is refused", async (kind, blocks, message) => {
    const file = join(root, `${kind}.tar`);
    writeFileSync(file, Buffer.concat([...blocks, Buffer.alloc(1024)]));
    await expect(open(file)).rejects.toThrowError(message);
  });
});
