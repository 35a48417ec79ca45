import { afterEach, expect, it, vi } from "vitest";
import { koffi } from "../../../src/runtime/foreign.ts";
import { flushSubnormals } from "../../../src/runtime/onednn/subnormal.ts";

afterEach(() => void vi.restoreAllMocks());

it.each([
  ["darwin", "arm64"],
  ["win32", "x64"],
  ["linux", "arm64"],
])("no library is asked for on %s %s", (platform, arch) => {
  const load = vi.spyOn(koffi, "load");
  expect(flushSubnormals(platform, arch)).toBe(false);
  expect(load).not.toHaveBeenCalled();
});

it("libraries that lack the functions leave subnormal numbers as they are", () => {
  const func = () => {
    throw new Error("cannot find function fegetenv");
  };
  const load = vi.spyOn(koffi, "load").mockReturnValue({ func } as unknown as ReturnType<typeof koffi.load>);
  expect(flushSubnormals("linux", "x64")).toBe(false);
  expect(load.mock.calls).toEqual([["libm.so.6"], ["libc.musl-x86_64.so.1"]]);
});
