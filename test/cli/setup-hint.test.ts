import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setupHint } from "../../src/cli/setup-hint.ts";
import { whyUnsupported } from "../../src/setup/onednn.ts";

const root = mkdtempSync(join(tmpdir(), "genclass-hint-"));
const saved = { ...process.env };
beforeAll(() => {
  delete process.env.GENCLASS_ONEDNN;
});
afterAll(() => {
  process.env = saved;
  rmSync(root, { recursive: true });
});

describe.runIf(whyUnsupported() === undefined)("the hint at genclass setup", () => {
  it("is told once where oneDNN is missing, and never where it is there or a file is named", () => {
    process.env.GENCLASS_CACHE = join(root, "cache");
    expect(setupHint(() => true)).toBeUndefined();
    expect(setupHint(() => false)).toMatch(/"genclass setup" fetches it \(39 MB\)/);
    expect(setupHint(() => false)).toBeUndefined();
    process.env.GENCLASS_CACHE = join(root, "another");
    process.env.GENCLASS_ONEDNN = "/own/libdnnl.so";
    expect(setupHint(() => false)).toBeUndefined();
    delete process.env.GENCLASS_ONEDNN;
    expect(setupHint(() => false)).toBeDefined();
  });

  it("is left out where it could not be noted that it was told", () => {
    writeFileSync(join(root, "file"), "");
    process.env.GENCLASS_CACHE = join(root, "file");
    expect(setupHint(() => false)).toBeUndefined();
  });
});
