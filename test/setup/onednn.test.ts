import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { candidates, installedPath, loadLibrary } from "../../src/runtime/onednn/library.ts";
import { installOnednn, type PinnedLibrary, whyUnsupported } from "../../src/setup/onednn.ts";

// A package index on this machine stands for the official one.
const root = mkdtempSync(join(tmpdir(), "genclass-setup-"));
const saved = { ...process.env };
let server: Server;
let requests: { path: string; headers: IncomingHttpHeaders }[] = [];
let answers: Record<string, string | Uint8Array> = {};
let index = "";
const port = () => (server.address() as AddressInfo).port;

beforeAll(async () => {
  server = createServer(({ url, headers }, response) => {
    requests.push({ path: url!, headers });
    const body = answers[url!];
    if (body === undefined) response.writeHead(404).end();
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  index = `http://localhost:${port()}/simple/`;
  process.env.GENCLASS_CACHE = root;
});
beforeEach(() => {
  requests = [];
  answers = {};
});
afterAll(async () => {
  process.env = saved;
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true });
});

const folder = () => readdirSync(join(root, "onednn", "linux-x64"));
const FILE = "some_package-1.0-py3-none-any.whl";
const MEMBER = "libdnnl.so.3";
const PAGE = "/simple/some-package/";
const listed = (url: string, filename = FILE) =>
  JSON.stringify({ files: [{ filename, url, hashes: {}, yanked: false }] });

/** A wheel that holds these bytes as the library, and what pins it. */
function wheelOf(library: Uint8Array, name = `some.data/lib/${MEMBER}`): { wheel: Uint8Array; pinned: PinnedLibrary } {
  const wheel = zipSync({ "some.data/README": Buffer.from("text"), [name]: library }, { level: 0 });
  const sha256 = createHash("sha256").update(wheel).digest("hex");
  const sizes = { bytes: wheel.length, memberBytes: library.length };
  return { wheel, pinned: { package: "some-package", file: FILE, sha256, version: "3.2.0", member: MEMBER, ...sizes } };
}

/** The file of the oneDNN that is on this machine, if any. */
function ownLibrary(): string | undefined {
  try {
    loadLibrary();
  } catch {
    return undefined;
  }
  return /\S*libdnnl\S*/.exec(readFileSync("/proc/self/maps", "utf8"))?.[0];
}

const onLinux = whyUnsupported() === undefined;
const own = onLinux ? ownLibrary() : undefined;
if (process.env.GENCLASS_TEST_ONEDNN && !own) throw new Error("GENCLASS_TEST_ONEDNN is set, and there is no oneDNN");
const text = wheelOf(Buffer.from("no library"));

describe("a machine that the build is not for", () => {
  it("is told what there is for it", () => {
    expect(whyUnsupported("linux", "x64", true)).toBeUndefined();
    expect(whyUnsupported("linux", "x64", false)).toMatch(/this is linux x64 without glibc; see docs\/onednn\.md/);
    expect(whyUnsupported("linux", "arm64", true)).toMatch(/this is linux arm64; see/);
    expect(whyUnsupported("darwin", "arm64", false)).toMatch(/this is darwin arm64; brew install onednn/);
    expect(whyUnsupported("win32", "x64", false)).toMatch(/this is win32 x64; .*GENCLASS_ONEDNN/);
  });
});

describe.runIf(own)("oneDNN from an index", () => {
  it("is fetched, tried and found by the backend; an address may be relative to the page", async () => {
    const { wheel, pinned } = wheelOf(readFileSync(own!));
    answers = { [PAGE]: listed(`../../files/${FILE}`), [`/files/${FILE}`]: wheel };
    const told: number[] = [];
    const installed = await installOnednn({ pinned, index, progress: (bytes) => told.push(bytes) });
    expect(installed).toEqual({
      path: installedPath(),
      version: loadLibrary([own!]).version,
      isFast: expect.any(Boolean),
    });
    expect(told.at(-1)).toBe(wheel.length);
    expect(folder()).toEqual([MEMBER]);
    expect(statSync(installed.path).size).toBe(pinned.memberBytes);
    expect(candidates()[0]).toBe(installed.path);
    expect(loadLibrary().path).toBe(installed.path);
    expect(requests[0]!.headers.accept).toBe("application/vnd.pypi.simple.v1+json");
    rmSync(installed.path);
  });
});

