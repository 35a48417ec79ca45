import { describe, expect, it } from "vitest";
import { exampleCounts } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { withValidation } from "../../src/data/splits.ts";
import { cnn } from "../../src/models/cnn.ts";
import { fastBatch } from "../../src/models/fast-training.ts";
import { parseOptions } from "../../src/models/index.ts";
import type { DataSpec } from "../../src/models/model.ts";
import { trainGan } from "../train/small-gan.ts";
import { modelTests } from "./model-tests.ts";

modelTests(cnn, [{ width: 8, hidden: 32 }], { resumes: true });

describe("net=fast", () => {
  const spec = { height: 8, width: 8, channels: 1, classes: ["a", "b"], mirror: false };
  const built = (options: Record<string, unknown>, data: DataSpec = spec) =>
    cnn.build(parseOptions(cnn, options), data);

  it("is trained by its own rule, and on batches of its own", () => {
    const data = { ...spec, examples: { labelled: 4000, unlabelled: 0 } };
    const [phase] = built({ net: "fast" }, data).stages[0]!.phases;
    expect(phase).toMatchObject({ emaDecay: 0.99, learningRate: 4e-3 });
    expect(cnn.batch!(data, parseOptions(cnn, { net: "fast" }))).toBe(fastBatch(data));
    expect(cnn.batch!(data, parseOptions(cnn, {}))).toBeUndefined();
  });

  it("learns drawings in few epochs", async () => {
    const data = withValidation(glyphs({ train: 800, test: 10 }), 0.25, 1);
    const { height, width, channels } = data.train;
    const drawn = {
      height,
      width,
      channels,
      classes: data.classes,
      mirror: false,
      examples: exampleCounts(data.train),
    };
    const model = built({ net: "fast", fastWidths: "8-12", views: "six" }, drawn);
    const { epochs } = await trainGan(model, data, { epochs: 6 });
    // A guess is right in a tenth.
    expect(epochs.at(-1)!.metrics["validation/accuracy"]).toBeGreaterThan(0.9);
  });

  it("is refused beside a pretrained network", () => {
    const backbone = {} as NonNullable<DataSpec["backbone"]>;
    expect(() => built({ net: "fast" }, { ...spec, backbone })).toThrowError(
      expect.objectContaining({ code: "E_OPTION", message: expect.stringContaining("leave one of them out") }),
    );
  });
});
