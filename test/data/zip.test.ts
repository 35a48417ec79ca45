// Zip archives of pictures: read as the folder that was packed is, in place, whatever they claim.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Zippable, zipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { gather, range } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { plain, warned } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-zip-"));
afterAll(() => rmSync(root, { recursive: true }));

const png = (value: number) => plain(value, 8).png().toBuffer();

function write(name: string, bytes: Uint8Array): string {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), bytes);
  return join(root, name);
}

/** Pictures of two classes in two parts, by their paths. */
const FILES: Record<string, Uint8Array> = {
  "photos/train/cat/1.png": await png(1),
  "photos/train/cat/é.png": await png(2),
  "photos/train/dog/3.png": await png(3),
  "photos/test/dog/4.png": await png(4),
};

/** The archive with its members' sizes and places as ZIP64 has them (APPNOTE 4.3.14, 4.3.15 and 4.5.3). */
function asZip64(archive: Uint8Array): Uint8Array {
  const bytes = Buffer.from(archive);
  const end = bytes.length - 22;
  const [count, at] = [bytes.readUInt16LE(end + 10), bytes.readUInt32LE(end + 16)];
  const entries: Buffer[] = [];
  for (let from = at; from < end; ) {
    const [name, extra] = [bytes.readUInt16LE(from + 28), bytes.readUInt16LE(from + 30)];
    const entry = Buffer.from(bytes.subarray(from, from + 46 + name));
    const field = Buffer.alloc(4 + 24);
    field.writeUInt16LE(1, 0);
    field.writeUInt16LE(24, 2);
    for (const [i, place] of [24, 20, 42].entries()) {
      field.writeBigUInt64LE(BigInt(entry.readUInt32LE(place)), 4 + 8 * i);
      entry.writeUInt32LE(0xffffffff, place);
    }
    entry.writeUInt16LE(field.length, 30);
    entries.push(entry, field);
    from += 46 + name + extra;
  }
  const directory = Buffer.concat(entries);
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(directory.length), 40);
  end64.writeBigUInt64LE(BigInt(at), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(at + directory.length), 8);
  locator.writeUInt32LE(1, 16);
  const last = Buffer.from(bytes.subarray(end));
  last.fill(255, 8, 20);
  return Buffer.concat([bytes.subarray(0, at), directory, end64, locator, last]);
}

describe("a zip archive of class folders", () => {
  it.each<[string, Uint8Array]>([
    ["compressed", zipSync(FILES)],
    ["stored", zipSync(FILES, { level: 0 })],
    ["with a comment", zipSync(FILES, { comment: "of PK\u0005\u0006 pictures" })],
    ["with ZIP64 fields", asZip64(zipSync(FILES))],
  ])("that is %s is read as the folder that was packed", async (kind, archive) => {
    for (const [name, bytes] of Object.entries(FILES)) write(join("folder", name), bytes);
    const [packed, folder] = [
      await open(write(`${kind}/set.zip`, archive), { validation: 0 }),
      await open(join(root, "folder", "photos"), { validation: 0 }),
    ];
    expect([packed.name, packed.classes, packed.warnings]).toEqual(["set", folder.classes, []]);
    for (const part of ["train", "test"] as const) {
      const [found, expected] = [packed[part]!, folder[part]!];
      expect([...found.labels]).toEqual([...expected.labels]);
      const all = range(0, expected.labels.length);
      expect(await gather(found, all)).toEqual(await gather(expected, all));
    }
  });

  it("may be one of several in a folder, each a part, beside tar archives", async () => {
    const of = async (value: number) => ({ "cat/1.png": await png(value), "dog/1.png": await png(value + 1) });
    write("parts/train.zip", zipSync(await of(1)));
    write("parts/test.zip", zipSync(await of(5)));
    const data = await open(join(root, "parts"), { validation: 0 });
    expect([data.train.labels.length, data.test!.labels.length]).toEqual([2, 2]);
  });
});

