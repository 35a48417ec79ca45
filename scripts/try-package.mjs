// npm run test:package: packs the package, and uses it as others would: installed in empty folders by several versions of npm, with
// nothing but the npm registry; trained with from the command line; imported; its types checked with and without DOM.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BIN = join(ROOT, "node_modules", ".bin");
/** Versions of npm, each with a Node that it is made for. */
const NPM_VERSIONS = { 10: "20", 11: "22", 12: "24" };
const MOST_MEGABYTES = 120;

const root = mkdtempSync(join(tmpdir(), "genclass-package-"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));

/** Runs a command; what it wrote. Ends the whole when it fails. */
function run(folder, command, ...args) {
  const env = { ...process.env };
  // What the npm that runs this script says of this checkout is not for the npm that is tried.
  for (const name of Object.keys(env))
    if (/^npm_(package|lifecycle|config_(local_)?prefix)/i.test(name)) delete env[name];
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: "utf8" });
  if (status !== 0) refuse(`${[command, ...args].join(" ")} in ${folder}`, `exit ${status}\n${stdout}\n${stderr}`);
  return `${stdout}\n${stderr}`;
}

function refuse(what, why) {
  process.stderr.write(`${what}: ${why}\n`);
  process.exit(1);
}

const say = (text) => process.stdout.write(`${text}\n`);

/** An empty project with some files. */
function project(name, files = {}) {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

const sizeOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0);

const packed = join(root, "packed");
run(ROOT, "npm", "run", "pack:all", "--", packed);
const tarballs = readdirSync(packed).map((file) => join(packed, file));
say(`packed: ${tarballs.map((file) => `${(statSync(file).size / 1e6).toFixed(1)} MB`).join(", ")}`);

for (const file of tarballs) {
  run(ROOT, join(BIN, "publint"), "run", "--strict", file);
  run(ROOT, join(BIN, "attw"), "--profile", "esm-only", file);
}
say("publint, attw: nothing to say");

const folders = [];
for (const [npm, node] of Object.entries(NPM_VERSIONS)) {
  const folder = project(`npm-${npm}`);
  folders.push(folder);
  const tools = ["--yes", "--package", `node@${node}`, "--package", `npm@${npm}`, "--"];
  const said = run(folder, "npx", ...tools, "npm", "install", "--no-audit", "--no-fund", ...tarballs);
  if (/warn.*unknown project/i.test(said)) refuse(`npm ${npm}`, said);
  const megabytes = sizeOf(join(folder, "node_modules")) / 1e6;
  if (megabytes > MOST_MEGABYTES)
    refuse(`npm ${npm}`, `${megabytes.toFixed(0)} MB installed; at most ${MOST_MEGABYTES}`);
  const minutes = folders.length === 1 ? "0.3" : "0.02";
  run(folder, "npx", ...tools, "genclass", ..."train vae --data glyphs --out run --minutes".split(" "), minutes);
  if (!existsSync(join(folder, "run", "model.onnx"))) refuse(`npm ${npm}`, "the training wrote no model.onnx");
  say(`npm ${npm}, Node ${node}: installed (${megabytes.toFixed(0)} MB), trained`);
}

const [installed] = folders;
const own = join(installed, "node_modules", "genclass");
for (const [, target] of readFileSync(join(own, "README.md"), "utf8").matchAll(/\]\(([^)#:]+)\)/g))
  if (!existsSync(resolve(own, target))) refuse("README.md", `${target} is not in the package`);

writeFileSync(
  join(installed, "use.mjs"),
  `import { createRequire } from "node:module";
   import { load } from "genclass/node";
   import { webBackend } from "genclass/web";
   const { VERSION } = createRequire(import.meta.url)("genclass");
   if (createRequire(import.meta.url)("genclass/package.json").version !== VERSION) throw new Error("another version");
   const model = await load("run");
   const pixels = new Uint8Array(model.spec.height * model.spec.width * model.spec.channels);
   const [native] = await model.classify(pixels);
   const [web] = await (await load("run", { backend: webBackend() })).classify(pixels);
   if (Math.abs(native.probability - web.probability) > 1e-4) throw new Error("WebAssembly answers otherwise");
   process.exit(0);`,
);
run(installed, process.execPath, "use.mjs");
say("imported, required; both builds of onnxruntime answer the same");

// Whoever imports the metrics alone gets them alone.
const { build } = await import("esbuild");
const { outputFiles } = await build({
  stdin: { contents: 'export { metrics } from "genclass"', resolveDir: installed },
  bundle: true,
  minify: true,
  format: "esm",
  write: false,
});
const bytes = outputFiles[0].contents.length;
if (bytes > 20_000) refuse("importing the metrics", `${bytes} bytes bundled; expected fewer than 20 000`);
say(`metrics alone: ${bytes} bytes bundled`);

mkdirSync(join(installed, "node_modules", "@types"), { recursive: true });
symlinkSync(
  join(ROOT, "node_modules", "@types", "node"),
  join(installed, "node_modules", "@types", "node"),
  "junction",
);
for (const [name, source, lib, withNode] of [
  ["node with DOM", "genclass/node", ["ES2023", "DOM"], true],
  ["node without DOM", "genclass/node", ["ES2023"], true],
  ["web", "genclass/web", ["ES2023", "DOM"], false],
  // zod's own types name URL.
  ["core without DOM", "genclass", ["ES2023"], true],
]) {
  writeFileSync(
    join(installed, "use.ts"),
    `import * as genclass from "${source}";\nexport default genclass.VERSION;\n`,
  );
  writeFileSync(
    join(installed, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...{ strict: true, skipLibCheck: false, noEmit: true, target: "ES2023", module: "NodeNext", lib },
        ...{ types: withNode ? ["node"] : [] },
      },
      files: ["use.ts"],
    }),
  );
  run(installed, join(BIN, "tsc"), "-p", ".");
  say(`types of ${name}: right`);
}
