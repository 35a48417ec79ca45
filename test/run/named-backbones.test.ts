// Networks by name: fetched from a server of this machine, which stands for the publisher's.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fetchPublished } from "../../src/data/download.ts";
import { findModel } from "../../src/models/index.ts";
import { openBackbone } from "../../src/run/backbone.ts";
import { backbonePlace, fetchBackbone, NAMED_BACKBONES } from "../../src/run/named-backbones.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-named-"));
const saved = { ...process.env };
let server: Server;
let asked: string[] = [];
let body = Buffer.from("nothing");

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? ""}`.trim());
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

  it("with more bytes than it has is given up, whatever the server says", async () => {
    body = Buffer.alloc(100_000);
    const path = join(root, "long.onnx");
    const failures = await fetchPublished({ ...published, file: "long.onnx" }, path, "backbones", undefined);
    expect(failures.join()).toMatch(/127\.0\.0\.1:\d+: the file has more than 5000 bytes/);
    expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false]);
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
    writeFileSync(FILE, "damaged");
    await fetchBackbone(`${network!.name}@node`);
    expect(backbonePlace(network!.name)).toEqual({ path: FILE, sha256: network!.sha256 });
    const wish = { backbone: network!.name, normalise: "auto", freeze: null, image: null } as const;
    expect(() => openBackbone(findModel("cnn"), wish)).toThrowError(
      /is damaged: .*; remove it, and it is fetched again/,
    );
    const own = join(root, "data/backbones", `${network!.name}.onnx`);
    mkdirSync(join(root, "data/backbones"), { recursive: true });
    writeFileSync(own, "mine");
    expect(backbonePlace(network!.name)).toEqual({ path: own });
    expect(asked).toEqual([]);
  });

  it("that nobody knows is refused with the names that there are", async () => {
    await fetchBackbone("squeezed");
    await fetchBackbone(null);
    expect(asked).toEqual([]);
    expect(() => backbonePlace("squeezed")).toThrowError(
      /no such file, .* is not there either; give .* or one of squeezenet, /,
    );
  });
});
