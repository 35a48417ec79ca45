import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Folders whose tests start processes, servers, browsers or several threads: one file at a time. */
const SERIAL = ["cli", "examples", "package", "report", "run", "runtime"].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

// Threads of onnxruntime wait actively, and two test processes would keep each other waiting: files that run beside
// each other compute with one thread each, the others have the machine for themselves afterwards.
export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: "parallel",
          include: ["test/**/*.test.ts"],
          exclude: SERIAL,
          maxWorkers: availableParallelism(),
          env: { GENCLASS_TEST_THREADS: "1" },
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "serial", include: SERIAL, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
