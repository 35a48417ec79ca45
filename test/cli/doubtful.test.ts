// Doubtful input on the command line: what is wrong is named, and the rest is answered.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { beforeAll, describe, expect, it } from "vitest";
import { gather } from "../../src/data/dataset.ts";
import { glyphs } from "../../src/data/sets/glyphs.ts";
import { npy, picture } from "../data/files.ts";
import { drawPictures, expectRefused, MAIN, type Result, SMALL, workplace } from "./workplace.ts";

const { genclass, root } = workplace("doubtful");
const SHORT = ["--epochs", "1", ...SMALL];
const bytesOf = (labels: readonly number[]) => new Uint8Array(Int32Array.from(labels).buffer);

/** What training of the run said that most tests use. */
let trained: Result;
beforeAll(async () => {
  await drawPictures(root);
  const { train } = glyphs({ train: 100, test: 1 });
  const images = npy("|u1", [100, 28, 28], await gather(train));
  const held = npy("|u1", [20, 28, 28], await gather(train, [...Array(20).keys()]));
  writeFileSync(
    join(root, "partly.npz"),
    zipSync({
      "x_train.npy": images,
      "y_train.npy": npy("<i4", [100], bytesOf([...train.labels])),
      "x_val.npy": held,
      "y_val.npy": npy("<i4", [20], bytesOf(Array.from({ length: 20 }, (_, i) => (i % 2 ? i % 10 : -1)))),
    }),
  );
  trained = genclass("train", "vae", "--data", "partly.npz", "--out", "run", "--json", ...SHORT);
  expect([trained.code, trained.err]).toEqual([0, expect.stringContaining("epoch 1")]);
});

describe("data that is doubtful", () => {
  it("is trained on with a line for each doubt: here validation pictures that are trained on too, half without labels", () => {
    const { err, out } = trained;
    expect(err).toMatch(
      /warning: doubtful: pictures of validation that are in the training part too \(20\): (validation\[\d+\] = train\[\d+\], ){3}…\n/,
    );
    expect(err).toContain("genclass data info partly.npz --all lists all names");
    expect(JSON.parse(out).metrics["validation/accuracy"]).toBeGreaterThanOrEqual(0);
    expect(genclass("data", "info", "partly.npz", "--all").out.match(/validation\[\d+\] = /g)).toHaveLength(20);
  });

  it("without a test part is evaluated on its validation part, and another part is named with those that there are", () => {
    expect(JSON.parse(genclass("evaluate", "run", "--json").out)).toMatchObject({ split: "validation", n: 20 });
    expectRefused(
      genclass("evaluate", "run", "--split", "test"),
      1,
      /partly\.npz has no test part; it has train \(100 pictures\) and validation \(20 pictures\): choose with --split/,
    );
  });

  it.each([
    [["--until", "accuracy=99"], 2, /accuracy is a share in 0..1; 99 % is written accuracy=0.99/],
    [["--until", "acc=0.9"], 2, /there is no validation metric "acc"; known: .*accuracy/],
    [["--augment", "flop"], 2, /unknown word "flop"/],
  ])("is not opened for a call with %j", (args, code, message) => {
    expectRefused(genclass("train", "vae", "--data", "no/such/place", ...args), code, message);
  });

  it("gives no run where nothing can be learnt: weights of 0, or three pictures", async () => {
    const zero = Array.from({ length: 10 }, (_, k) => `${k}=0`).join(",");
    expectRefused(
      genclass("train", "vae", "--data", "partly.npz", "--class-weights", zero),
      2,
      /every class that has pictures has weight 0/,
    );
    for (const [i, file] of ["a/1.png", "b/1.png", "b/2.png"].entries())
      await picture(join(root, "three", file), 50 * i);
    const { code, err } = genclass("train", "vae", "--data", "three", "--validation", "0");
    expect([code, err]).toEqual([1, expect.stringMatching(/three has 3 training pictures; expected at least 10/)]);
  });
});

