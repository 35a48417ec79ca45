// Networks by name: fetched from a server of this machine, which stands for the publisher's.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fetchPublished } from "../../src/data/download.ts";
import { findModel } from "../../src/models/index.ts";
import { openBackbone } from "../../src/run/backbone.ts";
import { backbonePlace, fetchBackbone, NAMED_BACKBONES, partsOf } from "../../src/run/named-backbones.ts";
import { networkNamed } from "../../src/run/run-network.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-named-"));
const saved = { ...process.env };
let server: Server;
let asked: string[] = [];
let authorization: string | undefined;
let body = Buffer.from("nothing");

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? ""}`.trim());
    ({ authorization } = request.headers);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    // In pieces without a length, as a server may send them that does not know where it ends.
    response.writeHead(from > 0 ? 206 : 200);
    for (let at = from; at < body.length; at += 1000) response.write(body.subarray(at, at + 1000));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
beforeEach(() => {
  asked = [];
  process.env.GENCLASS_CACHE = join(root, "cache");
  process.env.GENCLASS_MIRROR = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env.GENCLASS_DATA = join(root, "data");
});
afterAll(async () => {
  process.env = saved;
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true });
});

const [network] = NAMED_BACKBONES;
const FILE = join(root, "cache/backbones", network!.file);

describe("the list", () => {
  it("has what a download is checked by, and official addresses", () => {
    for (const { name, sha256, bytes, urls, licence } of NAMED_BACKBONES) {
      expect(sha256, name).toMatch(/^[0-9a-f]{64}$/);
      expect(bytes, name).toBeGreaterThan(1e6);
      expect(["Apache-2.0", "BSD-3-Clause", "MIT"]).toContain(licence);
      for (const url of urls) expect(new URL(url).protocol, name).toBe("https:");
    }
    expect(new Set(NAMED_BACKBONES.map(({ name }) => name)).size).toBe(NAMED_BACKBONES.length);
  });
});

describe("a place with a node", () => {
  it("is split where the part before an @ is a file, a run or a name, and else at the first", () => {
    const folder = join(root, "me@lab");
    const [file, run] = [join(folder, "net.onnx"), join(folder, "run@home")];
    mkdirSync(join(run, "checkpoints"), { recursive: true });
    writeFileSync(join(run, "config.json"), "{}");
    writeFileSync(file, "network");
    expect(partsOf(file)).toEqual([file, undefined]);
    expect(partsOf(`${file}@node`)).toEqual([file, "node"]);
    expect(partsOf(`${file}@node@0`)).toEqual([file, "node@0"]);
    expect(partsOf(`${run}@encode`)).toEqual([run, "encode"]);
    expect(partsOf(`${network!.name}@node@0`)).toEqual([network!.name, "node@0"]);
    mkdirSync(join(root, "data/backbones"), { recursive: true });
    writeFileSync(join(root, "data/backbones/my@own.onnx"), "mine");
    expect(partsOf("my@own@node")).toEqual(["my@own", "node"]);
    expect(partsOf("missing.onnx@node@0")).toEqual(["missing.onnx", "node@0"]);
    expect([partsOf("missing"), partsOf("@node"), partsOf("missing@"), partsOf("")]).toEqual([
      ["missing", undefined],
      ["@node", undefined],
      ["missing@", undefined],
      ["", undefined],
    ]);
  });
});

describe("a published file", () => {
  const whole = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251));
  const published = {
    file: "net.onnx",
    bytes: whole.length,
    urls: [],
    checksum: { algorithm: "sha256", digits: createHash("sha256").update(whole).digest("hex") },
  } as const;

  it("is fetched once, going on where a broken download stopped, and checked by its SHA-256", async () => {
    body = whole;
    const path = join(root, "net.onnx");
    writeFileSync(`${path}.part`, whole.subarray(0, 2345));
    expect(await fetchPublished(published, path, "backbones", undefined)).toEqual([]);
    expect(readFileSync(path).equals(whole)).toBe(true);
    expect(existsSync(`${path}.part`)).toBe(false);
    expect(await fetchPublished(published, path, "backbones", undefined)).toEqual([]);
    expect(asked).toEqual(["/backbones/net.onnx bytes=2345-"]);
  });

  it("that two fetch at once is whole, and what a killed process left is gone on with", async () => {
    body = whole;
    const path = join(root, "twice.onnx");
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    const machine = hostname().replace(/[^A-Za-z0-9_]/g, "_");
    writeFileSync(`${path}.${machine}-${dead}-1.draft`, whole.subarray(0, 1234));
    const both = [0, 1].map(() => fetchPublished(published, path, "backbones", undefined));
    expect(await Promise.all(both)).toEqual([[], []]);
    expect(readFileSync(path).equals(whole)).toBe(true);
    expect(asked.sort()).toEqual(["/backbones/net.onnx", "/backbones/net.onnx bytes=1234-"]);
    expect(readdirSync(root).filter((name) => name.startsWith("twice"))).toEqual(["twice.onnx"]);
  });

  it("with more bytes than it has is given up, whatever the server says", async () => {
    body = Buffer.alloc(100_000);
    const path = join(root, "long.onnx");
    const failures = await fetchPublished({ ...published, file: "long.onnx" }, path, "backbones", undefined);
    expect(failures.join()).toMatch(/127\.0\.0\.1:\d+: the file has more than 5000 bytes/);
    expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false]);
  });
});

describe("a mirror", () => {
  const published = { file: "net.onnx", urls: [], checksum: { algorithm: "md5", digits: "0" } } as const;
  const fetched = () => fetchPublished(published, join(root, "mirrored.onnx"), "backbones", undefined);

  it("gets its name and password in a header, and no message has them", async () => {
    process.env.GENCLASS_MIRROR = process.env.GENCLASS_MIRROR!.replace("//", "//me:hidden%@");
    const failures = await fetched();
    expect(failures).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+: wrong content/)]);
    expect(authorization).toBe(`Basic ${Buffer.from("me:hidden%").toString("base64")}`);
  });

  it("that is no address is refused without its text", async () => {
    process.env.GENCLASS_MIRROR = "me:hidden@my server";
    await expect(fetched()).rejects.toThrowError(/^GENCLASS_MIRROR is no address; expected one such as https/);
  });
});

describe("a network by name", () => {
  it("whose server gives other content is refused with the way out", async () => {
    body = Buffer.from("not the network");
    const found = createHash("sha256").update(body).digest("hex");
    const fetched = fetchBackbone(network!.name);
    await expect(fetched).rejects.toThrowError(`wrong content (SHA-256 ${found}, expected ${network!.sha256})`);
    await expect(fetched).rejects.toThrowError(
      `put the file (${network!.bytes} bytes, SHA-256 ${network!.sha256}) at ${join(root, "data/backbones", `${network!.name}.onnx`)}`,
    );
    expect(asked).toEqual([`/backbones/${network!.file}`]);
    expect(existsSync(FILE)).toBe(false);
  });

  it("that is damaged in the cache is refused; one in GENCLASS_DATA comes first, and nothing is fetched", async () => {
    mkdirSync(join(root, "cache/backbones"), { recursive: true });
    writeFileSync(FILE, Buffer.alloc(network!.bytes));
    await fetchBackbone(`${network!.name}@node`);
    expect(backbonePlace(network!.name)).toEqual({ path: FILE, sha256: network!.sha256 });
    const wish = { backbone: network!.name, normalise: "auto", freeze: null, image: null } as const;
    expect(() => openBackbone(findModel("cnn"), wish, networkNamed)).toThrowError(
      /is damaged: .*; remove it, and it is fetched again/,
    );
    const own = join(root, "data/backbones", `${network!.name}.onnx`);
    mkdirSync(join(root, "data/backbones"), { recursive: true });
    writeFileSync(own, "mine");
    expect(backbonePlace(network!.name)).toEqual({ path: own });
    expect(asked).toEqual([]);
  });

  it("is not taken for a folder of that name, nor for a file in the cache of another length", async () => {
    body = Buffer.from("fetched");
    mkdirSync(join(root, "cache/backbones"), { recursive: true });
    writeFileSync(FILE, "too short");
    rmSync(join(root, "data"), { recursive: true, force: true });
    mkdirSync(join(root, "cwd", network!.name), { recursive: true });
    const before = process.cwd();
    process.chdir(join(root, "cwd"));
    try {
      expect(() => backbonePlace(network!.name)).toThrowError(/no such file/);
      await expect(fetchBackbone(network!.name)).rejects.toThrowError(/wrong content/);
      expect(asked).toEqual([`/backbones/${network!.file}`]);
    } finally {
      process.chdir(before);
    }
  });

  it("that nobody knows is refused with the names that there are", async () => {
    await fetchBackbone("squeezed");
    await fetchBackbone(null);
    expect(asked).toEqual([]);
    expect(() => backbonePlace("squeezed")).toThrowError(
      /no such file, .* is not there either; give .* or one of squeezenet, /,
    );
    expect(() => backbonePlace("squeezed.onnx")).toThrowError(/backbones.squeezed\.onnx is not there either/);
  });
});
