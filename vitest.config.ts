import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Tests of the backends' threads: one file at a time, with all cores. */
const SERIAL = ["test/runtime/**/*.test.ts"];

// Threads of the backends wait actively, and two test processes on the same cores would keep each other waiting: files
// that run beside each other keep to one core each, with what they start; the others have the machine for themselves.
export default defineConfig({
  test: {
    tags: [
      { name: "long", description: "takes long, or is a further case of what a quick one asks: npm run test:long" },
    ],
    globalSetup: ["test/temporary-folder.ts"],
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
          setupFiles: ["test/one-core.ts"],
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
