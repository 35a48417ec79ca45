// A network by its path: the model file, and the files beside it that hold weights.
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { fail, GenclassError } from "../../base/errors.ts";
import { Network } from "./network.ts";
import type { ExternalData } from "./tensors.ts";

/** Bytes of a model file above which protobuf itself does not go. */
const LARGEST_FILE = 2 ** 31;

/** A network, and what it was read from. */
export interface NetworkFile {
  readonly network: Network;
  /** The model file. */
  readonly bytes: Uint8Array;
  /** SHA-256 of the model file, in hexadecimal. */
  readonly sha256: string;
}

/**
 * Reads the network of an `.onnx` file.
 * @param expected the SHA-256 that it must have, where that is known
 * @throws `E_FILE` where it cannot be read or has another SHA-256, `E_ONNX` where it is no network of pictures
 */
export function readNetworkFile(path: string, expected?: string): NetworkFile {
  const state = statSync(path, { throwIfNoEntry: false });
  if (!state) fail("E_FILE", `${path} does not exist; expected an .onnx file`);
  if (!state.isFile()) fail("E_FILE", `${path} is no file; expected an .onnx file`);
  if (state.size > LARGEST_FILE)
    fail("E_ONNX", `${path} has ${state.size} bytes; an ONNX file has at most ${LARGEST_FILE}, and weights beside it`);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    fail("E_FILE", `${path} cannot be read (${(cause as Error).message})`, cause);
  }
  const sha256 = sha256Of(bytes);
  if (expected !== undefined && sha256 !== expected)
    fail(
      "E_FILE",
      `${path} is damaged: its SHA-256 is ${sha256}, published is ${expected}; remove it, and it is fetched again`,
    );
  try {
    return { network: Network.read(bytes, beside(path)), bytes, sha256 };
  } catch (cause) {
    if (!(cause instanceof GenclassError)) throw cause;
    fail(cause.code, `${path}: ${cause.message}`, cause);
  }
}

/** SHA-256 of bytes, in hexadecimal. */
export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Bytes of files in the folder of a model, links followed. */
function beside(path: string): ExternalData {
  const folder = realpathSync(dirname(resolve(path)));
  return (location, offset, length) => {
    const file = inside(folder, location);
    const size = statSync(file).size;
    if (offset + length > size)
      fail("E_ONNX", `the network needs ${length} bytes of ${location} from ${offset} on; the file has ${size}`);
    const bytes = new Uint8Array(length);
    const handle = openSync(file, "r");
    try {
      for (let done = 0; done < length; ) {
        const count = readSync(handle, bytes, done, length - done, offset + done);
        if (count === 0) fail("E_ONNX", `${location} was cut short while it was read`);
        done += count;
      }
    } finally {
      closeSync(handle);
    }
    return bytes;
  };
}

/** The path of a file that has to lie in a folder. @throws `E_ONNX` */
function inside(folder: string, location: string): string {
  const outside = (path: string) => {
    const from = relative(folder, path);
    return from === "" || from.startsWith("..") || isAbsolute(from);
  };
  const wanted = resolve(folder, location);
  if (outside(wanted))
    fail("E_ONNX", `the network reads weights from ${location}, outside the folder of its file; this is refused`);
  const state = statSync(wanted, { throwIfNoEntry: false });
  if (!state?.isFile()) fail("E_ONNX", `the weights of the network are in ${location}, which is missing beside it`);
  if (outside(realpathSync(wanted)))
    fail("E_ONNX", `${location} is a link to a file outside the folder of the network; this is refused`);
  return wanted;
}
