// Files of drawings, for programs that open their data by a path: of the set that has the name, programs would draw thousands first.
import { join } from "node:path";
import { glyphs } from "../src/data/sets/glyphs.ts";
import { writeNpz } from "../src/data/write.ts";

/** Writes drawings. @returns the path of their file */
export async function drawGlyphs(folder: string, counts: { train: number; test: number }): Promise<string> {
  const file = join(folder, "glyphs.npz");
  await writeNpz(glyphs(counts), file);
  return file;
}
