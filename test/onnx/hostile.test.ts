// Files that lie: mutated ones end with a proper message, and nothing is taken that is not there.
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PbfWriter } from "pbf";
import { afterAll, describe, expect, it } from "vitest";
import { GenclassError } from "../../src/base/errors.ts";
import { input } from "../../src/graph/tensor.ts";
import { readNetworkFile } from "../../src/onnx/import/folder.ts";
import { Network } from "../../src/onnx/import/network.ts";
import { encodeModel } from "../../src/onnx/schema.ts";
import { Random } from "../../src/random/random.ts";
import { ASIS } from "./helpers.ts";

const { networks } = JSON.parse(readFileSync(join(import.meta.dirname, "../reference/exports.json"), "utf8")) as {
  networks: Record<string, { file: string }>;
};
const FILES = Object.values(networks).map(({ file }) => new Uint8Array(Buffer.from(file, "base64")));
const picture = input("picture", [2, 16, 16, 3]);

/** Some bytes changed, cut out, put in or cut off. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const whole = Uint8Array.from(bytes);
  const at = () => random.integer(whole.length);
  // Structure is where the names are, which is not in the long runs of weights alone.
  const kind = random.integer(4);
  if (kind === 0) for (let i = 0; i <= random.integer(8); i++) whole[at()] = random.integer(256);
  if (kind === 1) return whole.subarray(0, at());
  const [from, to] = [at(), at()];
  if (kind === 2) return Buffer.concat([whole.subarray(0, from), whole.subarray(from + 1 + random.integer(16))]);
  if (kind === 3) return Buffer.concat([whole.subarray(0, from), whole.subarray(to, to + 8), whole.subarray(from)]);
  return whole;
}

describe("mutated files", () => {
  it("500 of them are taken, or refused with a message", () => {
    const random = new Random(11, "mutations");
    const seen = { taken: 0, refused: 0 };
    for (let i = 0; i < 500; i++) {
      const bytes = mutated(FILES[i % FILES.length]!, random);
      try {
        Network.read(bytes).run(picture, ASIS);
        seen.taken++;
      } catch (cause) {
        expect(cause, `mutation ${i}: ${(cause as Error).stack}`).toBeInstanceOf(GenclassError);
        expect((cause as GenclassError).code).toBe("E_ONNX");
        expect((cause as Error).message.length).toBeLessThan(2000);
        seen.refused++;
      }
    }
    // Weights may change without anything being wrong; structure may not.
    expect(seen.taken).toBeGreaterThan(20);
    expect(seen.refused).toBeGreaterThan(200);
  });

  it("bytes of anything else are no ONNX file", () => {
    for (const text of ["", "PK\u0003\u0004", "<!DOCTYPE html><html></html>", '{"a": 1}'])
      expect(() => Network.read(new TextEncoder().encode(text))).toThrowError(/not a whole ONNX file/);
  });
});

/** A network of one product, whose weights `[dims]` are written by `write`. */
function oneProduct(dims: readonly number[], write: (out: PbfWriter) => void): Uint8Array {
  const none = encodeModel({
    name: "hostile",
    nodes: [
      { op: "Flatten", inputs: ["picture"], outputs: ["rows"], attributes: { axis: 1 } },
      { op: "MatMul", inputs: ["rows", "w"], outputs: ["y"], attributes: {} },
    ],
    constants: [],
    inputs: [{ name: "picture", type: "float32", dims: ["n", 3, 16, 16] }],
    outputs: [{ name: "y", type: "float32", dims: ["n", dims[1]!] }],
  });
  const out = new PbfWriter();
  out.writeMessage(
    7,
    (_: null, graph) =>
      graph.writeMessage(
        5,
        (_: null, tensor) => {
          for (const dim of dims) tensor.writeVarintField(1, dim);
          tensor.writeVarintField(2, 1);
          tensor.writeStringField(8, "w");
          write(tensor);
        },
        null,
      ),
    null,
  );
  // Messages of the same field are one message, in the protobuf language.
  return Buffer.concat([none, out.finish()]);
}

const entry = (tensor: PbfWriter, key: string, value: string) =>
  tensor.writeMessage(
    13,
    (_: null, out) => {
      out.writeStringField(1, key);
      out.writeStringField(2, value);
    },
    null,
  );

describe("weights that are not there", () => {
  const folder = mkdtempSync(join(tmpdir(), "genclass-onnx-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const saved = (bytes: Uint8Array) => {
    const path = join(folder, "model.onnx");
    writeFileSync(path, bytes);
    return path;
  };
  const external = (location: string, dims: readonly number[] = [768, 2]) =>
    saved(
      oneProduct(dims, (tensor) => {
        entry(tensor, "location", location);
        tensor.writeVarintField(14, 1);
      }),
    );
  const run = (path: string) => readNetworkFile(path).network.run(picture, ASIS);

  it("100 GB of them are refused before memory is taken", () => {
    const before = process.memoryUsage().rss;
    const dims = [768, 32_552_084];
    const inside = oneProduct(dims, (tensor) => tensor.writeBytesField(9, new Uint8Array(8)));
    expect(() => Network.read(inside).run(picture, ASIS)).toThrowError(
      /"w" .* needs 100000002048 bytes, the file has 8/,
    );
    writeFileSync(join(folder, "few.bin"), new Uint8Array(16));
    expect(() => run(external("few.bin", dims))).toThrowError(/needs 100000002048 bytes of few.bin .* the file has 16/);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  it("files outside the folder are refused, by name and by link", () => {
    for (const location of ["../secret.bin", "/etc/passwd", "a/../../secret.bin"])
      expect(() => run(external(location))).toThrowError(/outside the folder/);
    symlinkSync("/etc/passwd", join(folder, "link.bin"));
    expect(() => run(external("link.bin"))).toThrowError(/a link to a file outside the folder/);
    expect(() => run(external("missing.bin"))).toThrowError(/missing.bin, which is missing/);
  });

  it("files in the folder are read", () => {
    writeFileSync(join(folder, "weights.bin"), Buffer.from(new Float32Array(768 * 2).fill(0.5).buffer));
    const [y] = run(external("weights.bin"));
    expect(y!.shape).toEqual([2, 2]);
  });
});
