// onnxruntime on Node, called by its C interface. The binding in its own npm package copies every result into a new buffer
// (js/node/src/tensor_helper.cc), which costs a training step its whole state in copies and garbage; here results are
// written where the program wants them. Runs happen on a worker thread, so timers and signals stay alive meanwhile.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type { DType, NdArray } from "../base/array.ts";
import { fail } from "../base/errors.ts";
import type { Backend, Executable, Values } from "./backend.ts";
import { koffi, type LibraryHandle } from "./foreign.ts";
import { keepTelemetryOff } from "./telemetry.ts";

const pointer = "void *";
const result = koffi.out(koffi.pointer(pointer));

/**
 * The functions used, by their place in `struct OrtApi` of onnxruntime_c_api.h. The table only ever grows at its end;
 * these are of its first six versions, so every onnxruntime from 1.6 has them. All but the releases return a status, null for
 * success.
 */
const FUNCTIONS = {
  getErrorMessage: [2, "str", [pointer]],
  createEnv: [3, pointer, ["int", "str", result]],
  disableTelemetryEvents: [6, pointer, [pointer]],
  createSessionFromArray: [8, pointer, [pointer, pointer, "size_t", pointer, result]],
  run: [9, pointer, [pointer, pointer, pointer, pointer, "size_t", pointer, "size_t", pointer]],
  createSessionOptions: [10, pointer, [result]],
  enableProfiling: [14, pointer, [pointer, process.platform === "win32" ? "str16" : "str"]],
  disableMemPattern: [17, pointer, [pointer]],
  setSessionLogSeverityLevel: [22, pointer, [pointer, "int"]],
  setSessionGraphOptimizationLevel: [23, pointer, [pointer, "int"]],
  setIntraOpNumThreads: [24, pointer, [pointer, "int"]],
  sessionGetInputCount: [30, pointer, [pointer, koffi.out(koffi.pointer("size_t"))]],
  sessionGetInputName: [36, pointer, [pointer, "size_t", pointer, koffi.out(koffi.pointer("str"))]],
  createTensorWithDataAsOrtValue: [49, pointer, [pointer, pointer, "size_t", pointer, "size_t", "int", result]],
  createCpuMemoryInfo: [69, pointer, ["int", "int", result]],
  getAllocatorWithDefaultOptions: [78, pointer, [result]],
  releaseStatus: [93, "void", [pointer]],
  releaseSession: [95, "void", [pointer]],
  releaseValue: [96, "void", [pointer]],
  releaseSessionOptions: [100, "void", [pointer]],
  addSessionConfigEntry: [130, pointer, [pointer, "str", "str"]],
  createAndRegisterAllocator: [144, pointer, [pointer, pointer, pointer]],
} as const;

type Pointer = bigint;
// biome-ignore lint/suspicious/noExplicitAny: arguments are C values, described in the table.
type Foreign = ((...args: any[]) => any) & { async: (...args: any[]) => void };
type Api = Record<keyof typeof FUNCTIONS, Foreign>;

/** `ONNXTensorElementDataType`. */
const ELEMENT_TYPES: Record<DType, number> = { float32: 1, uint8: 2, int32: 6, bool: 9 };
const LOG_ERRORS = 3;
const OPTIMIZE_ALL = 99;
const API_VERSION = 6;
const ARENA_ALLOCATOR = 1;
const DEFAULT_MEMORY = 0;

/** onnxruntime in this process: the library, its environment, and the tensors that stand for arrays. */
class Library implements NativeLibrary {
  readonly version: string;
  readonly api: Api;
  readonly env: Pointer;
  /** Kept, because the library is unloaded with the last reference to its handle. */
  readonly handle: LibraryHandle;
  private readonly memory: Pointer;
  /** Tensors over arrays seen before: a program uses the same buffers every step. */
  private readonly tensors = new WeakMap<NdArray, Pointer>();
  private readonly released = new FinalizationRegistry<Pointer>((tensor) => this.api.releaseValue(tensor));

