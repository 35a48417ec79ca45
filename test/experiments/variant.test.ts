// Variants: a model with options of its own, as text says them.
import { describe, expect, it } from "vitest";
import { folderName, parseVariant, splitVariants } from "../../src/experiments/variant.ts";

describe("a variant", () => {
  it("is a model with options of its own and of its runs", () => {
    expect(parseVariant("cnn")).toEqual({ name: "cnn", model: "cnn", options: {}, run: {} });
    const { options, run } = parseVariant("cnn:net=fast:dropout=0.5:augment=light,rotate=5:batch=64:sampling=balanced");
    expect(options).toEqual({ net: "fast", dropout: 0.5 });
    expect(run).toEqual({ augment: "light,rotate=5", batch: 64, sampling: "balanced" });
  });

  it.each([
    ["cmn:net=fast", /did you mean "cnn"/],
    ["cnn:net", /cnn:net: "net"; expected option=value after a colon/],
    ["cnn:nett=fast", /unknown option of cnn or of its run "nett"; did you mean "net"/],
    ["cnn:net=quick", /cnn: net=quick/],
    ["cnn:emaDecay=2", /cnn:emaDecay=2: emaDecay=2: expected a number in 0/],
    // What cells differ in anyway, and what decides which pictures there are, is not a variant's.
    ["cnn:labels=10", /unknown option of cnn or of its run "labels"/],
    ["cnn:net=fast:net=plain", /net is given twice/],
  ])("%s is refused", (text, message) => {
    expect(() => parseVariant(text)).toThrow(message);
  });

  it("stands in a list whose commas may also be of values", () => {
    const list = "vae,cnn:augment=light,rotate=5,mirror:net=fast, cnn";
    expect(splitVariants(list)).toEqual(["vae", "cnn:augment=light,rotate=5,mirror:net=fast", "cnn"]);
    expect(splitVariants("cnn:classWeights=cat=2,dog=0.5,vae")).toEqual(["cnn:classWeights=cat=2,dog=0.5", "vae"]);
    // Elsewhere a word that is no model stays a word, to be told so.
    expect(splitVariants("vae,cmn,cnn:net=fast,vea:latent=3")).toEqual(["vae", "cmn", "cnn:net=fast", "vea:latent=3"]);
  });

  it("has a folder's name of its own, which every system allows", () => {
    const names = [
      "cnn",
      "cnn:net=fast",
      "cnn:a=b:c=d",
      "cnn:a=b+c=d",
      "cnn:a=b/c",
      "cnn:a=b%2Fc",
      "cnn:augment=light,rotate=5",
      "cnn:classWeights=*=2",
      "cnn:classWeights=\u{1f431}=2",
      `cnn:augment=${"shift=0.1,".repeat(30)}mirror`,
      `cnn:augment=${"shift=0.1,".repeat(30)}flip`,
    ];
    const folders = names.map(folderName);
    expect(new Set(folders).size).toBe(names.length);
    for (const folder of folders) expect(folder).toMatch(/^[\w.=,+%-]{1,100}$/);
    expect(folders[1]).toBe("cnn+net=fast");
  });
});
