// Finding and loading oneDNN (https://github.com/uxlfoundation/oneDNN), and the functions of its C interface that are
// called. What differs between its generations 2 and 3 is in api.ts.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cachePath } from "../../base/cache-path.ts";
import { fail } from "../../base/errors.ts";
import { koffi, type LibraryHandle } from "../foreign.ts";

/** An address of the library's, or null. */
export type Address = bigint;
// biome-ignore lint/suspicious/noExplicitAny: arguments are C values, described in the tables.
export type Foreign = (...args: any[]) => any;

const pointer = "void *";
/** Receives an address. The type library of koffi cannot name what this is; it goes where type names go. */
const made = koffi.out(koffi.pointer(pointer)) as unknown as string;
const memoryDims = pointer;

/** Name without `dnnl_`, and types of the arguments. All return a status, 0 for success, unless said otherwise. */
const COMMON = {
  version: [pointer, []],
  engine_create: ["int", [made, "int", "size_t"]],
  stream_create: ["int", [made, pointer, "uint"]],
  memory_create: ["int", [made, pointer, pointer, pointer]],
  memory_set_data_handle: ["int", [pointer, pointer]],
  memory_destroy: ["int", [pointer]],
  memory_desc_get_size: ["size_t", [pointer]],
  memory_desc_equal: ["int", [pointer, pointer]],
  primitive_create: ["int", [made, pointer]],
  primitive_destroy: ["int", [pointer]],
  primitive_desc_destroy: ["int", [pointer]],
  primitive_desc_query: ["int", [pointer, "int", "int", pointer]],
  primitive_desc_query_md: [pointer, [pointer, "int", "int"]],
  primitive_attr_create: ["int", [made]],
  primitive_attr_destroy: ["int", [pointer]],
  primitive_attr_set_scratchpad_mode: ["int", [pointer, "int"]],
  primitive_attr_set_post_ops: ["int", [pointer, pointer]],
  post_ops_create: ["int", [made]],
  post_ops_destroy: ["int", [pointer]],
  reorder_primitive_desc_create: ["int", [made, pointer, pointer, pointer, pointer, pointer]],
} as const;

/** Generation 2: descriptions are structures of the caller's, operations are described first and made second. */
const SECOND = {
  memory_desc_init_by_strides: ["int", [pointer, "int", memoryDims, "int", memoryDims]],
  memory_desc_init_by_tag: ["int", [pointer, "int", memoryDims, "int", "int"]],
  primitive_desc_create: ["int", [made, pointer, pointer, pointer, pointer]],
  matmul_desc_init: ["int", [pointer, pointer, pointer, pointer, pointer]],
  dilated_convolution_forward_desc_init: [
    "int",
    [pointer, "int", "int", pointer, pointer, pointer, pointer, memoryDims, memoryDims, memoryDims, memoryDims],
  ],
  dilated_convolution_backward_data_desc_init: [
    "int",
    [pointer, "int", pointer, pointer, pointer, memoryDims, memoryDims, memoryDims, memoryDims],
  ],
  dilated_convolution_backward_weights_desc_init: [
    "int",
    [pointer, "int", pointer, pointer, pointer, pointer, memoryDims, memoryDims, memoryDims, memoryDims],
  ],
  post_ops_append_eltwise: ["int", [pointer, "float", "int", "float", "float"]],
  post_ops_append_sum: ["int", [pointer, "float"]],
} as const;

/** Generation 3: descriptions are made and destroyed by the library. */
const THIRD = {
  memory_desc_create_with_strides: ["int", [made, "int", memoryDims, "int", memoryDims]],
  memory_desc_create_with_tag: ["int", [made, "int", memoryDims, "int", "int"]],
  memory_desc_destroy: ["int", [pointer]],
  matmul_primitive_desc_create: ["int", [made, pointer, pointer, pointer, pointer, pointer, pointer]],
  convolution_forward_primitive_desc_create: [
    "int",
    [
      made,
      pointer,
      "int",
      "int",
      pointer,
      pointer,
      pointer,
      pointer,
      memoryDims,
      memoryDims,
      memoryDims,
      memoryDims,
      pointer,
    ],
  ],
  convolution_backward_data_primitive_desc_create: [
    "int",
    [made, pointer, "int", pointer, pointer, pointer, memoryDims, memoryDims, memoryDims, memoryDims, pointer, pointer],
  ],
  convolution_backward_weights_primitive_desc_create: [
    "int",
    [
      made,
      pointer,
      "int",
      pointer,
      pointer,
      pointer,
      pointer,
      memoryDims,
      memoryDims,
      memoryDims,
      memoryDims,
      pointer,
      pointer,
    ],
  ],
  post_ops_append_eltwise: ["int", [pointer, "int", "float", "float"]],
  post_ops_append_sum: ["int", [pointer, "float", "int", "int"]],
} as const;

type TypeSpec = Parameters<typeof koffi.sizeof>[0];
type Table = Readonly<Record<string, readonly [TypeSpec, readonly TypeSpec[]]>>;

function bind<T extends Table>(handle: LibraryHandle, table: T): Record<keyof T, Foreign> {
  return Object.fromEntries(
    Object.entries(table).map(([name, [returns, takes]]) => [name, handle.func(`dnnl_${name}`, returns, [...takes])]),
  ) as unknown as Record<keyof T, Foreign>;
}

/** The library's oldest version that has what is used, and the first generation that is not known. */
const OLDEST = [2, 6] as const;
const UNKNOWN_GENERATION = 4;

