// What a training asks of the operating system, as strace tells: no network, and no file outside its folder and the cache.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { drawGlyphs } from "../drawings.ts";
import { BACKENDS } from "../helpers.ts";

const MAIN = resolve(import.meta.dirname, "../../dist/cli/main.js");
const root = mkdtempSync(join(tmpdir(), "genclass-telemetry-"));
afterAll(() => rmSync(root, { recursive: true }));
for (const folder of ["home", "tmp", "cache"]) mkdirSync(join(root, folder));

const data = await drawGlyphs(root, { train: 400, test: 40 });

const traceable = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
/** Calls that make or change a file, or make a name of one. */
const CHANGES = /^\d+ +(?:creat|mkdir\w*|rename\w*|link\w*|symlink\w*|truncate|mknod\w*)\(|\bO_(?:WRONLY|RDWR|CREAT)\b/;

describe.skipIf(!traceable)("a training under strace (skipped where strace may not trace)", () => {
  const quick = BACKENDS.at(-1);
  describe.each(
    BACKENDS.map((backend) => ({
      on: backend.name === "onednn" ? "onednn" : "onnx",
      tags: backend === quick ? [] : ["long"],
    })),
  )("on $on", ({ on: backend, tags }) => {
    it("opens no socket, and changes no file outside the run folder and the cache", { tags }, () => {
      const trace = join(root, `trace-${backend}`);
      const run = join(root, `run-${backend}`);
      const call = [MAIN, ..."train vae --epochs 1 --set width=4 --set hidden=16 --set latent=4".split(" ")];
      const { status, stderr } = spawnSync(
        "strace",
        [
          "-f",
          "-e",
          "trace=network,file",
          "-o",
          trace,
          process.execPath,
          ...call,
          "--data",
          data,
          "--out",
          run,
          "--backend",
          backend,
        ],
        {
          cwd: join(root, "tmp"),
          encoding: "utf8",
          // Not CI, where onnxruntime keeps quiet whatever the program does.
          env: {
            PATH: process.env.PATH,
            HOME: join(root, "home"),
            TMPDIR: join(root, "tmp"),
            GENCLASS_CACHE: join(root, "cache"),
            GENCLASS_ONEDNN: process.env.GENCLASS_ONEDNN,
          },
        },
      );
      expect([status, stderr]).toEqual([0, expect.stringContaining("epoch 1")]);
      const calls = readFileSync(trace, "utf8").split("\n");
      // The trace is one of this run: it tells that the run's configuration was written.
      expect(calls.some((line) => CHANGES.test(line) && line.includes(join(run, "config.json")))).toBe(true);
      expect(calls.filter((line) => /^\d+ +(?:socket|connect|bind|sendto|getaddrinfo)\(/.test(line))).toEqual([]);
      const outside = calls.filter(
        (line) =>
          CHANGES.test(line) &&
          !line.includes(run) &&
          !line.includes(join(root, "cache")) &&
          !line.includes('"/dev/null"'),
      );
      expect(outside).toEqual([]);
    });
  });
});