describe("pictures that do not decode among others", () => {
  beforeAll(() => {
    writeFileSync(join(root, "broken.png"), "no picture");
    execFileSync("mkfifo", [join(root, "pipe.png")]);
  });
  const good = ["pictures/1-is-1.png", "pictures/2-is-2.png"];

  it.each(["classify", "reconstruct"])("%s names them, answers for the rest and exits with 1", (command) => {
    const { code, out, err } = genclass(command, "run", good[0]!, "broken.png", "pipe.png", good[1]!, "--json");
    expect(code).toBe(1);
    const answers = JSON.parse(out);
    expect((command === "classify" ? answers : answers.files).map(({ file }: { file: string }) => file)).toEqual(good);
    expect(err).toMatch(/error E_IMAGE: broken\.png does not decode/);
    expect(err).toMatch(/error E_IMAGE: pipe\.png is a pipe or a device; expected a picture file/);
    expect(err.split("\n").filter((line) => line.startsWith("error"))).toHaveLength(2);
  });

  it("are all that there is: nothing is answered, and a pipe is not waited for", () => {
    expectRefused(genclass("classify", "run", "pipe.png"), 1, /pipe\.png is a pipe/);
    writeFileSync(join(root, "nothing.png"), "");
    expectRefused(genclass("classify", "run", "nothing.png"), 1, /nothing\.png is empty \(0 bytes\)/);
    expectRefused(genclass("classify", "run", "pipe.png", "broken.png"), 1, /none of the 2 pictures decodes/);
  });

  it("may have names with control characters, which are written out", () => {
    const name = "red\u001b[31m\nline.png";
    writeFileSync(join(root, name), "no picture");
    const { err } = genclass("classify", "run", name);
    expect(err).toContain("red\\x1b[31m\\x0aline.png does not decode");
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});

describe("a report that cannot be written", () => {
  /** Something that is in the way of a file or folder. */
  const block = (kind: "file" | "folder", ...parts: string[]) => {
    const path = join(root, ...parts);
    rmSync(path, { recursive: true, force: true });
    if (kind === "file") writeFileSync(path, "in the way");
    else mkdirSync(join(path, "in the way"), { recursive: true });
  };

  it("leaves the run as good as it is: training says what is missing, exits with 0, and the run is used", () => {
    cpSync(join(root, "run"), join(root, "unreported"), { recursive: true });
    block("folder", "unreported", "report.html");
    block("file", "unreported", "plots");
    const { code, err, out } = genclass("train", "vae", "--out", "unreported", "--resume", "--epochs", "2", ...SMALL);
    expect([code, err]).toEqual([
      0,
      expect.stringMatching(/warning: the report is without its page: .*report\.html could not be written/),
    ]);
    expect(err).toMatch(/warning: the report is without the chart confusion: /);
    expect(out).toMatch(/unreported {2}trained .*ended: planned\n/);
    expect(out).not.toContain("report:");
    expect(genclass("classify", "unreported", "pictures/0-is-0.png").code).toBe(0);
  });

  it("leaves the numbers of an evaluation as they are, and no advice names an option that evaluate does not have", () => {
    cpSync(join(root, "run"), join(root, "unevaluated"), { recursive: true });
    block("file", "unevaluated", "evaluations");
    const { code, err, out } = genclass("evaluate", "unevaluated", "--split", "validation", "--json");
    expect([code, JSON.parse(out).n]).toEqual([0, 20]);
    expect(err).toContain("the report is without its page");
    expect(err).not.toContain("--out");
  });
});

describe("what the system refuses", () => {
  it("is told as such, not as an internal error", () => {
    writeFileSync(join(root, "file"), "");
    for (const args of [
      ["train", "vae", "--data", "partly.npz", "--out", "file/x"],
      ["data", "convert", "partly.npz", "--out", "file/x.npz"],
      ["generate", "run", "--out", "file/x.png"],
    ])
      expectRefused(
        genclass(...args),
        1,
        /E_WRITE: file\/x\S* cannot be written \(ENOTDIR: .*file is a file, not a folder\); choose another path/,
      );
  });

  it.skipIf(process.getuid?.() === 0)("names a picture that may not be read", () => {
    writeFileSync(join(root, "secret.png"), "");
    chmodSync(join(root, "secret.png"), 0);
    expectRefused(genclass("classify", "run", "secret.png"), 1, /secret\.png may not be read: permission is denied/);
  });
});

describe("signals", () => {
  /** Starts training and sends a signal at the first line that matches. */
  async function signalled(signal: NodeJS.Signals, when: RegExp, ...args: string[]) {
    const child = spawn(process.execPath, [MAIN, "train", "vae", ...args, ...SMALL], { cwd: root });
    let err = "";
    let sent = false;
    child.stderr.on("data", (chunk) => {
      err += chunk;
      if (!sent && when.test(err)) sent = child.kill(signal);
    });
    const code = await new Promise((done) => child.on("exit", done));
    return { code, err };
  }

  it("a terminal that is closed (SIGHUP) saves as Ctrl-C does", { tags: ["long"] }, async () => {
    const { code, err } = await signalled("SIGHUP", /epoch 1 /, "--data", "glyphs", "--epochs", "3", "--out", "hung");
    expect([code, err]).toEqual([1, expect.stringMatching(/stopped at step \d+; go on with: /)]);
  });

  it("Ctrl-C while data is opened ends at once: no run is begun", async () => {
    // A server that never answers stands for data that takes long.
    const server = createServer();
    const asked = new Promise((resolve) => server.once("request", resolve));
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const { port } = server.address() as AddressInfo;
    const child = spawn(process.execPath, [MAIN, "train", "vae", "--data", "mnist", "--out", "none"], {
      cwd: root,
      env: {
        ...process.env,
        GENCLASS_DATA: "",
        GENCLASS_MIRROR: `http://127.0.0.1:${port}`,
        GENCLASS_CACHE: join(root, "cache"),
      },
    });
    let err = "";
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    await asked;
    child.kill("SIGINT");
    const code = await new Promise((done) => child.on("exit", done));
    server.closeAllConnections();
    server.close();
    expect([code, err]).toEqual([1, expect.stringContaining("stopped before training began")]);
    expect(existsSync(join(root, "none"))).toBe(false);
  });
});

describe("how it speaks", () => {
  it.each(["train", "data", "evaluate"])("help %s shows what %s --help shows", (name) => {
    const { code, out } = genclass("help", name);
    expect([code, out]).toEqual([0, genclass(name, "--help").out]);
    expect(out).toContain(`Usage: genclass ${name}`);
  });

  it("the help that an error names is that of the command that was called", () => {
    expectRefused(genclass("evaluate", "run", "--wrong"), 2, /"genclass evaluate --help" shows the options/);
    expectRefused(
      genclass("data", "convert", "glyphs", "--wrong"),
      2,
      /"genclass data convert --help" shows the options/,
    );
  });

  it("pictures of a fixed size that are not the run's are refused without advice on options that evaluate does not have", () => {
    const coloured = npy("|u1", [4, 8, 8, 3], new Uint8Array(4 * 8 * 8 * 3));
    const labels = npy("<i4", [4], bytesOf([0, 1, 0, 1]));
    writeFileSync(join(root, "coloured.npz"), zipSync({ "images.npy": coloured, "labels.npy": labels }));
    const call = ["train", "vae", "--data", "coloured.npz", "--image", "16x16"];
    expectRefused(
      genclass(...call),
      2,
      /coloured\.npz has pictures of 8x8, as plain numbers, which are not read at 16x16; ask for no/,
    );
  });

  it("a run without a checkpoint is to be gone on with, by the command that does that", () => {
    cpSync(join(root, "run"), join(root, "unsaved"), { recursive: true });
    rmSync(join(root, "unsaved", "checkpoints"), { recursive: true });
    const classify = ["classify", "unsaved", "pictures/0-is-0.png"];
    expectRefused(genclass(...classify), 1, /unsaved was trained, but its checkpoints are gone; .* another --out/);
    // As of a run that was stopped before it had got anywhere.
    writeFileSync(join(root, "unsaved", "events.jsonl"), "");
    expectRefused(
      genclass(...classify),
      1,
      /unsaved has no checkpoint: .* go on with it: genclass train vae --out unsaved --resume/,
    );
  });

  it("data without a word shows its commands, and nothing in brackets", () => {
    const { code, err } = genclass("data");
    expect([code, err]).toEqual([2, expect.stringContaining("augment-preview")]);
    expect(err).not.toContain("outputHelp");
  });

  it("a misspelt option of a model is one sentence", () => {
    const { err } = genclass("train", "vae", "--data", "glyphs", "--set", "latnet=3");
    expect(err).toContain('vae has no option "latnet"; did you mean "latent"? "genclass models vae" lists them');
  });
});

describe("a short run with words of many kinds", () => {
  let said: Result;
  beforeAll(() => {
    said = genclass(
      ...["train", "vae", "--data", "partly.npz", "--out", "short", "--threads", "999"],
      ...["--image", "28", "--validation", "20%", ...SHORT],
    );
    expect(said.code).toBe(0);
  });

  it("has no more threads than there are cores, with a line", () => {
    const cores = availableParallelism();
    const [core, thread] = cores === 1 ? ["core", "thread computes"] : ["cores", "threads compute"];
    expect(said.err).toContain(`--threads 999: this machine has ${cores} ${core}; ${cores} ${thread}`);
  });

  it("ends with what can be done next, and says that it was short", () => {
    for (const line of ["genclass classify short photo.jpg", "genclass generate short", "genclass export short"])
      expect(said.out).toContain(line);
    expect(said.out).toMatch(/few steps \(\d+\): pictures will be blurred.*; train longer: .* --resume --epochs \d+/);
    expect(said.out).toMatch(/accuracy +0\.\d+ +accuracy, as a share of 1; higher is better/);
  });

  it("takes --image 28 for 28x28 and --validation 20% for 0.2", () => {
    const { data } = JSON.parse(readFileSync(join(root, "short", "config.json"), "utf8"));
    expect([data.image, data.validation]).toEqual([{ height: 28, width: 28 }, 0.2]);
  });
});
