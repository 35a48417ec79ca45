import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MODELS } from "../../src/models/index.ts";

it("every model of the list has a test file that asks of it what every model must hold", () => {
  const without = MODELS.filter(({ name }) => !existsSync(join(import.meta.dirname, `${name}.test.ts`)));
  expect(without.map(({ name }) => name)).toEqual([]);
});