/** A loaded library and its functions. */
export interface Library {
  readonly path: string;
  readonly version: string;
  readonly common: Record<keyof typeof COMMON, Foreign>;
  /** The functions of the generation that it is of. */
  readonly second: Record<keyof typeof SECOND, Foreign> | undefined;
  readonly third: Record<keyof typeof THIRD, Foreign> | undefined;
  /** Kept, because the library is unloaded with the last reference to its handle. */
  readonly handle: LibraryHandle;
}

/** Where `genclass setup` puts the library: a folder of the cache, and the file in it. */
export const INSTALLED = { folder: ["onednn", "linux-x64"], file: "libdnnl.so.3" } as const;
/** Path of the library that `genclass setup` installs. */
export const installedPath = (env: NodeJS.ProcessEnv = process.env): string =>
  cachePath(env, ...INSTALLED.folder, INSTALLED.file);

/** Where the library is looked for. `GENCLASS_ONEDNN` names one file, and nothing else is tried then. */
export function candidates(
  env: NodeJS.ProcessEnv = process.env,
  platform: string = process.platform,
  arch: string = process.arch,
): string[] {
  if (env.GENCLASS_ONEDNN) return [env.GENCLASS_ONEDNN];
  const prefixes = [env.VIRTUAL_ENV, env.CONDA_PREFIX].filter((path) => path !== undefined);
  if (platform === "win32") return [...prefixes.map((path) => join(path, "Library", "bin", "dnnl.dll")), "dnnl.dll"];
  if (platform === "darwin") {
    const folders = [...prefixes.map((path) => join(path, "lib")), "/opt/homebrew/lib", "/usr/local/lib"];
    return folders.map((folder) => join(folder, "libdnnl.dylib"));
  }
  const names = ["libdnnl.so.3", "libdnnl.so.2"];
  // What was asked for by name comes first.
  const installed = arch === "x64" ? [installedPath(env)] : [];
  return [...installed, ...prefixes.flatMap((path) => names.map((name) => join(path, "lib", name))), ...names];
}

/** Between what is wrong and how to get the library. */
export const TO_GET = "; to get it: ";
const HOW_TO_GET =
  "genclass setup (Linux x64), apt install libdnnl2 (Debian 12, Ubuntu 22.04) or libdnnl3 (newer), dnf install onednn, pacman -S onednn, brew install onednn, conda install -c conda-forge onednn, pip install onednn-cpu-gomp; or name the file in GENCLASS_ONEDNN";

/** @throws `E_BACKEND` when no candidate loads, or the one found is too old or too new */
export function loadLibrary(paths: readonly string[] = candidates()): Library {
  const problems: string[] = [];
  for (const path of paths) {
    let handle: LibraryHandle;
    try {
      handle = koffi.load(path);
    } catch (cause) {
      const problem = problemOf(path, cause as Error);
      if (problem) problems.push(problem);
      continue;
    }
    return open(path, handle);
  }
  const what =
    problems.length === 0
      ? `oneDNN is not found (tried ${paths.join(", ")})`
      : `oneDNN does not load (${problems.join("; ")})`;
  fail("E_BACKEND", `${what}${TO_GET}${HOW_TO_GET}`);
}

/** Why a file does not load; undefined where there is no such file. */
function problemOf(path: string, { message }: Error): string | undefined {
  const text = message.replace(/^Failed to load shared library: /, "");
  // The loader names the file that it lacks: this one, or another that this one needs, such as the threading runtime libtbb.
  const [, lacked] = /(\S+): cannot open shared object file/.exec(text) ?? [];
  if (lacked !== undefined) return lacked === path ? undefined : `${path} needs ${lacked}, which is not installed`;
  if (/no such file|not (be )?found/i.test(text) && !existsSync(path)) return undefined;
  return text.includes(path) ? text : `${path}: ${text}`;
}

/** @returns the version as text; throws `E_BACKEND` for one that is too old or too new */
export function checkVersion(path: string, [major, minor, patch]: readonly [number, number, number]): string {
  const version = `${major}.${minor}.${patch}`;
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]) || major >= UNKNOWN_GENERATION)
    fail(
      "E_BACKEND",
      `${path} is oneDNN ${version}; expected 2.6 or later of generation 2, or generation 3${TO_GET}${HOW_TO_GET}`,
    );
  return version;
}

function open(path: string, handle: LibraryHandle): Library {
  let common: Library["common"];
  try {
    common = bind(handle, COMMON);
  } catch (cause) {
    fail("E_BACKEND", `${path} is not oneDNN 2.6 or later (${(cause as Error).message})${TO_GET}${HOW_TO_GET}`, cause);
  }
  const numbers = koffi.decode(common.version(), koffi.array("int", 3)) as [number, number, number];
  const version = checkVersion(path, numbers);
  const [major] = numbers;
  return {
    path,
    version,
    common,
    second: major === 2 ? bind(handle, SECOND) : undefined,
    third: major === 3 ? bind(handle, THIRD) : undefined,
    handle,
  };
}

/**
 * How many threads a primitive takes that is made or run by the calling thread. The compute threads share each step among
 * themselves, so that the library needs none of its own.
 * @returns false for a library on another runtime than OpenMP, which counts its threads otherwise
 */
export function setLibraryThreads(handle: LibraryHandle, threads: number): boolean {
  try {
    handle.func("omp_set_num_threads", "void", ["int"])(threads);
    return true;
  } catch {
    return false;
  }
}
