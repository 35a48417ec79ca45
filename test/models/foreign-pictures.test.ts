// From few labels of MNIST, with and without pictures that are no digits: real ones, as the models see them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Dataset, gather, type ImageSet, range, subset } from "../../src/data/dataset.ts";
import { open } from "../../src/data/open.ts";
import { concatenated, inMemory } from "../../src/data/pixels.ts";
import { withLabels } from "../../src/data/splits.ts";
import { train } from "../../src/node.ts";
import { DATA, NATIVE } from "../helpers.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-foreign-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Digits of MNIST, with 10 labels a class; and pictures of CIFAR-10 in grey, cut to 28x28, without one. */
const [DIGITS, FOREIGN] = [4000, 1000];

async function foreignPictures(): Promise<Uint8Array> {
  const { train: cifar } = await open(join(DATA!, "cifar10"), { seed: 0 });
  const bytes = await gather(cifar, range(0, FOREIGN));
  return Uint8Array.from({ length: FOREIGN * 784 }, (_, p) => {
    const [i, row, column] = [Math.floor(p / 784), Math.floor((p % 784) / 28) + 2, (p % 28) + 2];
    const at = ((i * 32 + row) * 32 + column) * 3;
    return Math.round(0.299 * bytes[at]! + 0.587 * bytes[at + 1]! + 0.114 * bytes[at + 2]!);
  });
}

describe.runIf(DATA)("a fifth of pictures without a label that belong to no class", () => {
  const notes = async (name: string, more?: Uint8Array): Promise<string[]> => {
    const whole = await open(join(DATA!, "mnist"), { seed: 0 });
    const few = { ...whole, train: subset(whole.train, range(0, DIGITS)), validation: undefined };
    const { train: known } = withLabels(few, 10, 0);
    const count = more ? FOREIGN : 0;
    const part: ImageSet = {
      ...known,
      pixels: concatenated([known.pixels, inMemory(784, more ?? new Uint8Array(0))]),
      labels: Int32Array.from([...known.labels, ...new Int32Array(count).fill(-1)]),
    };
    const data: Dataset = { ...few, train: part };
    const told: string[] = [];
    const options = { width: 4, hidden: 16, latent: 4, fastWidths: "4-4" };
    for await (const event of train("vae", {
      data,
      options,
      out: join(root, name),
      epochs: 1,
      seed: 0,
      backend: NATIVE,
    }))
      if (event.type === "note") told.push(event.text);
    return told;
  };

  const about = { tags: ["long"], timeout: 300_000 };
  it("are told, and how many there are; of digits alone nothing is", about, async () => {
    const found = (await notes("foreign", await foreignPictures())).join("\n");
    const [, share] = /something is in there that belongs to no class: ([\d.]+) % of the pictures/.exec(found) ?? [];
    // 1,000 of 4,900 without a label are foreign; some photographs look like strokes, and odd digits are far from every label.
    expect(Number(share)).toBeGreaterThan(10);
    expect(Number(share)).toBeLessThan(25);
    expect((await notes("digits")).join("\n")).not.toContain("belongs to no class");
  });
});