  constructor(path: string) {
    keepTelemetryOff();
    this.handle = koffi.load(path);
    const base = this.handle.func("OrtGetApiBase", pointer, [])() as Pointer;
    const getApi = koffi.decode(koffi.decode(base, 0, pointer), koffi.proto(pointer, ["uint32_t"])) as Foreign;
    const word = koffi.sizeof(pointer);
    const getVersion = koffi.decode(koffi.decode(base, word, pointer), koffi.proto("str", [])) as Foreign;
    this.version = getVersion() as string;
    const table = getApi(API_VERSION) as Pointer;
    this.api = Object.fromEntries(
      Object.entries(FUNCTIONS).map(([name, [place, returns, takes]]) => [
        name,
        koffi.decode(koffi.decode(table, place * word, pointer), koffi.proto(returns, [...takes])),
      ]),
    ) as Api;
    this.env = this.make(this.api.createEnv, LOG_ERRORS, "genclass");
    this.check(this.api.disableTelemetryEvents(this.env));
    this.memory = this.make(this.api.createCpuMemoryInfo, ARENA_ALLOCATOR, DEFAULT_MEMORY);
    // One arena for all sessions: those of a program run in turn, and each would keep the most that it ever took. The environment is one
    // for the process: another thread's arena takes the place of this one for sessions to come.
    this.check(this.api.createAndRegisterAllocator(this.env, this.memory, null));
  }

  /** Throws the message of a status that is not null. */
  check(status: Pointer | null): void {
    if (!status) return;
    const message = this.api.getErrorMessage(status) as string;
    this.api.releaseStatus(status);
    throw new Error(message);
  }

  /** Calls a function whose last argument receives a value, and returns the value. */
  // biome-ignore lint/suspicious/noExplicitAny: C values.
  make<T = Pointer>(create: Foreign, ...args: any[]): T {
    const out: [T | null] = [null];
    this.check(create(...args, out));
    return out[0] as T;
  }

  /** A tensor over the array's own memory, kept as long as the array. */
  tensor(value: NdArray): Pointer {
    const tensor = this.tensors.get(value);
    if (tensor === undefined) {
      const { data, shape, dtype } = value;
      if (data instanceof Float64Array)
        fail("E_SHAPE", `internal: float64 data reached onnxruntime in an array of shape [${shape}]`);
      // Asking for the buffer moves small arrays out of the JavaScript heap, where they would not stay in place.
      void data.buffer;
      const dims = BigInt64Array.from(shape, BigInt);
      const made = this.make(
        this.api.createTensorWithDataAsOrtValue,
        this.memory,
        data,
        data.byteLength,
        dims,
        shape.length,
        ELEMENT_TYPES[dtype],
      );
      this.tensors.set(value, made);
      this.released.register(value, made);
      return made;
    }
    return tensor;
  }

  load(model: Uint8Array, threads: number, profile?: string): Executable {
    const options = this.make(this.api.createSessionOptions);
    try {
      this.check(this.api.setSessionLogSeverityLevel(options, LOG_ERRORS));
      this.check(this.api.setSessionGraphOptimizationLevel(options, OPTIMIZE_ALL));
      this.check(this.api.addSessionConfigEntry(options, "session.use_env_allocators", "1"));
      // From the second run on it would place all values in one block, beside what the first run had taken for each of them.
      this.check(this.api.disableMemPattern(options));
      if (profile !== undefined) this.check(this.api.enableProfiling(options, profile));
      if (threads > 0) this.check(this.api.setIntraOpNumThreads(options, threads));
      return new Session(this, this.make(this.api.createSessionFromArray, this.env, model, model.byteLength, options));
    } finally {
      this.api.releaseSessionOptions(options);
    }
  }
}

/** C strings that stay in place, and the array of their addresses. */
class Names {
  readonly addresses: BigUint64Array;
  readonly strings: readonly Buffer[];
  constructor(readonly names: readonly string[]) {
    this.strings = names.map((name) => Buffer.from(`${name}\0`));
    this.addresses = BigUint64Array.from(this.strings, (bytes) => koffi.address(bytes));
  }
}