describe("a zip archive that is hostile or damaged", () => {
  /** Changes the directory's entry of a member. */
  function changed(archive: Uint8Array, member: string, change: (entry: Buffer) => void): Uint8Array {
    const bytes = Buffer.from(archive);
    change(bytes.subarray(bytes.lastIndexOf(member) - 46));
    return bytes;
  }

  it("reads and writes nothing outside, and names what it does not read", async () => {
    const folder = join(root, "hostile");
    mkdirSync(folder);
    const before = readdirSync(root).sort();
    const names = ["a/1.png", "b/1.png", "../escaped.png", "/tmp/absolute.png", "a/../../c/1.png", "C:\\d.png"];
    const files: Zippable = Object.fromEntries(await Promise.all(names.map(async (name, i) => [name, await png(i)])));
    files["a/link.png"] = [Buffer.from("/etc/passwd"), { os: 3, attrs: 0o120777 << 16 }];
    let archive: Uint8Array = zipSync({
      ...files,
      "a/secret.png": await png(9),
      "a/strange.png": await png(10),
      "__MACOSX/a/._1.png": await png(11),
    });
    archive = changed(archive, "a/secret.png", (entry) => entry.writeUInt16LE(1, 8));
    archive = changed(archive, "a/strange.png", (entry) => entry.writeUInt16LE(99, 10));
    const data = await open(write("hostile/evil.zip", archive), { validation: 0 });
    expect([...data.train.labels]).toEqual([0, 1]);
    expect(warned(data, /names lead out of the archive/)).toEqual(names.slice(2).map((name) => `evil.zip/${name}`));
    expect(warned(data, /links or devices/)).toEqual(["evil.zip/a/link.png"]);
    expect(warned(data, /encrypted/)).toEqual(["evil.zip/a/secret.png"]);
    expect(warned(data, /compressed in a way/)).toEqual(["evil.zip/a/strange.png"]);
    expect(warned(data, /macOS/)).toEqual(["evil.zip/__MACOSX/a/._1.png"]);
    expect([readdirSync(folder), readdirSync(root).sort()]).toEqual([["evil.zip"], before]);
  });

  it("leaves out a picture whose checksum is wrong, or that expands to more than it claims", async () => {
    const files = {
      "a/1.png": await png(1),
      "a/2.png": await png(2),
      "a/3.png": await png(3),
      "b/1.png": await png(4),
    };
    let archive: Uint8Array = changed(zipSync(files), "a/1.png", (entry) => entry.writeUInt32LE(0, 16));
    archive = changed(archive, "a/2.png", (entry) => entry.writeUInt32LE(20, 24));
    const data = await open(write("wrong.zip", archive), { validation: 0, maxUndecodable: 0.5 });
    expect(warned(data, /do not decode/)).toEqual(["wrong.zip/a/1.png", "wrong.zip/a/2.png"]);
  });

  it("does not read a picture that claims to be larger than any is", async () => {
    const archive = changed(zipSync({ ...FILES, "cat/huge.png": await png(1) }), "cat/huge.png", (entry) =>
      entry.writeUInt32LE(2 ** 29, 24),
    );
    expect(warned(await open(write("huge.zip", archive), { validation: 0 }), /larger than 256 MiB/)).toEqual([
      "huge.zip/cat/huge.png",
    ]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      "cut short",
      zipSync(FILES).subarray(0, 300),
      /cut-short.zip: damaged zip archive \(it has no directory at its end/,
    ],
    ["noise", Buffer.alloc(500, 65), /damaged zip archive/],
    ["empty", zipSync({}), /no picture in it/],
    [
      "with a directory beyond its end",
      Buffer.concat([zipSync(FILES).subarray(0, -22), Buffer.from([80, 75, 5, 6]), Buffer.alloc(18, 120)]),
      /its directory is damaged/,
    ],
  ])("that is %s is refused", async (name, bytes, message) => {
    await expect(open(write(`${name.replaceAll(" ", "-")}.zip`, bytes))).rejects.toThrowError(message);
  });
});