describe.runIf(onLinux)("what goes wrong is one line, and leaves nothing behind", () => {
  const refused = async (message: RegExp, pinned = text.pinned, from = index) => {
    await expect(installOnednn({ pinned, index: from })).rejects.toThrowError(message);
    expect(folder()).toEqual([]);
  };

  it("no network, no such package, no such file, an index that speaks HTML alone, no address", async () => {
    await refused(
      /could not be fetched from localhost:1 \(.+\); nothing was installed/,
      text.pinned,
      "http://localhost:1/",
    );
    await refused(/could not be fetched from localhost:\d+ \(HTTP 404\)/);
    answers = { [PAGE]: listed("x", "another.whl") };
    await refused(/localhost:\d+ has no some_package-1\.0-py3-none-any\.whl; give another index/);
    answers = { [PAGE]: "<!doctype html>" };
    await refused(/does not list its files in JSON \(PEP 691\)/);
    await refused(/PIP_INDEX_URL says is no index of packages; expected an address such as https/, text.pinned, "here");
    await refused(/file: is no index of packages/, text.pinned, "file:///etc/passwd");
    answers = { [PAGE]: listed("file:///etc/passwd") };
    await refused(/names no usable address/);
  });

  it("other bytes than pinned, and more of them", async () => {
    answers = { [PAGE]: listed(`/${FILE}`), [`/${FILE}`]: text.wheel.map((byte) => byte ^ 1) };
    await refused(
      /gave other bytes for some_package.*\(SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}\); nothing was inst/,
    );
    answers = { [PAGE]: listed(`/${FILE}`), [`/${FILE}`]: Buffer.concat([text.wheel, Buffer.of(0)]) };
    await refused(new RegExp(`the file has more than ${text.wheel.length} bytes`));
  });

  it("a wheel without the library, or with one of another size", async () => {
    const other = wheelOf(Buffer.from("no library"), "some.data/lib/libother.so");
    answers = { [PAGE]: listed(`/${FILE}`), [`/${FILE}`]: other.wheel };
    await refused(/holds no libdnnl\.so\.3 of 10 bytes/, other.pinned);
    answers = { [PAGE]: listed(`/${FILE}`), [`/${FILE}`]: text.wheel };
    await refused(/holds no libdnnl\.so\.3 of 9 bytes/, { ...text.pinned, memberBytes: 9 });
  });

  it("a library that does not compute here", async () => {
    answers = { [PAGE]: listed(`/${FILE}`), [`/${FILE}`]: text.wheel };
    await refused(
      /oneDNN was fetched and does not compute here \(.*(file too short|invalid ELF header).*\); nothing was/s,
    );
  });

  it("too little room", async () => {
    await refused(/no room in .*: oneDNN takes \d+ MB while it is unpacked/, { ...text.pinned, memberBytes: 1e18 });
    expect(requests).toEqual([]);
  });

  it("takes a password with a sign of its own, and keeps it from another scheme of the same host", async () => {
    const secret = index.replace("//", "//me:100%@");
    answers = { [PAGE]: listed(`https://localhost:${port()}/${FILE}`) };
    await refused(/could not be fetched from localhost/, text.pinned, secret);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from("me:100%").toString("base64")}`,
    ]);
  });

  it("gives name and password of the index to the index alone, and never tells them", async () => {
    answers = { [PAGE]: listed(`http://127.0.0.1:1/${FILE}`) };
    const secret = index.replace("//", "//me:hidden@");
    const failed = installOnednn({ pinned: text.pinned, index: secret });
    await expect(failed).rejects.toThrowError(/from 127\.0\.0\.1:1/);
    await expect(failed).rejects.not.toThrowError(/hidden/);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from("me:hidden").toString("base64")}`,
    ]);
    answers = { [PAGE]: listed(`/${FILE}`), [`/${FILE}`]: text.wheel };
    await refused(/does not compute here/, text.pinned, secret);
    expect(requests.at(-1)!.headers.authorization).toMatch(/^Basic/);
  });
});
