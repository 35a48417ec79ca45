// Makes vendor/: the parts of two large packages that are used, so that who installs genclass does not install the rest.
// They are imported by their place beside src/ and dist/. Each keeps its licence. Nothing is made where it is made already.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const VENDOR = join(ROOT, "vendor");
const PACKAGES = join(ROOT, "node_modules");

/** @returns the folder that is to be filled; undefined where it holds this version, made by this script */
function begin(name) {
  const { version } = JSON.parse(readFileSync(join(PACKAGES, name, "package.json"), "utf8"));
  const made = `${version}\n${readFileSync(fileURLToPath(import.meta.url), "utf8")}`;
  const folder = join(VENDOR, name);
  const stamp = join(VENDOR, `.${name}`);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === made) return undefined;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return { folder, version, end: () => writeFileSync(stamp, made) };
}

/** onnxruntime for WebAssembly: the build without WebGPU and WebNN, 14 MB of the package's 139. */
function onnxruntimeWeb() {
  const begun = begin("onnxruntime-web");
  if (!begun) return;
  const { folder, version, end } = begun;
  const from = join(PACKAGES, "onnxruntime-web", "dist");
  const wasm = "ort-wasm-simd-threaded.wasm";
  copyFileSync(join(from, wasm), join(folder, wasm));
  // Maps of the source, which they name, stay where they are.
  for (const file of ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs"])
    writeFileSync(
      join(folder, file),
      readFileSync(join(from, file), "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, ""),
    );
  // The package names its licence, and has no file of it.
  writeFileSync(join(folder, "LICENSE"), MICROSOFT_LICENSE);
  writeFileSync(join(folder, "version.js"), `export const ONNXRUNTIME_WEB = ${JSON.stringify(version)};\n`);
  writeFileSync(join(folder, "version.d.ts"), "export declare const ONNXRUNTIME_WEB: string;\n");
  writeFileSync(
    join(folder, "ort.wasm.min.d.mts"),
    'export { env, InferenceSession, Tensor } from "onnxruntime-web";\n',
  );
  end();
}

/** The kinds of chart that reports have, as one file: 0.6 MB of the package's 62. */
async function echarts() {
  const begun = begin("echarts");
  if (!begun) return;
  const { folder, end } = begun;
  await build({
    stdin: {
      contents: `
        import { init, use } from "echarts/core";
        import { HeatmapChart, LineChart } from "echarts/charts";
        import { GridComponent, TitleComponent, VisualMapContinuousComponent } from "echarts/components";
        import { SVGRenderer } from "echarts/renderers";
        use([HeatmapChart, LineChart, GridComponent, TitleComponent, VisualMapContinuousComponent, SVGRenderer]);
        export { init };`,
      resolveDir: ROOT,
    },
    outfile: join(folder, "echarts.js"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "inline",
  });
  for (const file of ["LICENSE", "NOTICE"]) copyFileSync(join(PACKAGES, "echarts", file), join(folder, file));
  copyFileSync(join(PACKAGES, "zrender", "LICENSE"), join(folder, "LICENSE-zrender"));
  writeFileSync(join(folder, "echarts.d.ts"), 'export { init } from "echarts";\n');
  end();
}

const MICROSOFT_LICENSE = `MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`;

onnxruntimeWeb();
await echarts();
