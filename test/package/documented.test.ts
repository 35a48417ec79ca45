// Every export of the entries, and every member of the classes and interfaces that they export, has a docstring: read from the
// declarations that are published, as an editor reads them.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const DIST = resolve(import.meta.dirname, "../../dist");

interface Exported {
  readonly file: string;
  /** In the file that declares it. */
  readonly name: string;
}

const read = (file: string) => readFileSync(file, "utf8");
const fileOf = (from: string, target: string) => join(dirname(from), target.replace(/\.(js|ts)$/, ".d.ts"));
const DECLARED = /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type) (\w+)/gm;

/** What a file exports, followed to where it is declared. */
function exportsOf(file: string): Map<string, Exported> {
  const text = read(file);
  const found = new Map<string, Exported>();
  for (const [, name] of text.matchAll(DECLARED)) found.set(name!, { file, name: name! });
  const imports = new Map<string, Exported>();
  for (const [, names, target] of text.matchAll(/^import (?:type )?\{([^}]*)\} from "(\.[^"]+)"/gm))
    for (const [own, name] of pairs(names!)) imports.set(own, { file: fileOf(file, target!), name });
  for (const [, space, target] of text.matchAll(/^export \*(?: as (\w+))? from "(\.[^"]+)"/gm))
    for (const [name, place] of exportsOf(fileOf(file, target!))) found.set(space ? `${space}.${name}` : name, place);
  for (const [, names, target] of text.matchAll(/^export (?:type )?\{([^}]*)\}(?: from "(\.[^"]+)")?/gm))
    for (const [own, name] of pairs(names!)) {
      const place = target ? { file: fileOf(file, target), name } : imports.get(name);
      if (place) found.set(own, exportsOf(place.file).get(place.name) ?? place);
    }
  return found;
}

/** Of `type A, B as C`: each name with the one that it has in the file that is named. */
const pairs = (names: string): [own: string, name: string][] =>
  names
    .split(",")
    .map((word) => word.trim().replace(/^type /, ""))
    .filter((word) => word !== "")
    .map((word) => {
      const [name, own = name] = word.split(" as ");
      return [own!, name!];
    });

/** A member, but for the field by which events are told apart: it says what the name of the event says. */
const MEMBER =
  /^ {4}(?!private|protected|constructor|#|readonly type: ")(?:static |readonly |override |abstract |get )*(\w+)\??(?:<[^(]*>)?[(:]/;

/** Lines of a declaration of which the one above is no end of a docstring: of itself, and of its members. */
function bare({ file, name }: Exported): string[] {
  const lines = read(file).split("\n");
  const start = lines.findIndex((line) =>
    new RegExp(`^export .*?\\b(?:function\\*?|class|const|let|interface|type) ${name}\\b`).test(line),
  );
  if (start < 0) return [`${name} is not declared in ${file}`];
  const found = lines[start - 1]?.endsWith("*/") ? [] : [lines[start]!];
  if (!/ (class|interface) /.test(lines[start]!)) return found;
  let before = "";
  for (let i = start + 1; i < lines.length && lines[i] !== "}"; i++) {
    const [, member] = MEMBER.exec(lines[i]!) ?? [];
    // The first of several signatures speaks for all.
    if (member && member !== before && !lines[i - 1]!.endsWith("*/")) found.push(`${name}: ${lines[i]!.trim()}`);
    before = member ?? "";
  }
  return found;
}

describe.each(["node.d.ts", "web.d.ts"])("%s", (entry) => {
  const all = exportsOf(join(DIST, entry));

  it("is read whole: spaces of names, other names, what is declared in place", () => {
    const node = { train: "node.d.ts", "layers.dense": "nn/layers.d.ts", nativeBackend: "runtime/native.d.ts" };
    const web = { keep: "web/kept.d.ts", webBackend: "runtime/wasm.d.ts", Scope: "nn/scope.d.ts" };
    for (const [name, file] of Object.entries(entry === "node.d.ts" ? node : web))
      expect(all.get(name)?.file).toBe(join(DIST, file));
    expect(all.get("webBackend")?.name ?? "wasmBackend").toBe("wasmBackend");
  });

  it("documents each export and its members", () => {
    expect(all.size).toBeGreaterThan(150);
    expect([...all.values()].flatMap(bare)).toEqual([]);
  });
});
