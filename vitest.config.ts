import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One file at a time: onnxruntime's threads wait actively, and two test processes would keep each other waiting.
    fileParallelism: false,
  },
});