class Session implements Executable {
  private readonly inputs: Names;
  private outputs = new Names([]);
  /** The runs in flight: a session is released when they have ended. */
  private busy: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly library: Library,
    private session: Pointer | null,
  ) {
    const allocator = library.make(library.api.getAllocatorWithDefaultOptions);
    const count = Number(library.make<number>(library.api.sessionGetInputCount, session));
    this.inputs = new Names(
      Array.from({ length: count }, (_, i) =>
        library.make<string>(library.api.sessionGetInputName, session, i, allocator),
      ),
    );
  }

  run(inputs: Values, outputs: Values): Promise<void> {
    // Only the inputs the session asks for: a graph may have simplified one away.
    const feeds = BigUint64Array.from(this.inputs.names, (name) => {
      const value = inputs[name];
      if (!value) fail("E_NAME", `internal: input "${name}" has no value; given: ${Object.keys(inputs).join(", ")}`);
      return this.library.tensor(value);
    });
    const names = Object.keys(outputs);
    if (names.length !== this.outputs.names.length || names.some((name, i) => name !== this.outputs.names[i]))
      this.outputs = new Names(names);
    const targets = BigUint64Array.from(names, (name) => this.library.tensor(outputs[name]!));
    const { api } = this.library;
    // What the call reads and writes stays reachable until it ends.
    const held: unknown[] = [inputs, outputs, this.outputs, feeds, targets];
    const run = new Promise<void>((resolve, reject) => {
      if (!this.session) fail("E_BACKEND", "internal: a disposed session was run");
      api.run.async(
        this.session,
        null,
        this.inputs.addresses,
        feeds,
        feeds.length,
        this.outputs.addresses,
        targets.length,
        targets,
        (error: Error | null, status: Pointer | null) => {
          held.length = 0;
          try {
            if (error) throw error;
            this.library.check(status);
            resolve();
          } catch (cause) {
            reject(cause);
          }
        },
      );
    });
    this.busy = Promise.allSettled([this.busy, run]);
    return run;
  }

  async dispose(): Promise<void> {
    await this.busy;
    if (this.session) this.library.api.releaseSession(this.session);
    this.session = null;
  }
}

/**
 * The packages that carry onnxruntime's shared library, one a platform, and its name there. npm installs the one that fits.
 * They are made for another program; nothing but the library is used (docs/dependencies.md says why they).
 */
const CARRIERS: Readonly<Record<string, string>> = {
  "linux x64": "sherpa-onnx-linux-x64/libonnxruntime.so",
  "linux arm64": "sherpa-onnx-linux-arm64/libonnxruntime.so",
  "darwin arm64": "sherpa-onnx-darwin-arm64/libonnxruntime.dylib",
  "darwin x64": "sherpa-onnx-darwin-x64/libonnxruntime.dylib",
  "win32 x64": "sherpa-onnx-win-x64/onnxruntime.dll",
};

/** The library as others see it. */
export interface NativeLibrary {
  readonly version: string;
  /**
   * `threads`: 0 takes all cores. `profile`: how the path of a file begins that gets the time of each node of each run, as JSON in the
   * Trace Event Format of Chrome; it is whole when the executable has been disposed of.
   */
  load(model: Uint8Array, threads: number, profile?: string): Executable;
}

let library: Library | undefined;

/** The library, loaded once. @throws `E_BACKEND` when it is missing or does not load */
export function nativeLibrary(): NativeLibrary {
  library ??= loadLibrary();
  return library;
}

/** Loads models natively. `threads`: 0 takes all cores. @throws `E_BACKEND` as `nativeLibrary`, when it is called */
export const nativeLoader = (threads = 0): Pick<Backend, "load"> => ({
  load: async (model) => nativeLibrary().load(model, threads),
});

function loadLibrary(): Library {
  const here = `${process.platform} ${process.arch}`;
  const file = CARRIERS[here];
  if (!file)
    fail(
      "E_BACKEND",
      `onnxruntime is not there for ${here}; there are packages for ${Object.keys(CARRIERS).join(", ")}`,
    );
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(file);
  } catch (cause) {
    fail(
      "E_BACKEND",
      `onnxruntime is not installed: the package ${dirname(file)} is missing; install again with optional packages (npm install --include=optional)`,
      cause,
    );
  }
  try {
    return new Library(path);
  } catch (cause) {
    fail("E_BACKEND", `onnxruntime does not load on ${here} (${(cause as Error).message}); ${OLD_SYSTEM}`, cause);
  }
}

const OLD_SYSTEM = "its library is made for glibc, macOS and Windows";
