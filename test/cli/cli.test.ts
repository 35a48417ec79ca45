// Calls of the command line: help, wrong words, answers in JSON.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands/index.ts";
import { RUN_OPTION_LIST } from "../../src/run/options.ts";
import { drawGlyphs } from "../drawings.ts";
import { drawPictures, expectRefused, workplace } from "./workplace.ts";

const { genclass, root } = workplace("cli");
const FEW = "glyphs.npz";
beforeAll(async () => {
  await drawPictures(root);
  await drawGlyphs(root, { train: 100, test: 10 });
});

describe("genclass", () => {
  it("without a command shows the commands and exits with 2, as with a wrong word; --help with 0", () => {
    expect(genclass.alone().code).toBe(2);
    expectRefused(genclass.alone("trian"), 2, /unknown command "trian"/);
    const { code, out } = genclass.alone("--help");
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS) expect(out).toMatch(new RegExp(`${name}.*${summary.slice(0, 20)}`));
  });

  it.each(COMMANDS.map(({ name }) => name))("%s --help shows an example that begins with the command", (name) => {
    const { code, out } = genclass(name, "--help");
    expect(code).toBe(0);
    expect(out).toContain(`Example:\n  genclass ${name}`);
    expect(out).toContain("--json");
  });

  it("train --help shows every run option, what it does and its default", () => {
    // Help is wrapped to the width of the terminal.
    const help = genclass("train", "--help").out.replace(/\s+/g, " ");
    for (const [, { flag, help: says, default: usual, type }] of RUN_OPTION_LIST)
      expect(help, flag).toContain(`${flag} ${says}${usual === null ? "" : ` (default: ${type.write(usual)})`}`);
  });

  it.each([
    [["vea"], 2, /unknown model "vea"/],
    [["vae", "--set", "latnet=3"], 2, /vae has no option "latnet"/],
    [["vae", "--epochs", "2", "--minutes", "1"], 2, /--epochs and --minutes exclude each other/],
    [["vae", "--map", "encoder=features"], 2, /--map needs --from/],
    [["vae", "--out", "pictures"], 1, /pictures is not empty/],
    [["vae", "--from", "pictures"], 1, /pictures is not a run folder/],
  ])("train %j is refused before the data is opened", (args, code, message) => {
    expectRefused(genclass("train", ...args, "--data", "no/such/place"), code, message);
  });

  it.each([
    [["trian"], /unknown command "trian"; did you mean "train"\?/],
    [["train", "vae", "--epoch", "3"], /unknown option '--epoch' \(Did you mean --epochs\?\)/],
    [["train"], /missing required argument 'model'/],
    [["train", "vae"], /train needs --data SRC/],
    [["train", "vea", "--data", "glyphs"], /unknown model "vea"; did you mean "vae"\?/],
    [["train", "vae", "--data", "glyphs", "--epochs", "0"], /'0' is invalid.*whole number of at least 1/],
    [
      ["train", "vae", "--data", "glyphs", "--epochs", "2", "--minutes", "1"],
      /--epochs and --minutes exclude each other/,
    ],
    [["train", "vae", "--data", "glyphs", "--set", "latnet=3"], /vae has no option "latnet"; did you mean "latent"\?/],
    [["train", "vae", "--data", "glyphs", "--set", "latent=0"], /vae: latent=0: .*>=1/],
    [
      ["train", "vae", "--data", "glyphs", "--set", "latent=4", "--set", "latent=8"],
      /latent was given before, as latent=4/,
    ],
    [["train", "vae", "--data", "glyphs", "--set", "latent"], /--set latent: expected key=value/],
    [["train", "vae", "--data", "glyphs", "--until", "accuracy"], /expected METRIC=NUMBER/],
    [["train", "vae", "--data", "glyphs", "--image", "64x"], /expected HEIGHTxWIDTH/],
    [["train", "vae", "--data", FEW, "--labels", "5000"], /class "0" has 9 labelled training pictures/],
    [["train", "vae", "--data", FEW, "--batch", "20000"], /the training part has 90 pictures/],
    [["train", "vae", "--data", "glyphs", "--map", "encoder"], /expected OLD=NEW, as in encoder=features/],
    [["train", "vae", "--resume"], /--resume needs --out RUN/],
    [["models", "gan4"], /unknown model "gan4"/],
  ])("%j is refused as a wrong call", (args, message) => {
    expectRefused(genclass(...args), 2, message);
    expect(existsSync(join(root, "runs"))).toBe(false);
  });

  it.each([
    [["train", "vae", "--data", "no/such/place"], /E_DATA_NOT_FOUND.*no data at "no\/such\/place"/],
    [
      ["train", "vae", "--data", "mnist"],
      /mnist: train-images-idx3-ubyte.gz could not be fetched \(127.0.0.1:9: .*set GENCLASS_DATA/,
    ],
    [["train", "vae", "--data", "pictures"], /pictures without class folders/],
    [["evaluate", "pictures"], /E_RUN_NOT_FOUND.*is not a run folder/],
  ])("%j fails with the way out", (args, message) => {
    expectRefused(genclass(...args), 1, message);
  });

  it("models and doctor answer in JSON", () => {
    const [vae] = JSON.parse(genclass("models", "--json").out);
    expect(vae.name).toBe("vae");
    for (const option of vae.options)
      expect([typeof option.doc, option.doc.length > 5, option.default !== undefined], option.name).toEqual([
        "string",
        true,
        true,
      ]);
    const doctor = JSON.parse(genclass("doctor", "--json").out);
    expect(Object.keys(doctor)).toEqual(expect.arrayContaining(["node", "platform", "cores", "backends"]));
    for (const backend of doctor.backends) expect([backend.available, backend.gflops > 0]).toEqual([true, true]);
  });
});
