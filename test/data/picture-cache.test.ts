// The cache of decoded pictures on disk, damaged in every way that a crash or a bad disk may bring.
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { cachePath } from "../../src/base/cache-path.ts";
import { range } from "../../src/data/dataset.ts";
import type { PictureSource } from "../../src/data/readers/source.ts";
import { PictureStore } from "../../src/data/readers/store.ts";
import { plain } from "./files.ts";

const cache = mkdtempSync(join(tmpdir(), "genclass-cache-"));
const folder = join(cache, "pictures");
process.env.GENCLASS_CACHE = cache;
beforeEach(() => rmSync(folder, { recursive: true, force: true }));
afterAll(() => {
  delete process.env.GENCLASS_CACHE;
  rmSync(cache, { recursive: true });
});

const N = 20;
const shape = { height: 8, width: 8, channels: 3 };
const SIZE = 8 * 8 * 3;
const options = { resize: "fit", memory: 100, maxUndecodable: 0.2 } as const;
const encoded = await Promise.all(
  Array.from({ length: N }, (_, i) =>
    plain(5 * i, 8)
      .png()
      .toBuffer(),
  ),
);

/** A store of pictures whose red is five times their number, of which the last does not decode; and which were decoded. */
function open(): { store: PictureStore; decoded: number[] } {
  const decoded: number[] = [];
  const source: PictureSource = {
    name: "test",
    identity: () => "the same",
    entries: encoded.map((_, i) => ({ name: `p${i}`, split: "train", label: "a" })),
    async input(index) {
      decoded.push(index);
      return index === N - 1 ? Buffer.from("no picture") : encoded[index]!;
    },
    warnings: [],
  };
  return { store: new PictureStore(source, shape, options), decoded };
}

const reds = (store: PictureStore): number[] =>
  Array.from({ length: N }, (_, i) => {
    const out = new Uint8Array(SIZE);
    store.read(i, out, 0);
    return out[0]!;
  });
const RIGHT = Array.from({ length: N }, (_, i) => (i === N - 1 ? 0 : 5 * i));

/** Fills the cache, and gives the paths of its two files. */
async function filled(): Promise<{ pixels: string; marks: string }> {
  await open().store.ready(range(0, N));
  const files = readdirSync(folder).sort();
  expect(files.map((file) => file.split(".")[1])).toEqual(["marks", "pixels"]);
  return { marks: join(folder, files[0]!), pixels: join(folder, files[1]!) };
}

/** What is decoded again, once the pictures have been asked for; they must be right, and right again the next time. */
async function repaired(): Promise<number[]> {
  const { store, decoded } = open();
  await store.ready(range(0, N));
  expect(reds(store)).toEqual(RIGHT);
  expect(store.bad).toEqual([N - 1]);
  const next = open();
  expect(next.store.ready(range(0, N))).toBeUndefined();
  expect([reds(next.store), next.decoded]).toEqual([RIGHT, []]);
  return decoded.sort((a, b) => a - b);
}

describe("the cache of decoded pictures", () => {
  it("is used again as it is, its last picture being one that does not decode", async () => {
    await filled();
    expect(await repaired()).toEqual([]);
  });

  it("of which a half was zeroed gives the right pictures: those that are damaged are decoded anew", async () => {
    const { pixels } = await filled();
    const bytes = readFileSync(pixels);
    writeFileSync(pixels, bytes.fill(0, bytes.length / 2));
    // Picture 10 to 18; 19 does not decode.
    expect(await repaired()).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18]);
  });

  it("of which one bit changed decodes that picture anew", async () => {
    const { pixels } = await filled();
    const bytes = readFileSync(pixels);
    bytes[3 * SIZE + 100]! ^= 1;
    writeFileSync(pixels, bytes);
    expect(await repaired()).toEqual([3]);
  });

  it.each([
    ["pixels", (file: string) => truncateSync(file, 5 * SIZE)],
    ["pixels", (file: string) => rmSync(file)],
    ["marks", (file: string) => truncateSync(file, 10)],
    ["marks", (file: string) => writeFileSync(file, readFileSync(file).fill(1, 0, 4).fill(7, 5, 6))],
    ["marks", (file: string) => rmSync(file)],
  ] as const)("is made anew where its %s are cut short, gone or changed", async (which, damage) => {
    damage((await filled())[which]);
    expect(await repaired()).toEqual([...range(0, N)]);
  });

  it("is swept of what killed processes left, and of nothing else", async () => {
    await filled();
    const machine = hostname().replace(/[^A-Za-z0-9_]/g, "_");
    const left = {
      // No process has this number: Linux counts up to 2^22.
      killed: `k.${machine}-99999999-1.draft`,
      living: `k.${machine}-${process.pid}-999.draft`,
      elsewhere: "k.other-5-1.draft",
      old: "k.other-6-1.draft",
    };
    for (const name of Object.values(left)) writeFileSync(join(folder, name), "");
    utimesSync(join(folder, left.old), 0, 0);
    rmSync(join(folder, readdirSync(folder).find((file) => file.endsWith(".marks"))!));
    await open().store.ready(range(0, N));
    const drafts = readdirSync(folder).filter((file) => file.endsWith(".draft"));
    expect(drafts.sort()).toEqual([left.living, left.elsewhere].sort());
  });
});

it("is in the system's folder where a variable is empty, and not in the working directory", () => {
  const usual = cachePath({}, "pictures");
  expect(cachePath({ GENCLASS_CACHE: "", XDG_CACHE_HOME: "", LOCALAPPDATA: "" }, "pictures")).toBe(usual);
  expect(cachePath({ GENCLASS_CACHE: "", XDG_CACHE_HOME: "/x" }, "pictures")).toBe(join("/x", "genclass", "pictures"));
  expect(cachePath({ GENCLASS_CACHE: "/own", XDG_CACHE_HOME: "/x" }, "pictures")).toBe(join("/own", "pictures"));
});
