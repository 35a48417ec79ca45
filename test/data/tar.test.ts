import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { gather } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { labelNames, png, sizes, tar, warned } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-tar-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("tar shards", () => {
  it("in WebDataset form, plain or compressed, one or many, are read", async () => {
    const folder = join(root, "shards");
    mkdirSync(folder);
    const shard = await tar([
      ["000.png", await png(10)],
      ["000.cls", "3"],
      ["001.png", await png(20)],
      ["001.json", '{"label": 11}'],
      ["002.png", await png(30)],
    ]);
    writeFileSync(join(folder, "train-0000.tar"), shard);
    writeFileSync(join(folder, "train-0001.tar.gz"), gzipSync(shard));
    writeFileSync(
      join(folder, "test-0000.tar"),
      await tar([
        ["9.png", await png(10)],
        ["9.cls", "3"],
      ]),
    );
    const data = await open(folder, { validation: 0 });
    expect([data.classes, labelNames(data)]).toEqual([
      ["3", "11"],
      ["3", "11", null, "3", "11", null],
    ]);
    expect([sizes(data), data.test!.labels.length]).toEqual([[6, 8, 8, 3], 1]);
    expect([...(await gather(data.train, [4])).subarray(0, 3)]).toEqual([20, 0, 235]);
  });

  it("with class folders inside, and names too long for a header, are read", async () => {
    const long = `train/cat/${"x".repeat(180)}.png`;
    writeFileSync(
      join(root, "folders.tar"),
      await tar([
        [long, await png(1)],
        ["train/dog/1.png", await png(2)],
        ["test/dog/2.png", await png(3)],
      ]),
    );
    const data = await open(join(root, "folders.tar"), { validation: 0 });
    expect([data.classes, labelNames(data), data.test!.labels.length]).toEqual([["cat", "dog"], ["cat", "dog"], 1]);
  });

  it("with names that lead out, links or devices neither read nor write anything outside", async () => {
    const folder = join(root, "hostile");
    mkdirSync(folder);
    const before = readdirSync(root).sort();
    const file = join(folder, "evil.tar");
    writeFileSync(
      file,
      await tar([
        ["a/1.png", await png(1)],
        ["b/1.png", await png(2)],
        ["../escaped.png", await png(3)],
        ["/tmp/absolute.png", await png(4)],
        ["a/../../c/1.png", await png(4)],
        [{ name: "a/link.png", type: "symlink", linkname: "/etc/passwd" }, ""],
        [{ name: "b/hard.png", type: "link", linkname: "../../etc/passwd" }, ""],
        [{ name: "a/pipe.png", type: "fifo" }, ""],
      ]),
    );
    const data = await open(file, { validation: 0 });
    expect(labelNames(data)).toEqual(["a", "b"]);
    expect(warned(data, /names lead out of the archive/)).toEqual(
      ["../escaped.png", "/tmp/absolute.png", "a/../../c/1.png"].map((name) => `evil.tar/${name}`),
    );
    expect(warned(data, /links or devices/)).toHaveLength(3);
    expect([readdirSync(folder), readdirSync(root).sort()]).toEqual([["evil.tar"], before]);
  });

  it("that are truncated or no archives are refused with the place", async () => {
    const whole = await tar([
      ["a/1.png", await png(1)],
      ["b/1.png", await png(2)],
    ]);
    for (const [name, bytes, message] of [
      ["cut.tar", whole.subarray(0, 560), /a member is cut short at byte 0/],
      ["cut-header.tar", whole.subarray(0, 1124), /cut short at byte 1024/],
      ["noise.tar", Buffer.alloc(2048, 65), /no tar header at byte 0/],
      ["noise.tgz", Buffer.alloc(2048, 65), /damaged gzip file/],
      ["empty.tar", Buffer.alloc(1024), /no picture in it/],
    ] as const) {
      writeFileSync(join(root, name), bytes);
      await expect(open(join(root, name))).rejects.toThrowError(message);
    }
  });
});

describe("what is lost of an archive", () => {
  it("is told of a tar archive that ends where a member ends, without its end mark, and of notes of macOS", async () => {
    const whole = await tar([
      ["a/1.png", await png(1)],
      ["b/1.png", await png(2)],
      ["b/._1.png", "a note"],
      ["b/read me.txt", "hello"],
      ["b/2.png", await png(3)],
    ]);
    writeFileSync(join(root, "whole.tar"), whole);
    const read = await open(join(root, "whole.tar"), { validation: 0 });
    expect(read.warnings).toEqual([
      { text: "ignored, as macOS left them as notes", names: ["whole.tar/b/._1.png"] },
      { text: "ignored, as .txt is not read as a picture", names: ["whole.tar/b/read me.txt"] },
    ]);
    // The last member is a header of 512 bytes and a picture of less than that; then two empty blocks end the archive.
    writeFileSync(join(root, "cut-at-member.tar"), whole.subarray(0, whole.length - 4 * 512));
    const cut = await open(join(root, "cut-at-member.tar"), { validation: 0 });
    expect([labelNames(cut), warned(cut, /without an end mark/)]).toEqual([
      ["a", "b"],
      [join(root, "cut-at-member.tar")],
    ]);
    // Also where what is left cannot be learnt from: of two classes there is one.
    writeFileSync(join(root, "one-left.tar"), whole.subarray(0, 2 * 512));
    await expect(open(join(root, "one-left.tar"))).rejects.toThrowError(
      /one class only \("a"\).*\. Noted before: doubtful: archives without an end mark.*: .*one-left\.tar$/,
    );
  });
});
