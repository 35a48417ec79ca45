import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/data/open.ts";
import { builtInFolder, extractMembers } from "../../src/data/sets/download.ts";
import { DATA } from "../helpers.ts";
import { tar } from "./files.ts";

// The edge of the world: a mirror on this machine stands for the servers of the data sets.
const root = mkdtempSync(join(tmpdir(), "genclass-download-"));
let server: Server;
let requests: { path: string; range: string | undefined }[] = [];
let answer: (path: string) => Buffer | undefined = () => undefined;
const saved = { ...process.env };

beforeAll(async () => {
  server = createServer((request, response) => {
    const { range } = request.headers;
    requests.push({ path: request.url!, range });
    const body = answer(request.url!);
    const from = range ? Number(/bytes=(\d+)-/.exec(range)![1]) : 0;
    if (!body) response.writeHead(404).end();
    else if (range && from >= body.length) response.writeHead(416).end();
    else response.writeHead(range ? 206 : 200, { "content-length": body.length - from }).end(body.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.env.GENCLASS_CACHE = join(root, "cache");
  process.env.GENCLASS_MIRROR = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  process.env.GENCLASS_DATA = join(root, "nothing");
});
afterEach(() => {
  requests = [];
});
afterAll(async () => {
  process.env = saved;
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true });
});

const file = (name: string) => readFileSync(join(DATA!, "mnist", name));

describe.runIf(DATA)("a built-in set that is not there", () => {
  it("is fetched, checked, kept, and not fetched again; a broken download goes on where it stopped", async () => {
    answer = (path) => file(path.split("/").pop()!);
    const part = join(root, "cache", "sets", "mnist");
    mkdirSync(part, { recursive: true });
    const whole = file("train-images-idx3-ubyte.gz");
    writeFileSync(join(part, "train-images-idx3-ubyte.gz.part"), whole.subarray(0, 1_000_000));
    const told: number[] = [];
    const data = await open("mnist", { validation: 0, progress: (_task, _file, bytes) => told.push(bytes) });
    expect([data.name, data.train.labels.length, data.test!.labels.length]).toEqual(["mnist", 60000, 10000]);
    expect(requests.map(({ path, range }) => [path, range])).toEqual([
      ["/mnist/train-images-idx3-ubyte.gz", "bytes=1000000-"],
      ["/mnist/train-labels-idx1-ubyte.gz", undefined],
      ["/mnist/t10k-images-idx3-ubyte.gz", undefined],
      ["/mnist/t10k-labels-idx1-ubyte.gz", undefined],
    ]);
    expect(Math.max(...told)).toBe(whole.length);
    expect(readFileSync(join(part, "train-images-idx3-ubyte.gz")).equals(whole)).toBe(true);
    requests = [];
    await open("mnist");
    expect(requests).toEqual([]);
  });

  it("whose mirror gives other content or nothing is refused: the servers, the file, and what to do without a network", async () => {
    answer = () => Buffer.from("not the file");
    const wrong = builtInFolder("kmnist");
    await expect(wrong).rejects.toThrowError(/kmnist: train-images-idx3-ubyte.gz could not be fetched/);
    const md5 = createHash("md5").update("not the file").digest("hex");
    await expect(wrong).rejects.toThrowError(new RegExp(`127.0.0.1:\\d+: wrong content \\(MD5 ${md5}, expected bdb8`));
    await expect(wrong).rejects.toThrowError(/put train-images-idx3-ubyte.gz, .* into a folder named kmnist/);
    expect(existsSync(join(root, "cache", "sets", "kmnist", "train-images-idx3-ubyte.gz"))).toBe(false);
  });
});

describe("an archive of a set", () => {
  it("gives the members that are wanted, by their last name, and nothing else", async () => {
    const names = ["top/one.bin", "top/two.bin", "../three.bin"];
    const archive = await tar(names.map((name) => [name, `content of ${name}`]));
    writeFileSync(join(root, "set.tar.gz"), gzipSync(archive));
    writeFileSync(
      join(root, "set.zip"),
      zipSync({ "gzip/one.bin": Buffer.from("content of top/one.bin"), "gzip/four.bin": Buffer.of(4) }),
    );
    for (const name of ["set.tar.gz", "set.zip"]) {
      const folder = join(root, `out-${name}`);
      mkdirSync(folder);
      await extractMembers(join(root, name), ["one.bin"], folder);
      expect(readdirSync(folder)).toEqual(["one.bin"]);
      expect(readFileSync(join(folder, "one.bin"), "utf8")).toBe("content of top/one.bin");
    }
    expect(existsSync(join(root, "three.bin"))).toBe(false);
  });
});
