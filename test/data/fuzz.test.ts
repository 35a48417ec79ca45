import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, describe, expect, it } from "vitest";
import { GenclassError } from "../../src/base/errors.ts";
import { open } from "../../src/data/open.ts";
import { Random } from "../../src/random/random.ts";
import { idx, npy, pictureTar, plain } from "./files.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-fuzz-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Whole sources, as files below a folder; the first file is the one that is changed, `open` gets `at`. */
interface Source {
  readonly files: Readonly<Record<string, Buffer>>;
  readonly at: string;
  /** Header bytes, where most changes go. */
  readonly head: number;
}

async function sources(): Promise<Record<string, Source>> {
  const pixels = Uint8Array.from({ length: 6 * 64 }, (_, i) => (i * 7) % 256);
  const labels = Uint8Array.of(0, 1, 0, 1, 0, 1);
  const idxLabels = { "train-labels-idx1-ubyte": idx([6], labels) };
  const tar = await pictureTar(4, 60);
  const npz = Buffer.from(
    zipSync({ "images.npy": npy("|u1", [6, 8, 8], pixels), "labels.npy": npy("|u1", [6], labels) }),
  );
  const png = await plain(100, 16).png().toBuffer();
  const jpeg = await plain(100, 16).jpeg().toBuffer();
  const pictures = Object.fromEntries(["a/1", "a/2", "b/1", "b/2"].map((name) => [`${name}.png`, png]));
  const parquet = Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: "image", data: [png, png, jpeg, png], type: "BYTE_ARRAY" },
        { name: "label", data: [0, 1, 0, 1], type: "INT32" },
      ],
    }),
  );
  return {
    idx: { files: { "train-images-idx3-ubyte": idx([6, 8, 8], pixels), ...idxLabels }, at: "", head: 16 },
    "idx.gz": {
      files: { "train-images-idx3-ubyte.gz": gzipSync(idx([6, 8, 8], pixels)), ...idxLabels },
      at: "",
      head: 20,
    },
    cifar: {
      files: { "data_batch_1.bin": Buffer.concat([Buffer.of(3), pixels, Buffer.alloc(3072 - 384)]) },
      at: "",
      head: 8,
    },
    npz: { files: { "x.npz": npz }, at: "x.npz", head: npz.length },
    csv: {
      files: { "x.csv": Buffer.from("path,label,split\na/1.png,a,train\na/2.png,b,train\n"), ...pictures },
      at: "x.csv",
      head: 60,
    },
    tar: { files: { "x.tar": tar }, at: "x.tar", head: 512 },
    "tar.gz": { files: { "x.tar.gz": gzipSync(tar) }, at: "x.tar.gz", head: 40 },
    parquet: { files: { "x.parquet": parquet }, at: "x.parquet", head: parquet.length },
    png: { files: { "a/0.png": png, ...pictures }, at: "", head: 60 },
    jpeg: { files: { "a/0.jpg": jpeg, ...pictures }, at: "", head: 200 },
  };
}

/** A hostile variant: bits flipped, bytes set to extremes, cut short, grown, or a part moved. */
function mutated(bytes: Buffer, head: number, random: Random): Buffer {
  let out: Buffer = Buffer.from(bytes);
  const place = () => random.integer(random.uniform() < 0.7 ? Math.min(head, out.length) : out.length);
  for (let k = random.integer(4); k >= 0; k--) {
    if (out.length === 0) return out;
    const kind = random.integer(6);
    if (kind === 0) out[place()]! ^= 1 << random.integer(8);
    else if (kind === 1) out[place()] = [0, 1, 127, 128, 255][random.integer(5)]!;
    else if (kind === 2) out = out.subarray(0, random.integer(out.length + 1));
    else if (kind === 3) out = Buffer.concat([out, Buffer.alloc(random.integer(600), random.integer(256))]);
    else if (kind === 4) {
      const at = place();
      out.fill(255, at, Math.min(out.length, at + 4));
    } else {
      const [from, to] = [place(), place()];
      out.copyWithin(to, from, Math.min(out.length, from + 16));
    }
  }
  return out;
}

const EACH = 210;

describe("damaged and hostile files", () => {
  it(`${10 * EACH} of them are read or refused with a proper error, in bounded time and memory`, {
    tags: ["long"],
    timeout: 300_000,
  }, async () => {
    const outcomes: Record<string, { read: number; refused: number }> = {};
    const before = process.memoryUsage().rss;
    let slowest = 0;
    for (const [kind, source] of Object.entries(await sources())) {
      const count = { read: 0, refused: 0 };
      outcomes[kind] = count;
      const folder = join(root, kind);
      for (const [name, bytes] of Object.entries(source.files)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), bytes);
      }
      const [changed, whole] = Object.entries(source.files)[0]!;
      for (let seed = 0; seed < EACH; seed++) {
        const bytes = mutated(whole, source.head, new Random(seed, kind));
        writeFileSync(join(folder, changed), bytes);
        const begun = performance.now();
        try {
          await open(join(folder, source.at), {
            image: kind === "png" || kind === "jpeg" ? { height: 8, width: 8 } : undefined,
          });
          count.read++;
        } catch (error) {
          if (!(error instanceof GenclassError) || error.message.includes("internal:")) {
            writeFileSync(join(tmpdir(), `fuzz-${kind}-${seed}`), bytes);
            throw new Error(`${kind}, seed ${seed}: ${(error as Error).stack}`);
          }
          count.refused++;
        }
        slowest = Math.max(slowest, performance.now() - begun);
      }
    }
    // Each kind is both accepted and refused somewhere: the changes reach past the first check, and do harm.
    for (const [kind, { read, refused }] of Object.entries(outcomes)) {
      expect(read, `${kind}: read`).toBeGreaterThan(0);
      expect(refused, `${kind}: refused`).toBeGreaterThan(0);
    }
    // The sources are a few kilobytes: a reader that believed a forged size would take gigabytes or minutes.
    expect(process.memoryUsage().rss - before).toBeLessThan(500 * 2 ** 20);
    expect(slowest).toBeLessThan(10_000);
  });
});
