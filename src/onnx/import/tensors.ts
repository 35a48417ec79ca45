// The values of a file's tensors. What a tensor asks for is compared with the bytes that are there before memory is taken.
import { sizeOf } from "../../base/array.ts";
import { fail } from "../../base/errors.ts";
import { halfToNumber } from "../../base/half.ts";
import type { FileTensor } from "./file.ts";
import type { Known } from "./values.ts";
import { malformed } from "./wire.ts";

/**
 * Bytes of another file of the model's folder, which holds weights: all of them are inside it.
 * @throws `E_ONNX` for a file that is not in the folder or is shorter
 */
export type ExternalData = (location: string, offset: number, length: number) => Uint8Array;

/** An element type: bytes in raw data, how one is read, and what it is. */
interface ElementType {
  readonly name: string;
  readonly bytes: number;
  readonly type: Known["type"];
  read(view: DataView, at: number): number;
}

const number64 = (view: DataView, at: number) => view.getUint32(at, true) + view.getInt32(at + 4, true) * 2 ** 32;

/** By `TensorProto.DataType`. */
const TYPES: Readonly<Record<number, ElementType>> = {
  1: { name: "float", bytes: 4, type: "float", read: (view, at) => view.getFloat32(at, true) },
  2: { name: "uint8", bytes: 1, type: "int", read: (view, at) => view.getUint8(at) },
  3: { name: "int8", bytes: 1, type: "int", read: (view, at) => view.getInt8(at) },
  6: { name: "int32", bytes: 4, type: "int", read: (view, at) => view.getInt32(at, true) },
  7: { name: "int64", bytes: 8, type: "int", read: number64 },
  9: { name: "bool", bytes: 1, type: "bool", read: (view, at) => view.getUint8(at) },
  10: { name: "float16", bytes: 2, type: "float", read: (view, at) => halfToNumber(view.getUint16(at, true)) },
  11: { name: "double", bytes: 8, type: "float", read: (view, at) => view.getFloat64(at, true) },
  16: { name: "bfloat16", bytes: 2, type: "float", read: (view, at) => bfloat16ToNumber(view.getUint16(at, true)) },
};

const scratch = new DataView(new ArrayBuffer(4));

function bfloat16ToNumber(bits: number): number {
  scratch.setUint16(2, bits, true);
  scratch.setUint16(0, 0, true);
  return scratch.getFloat32(0, true);
}

/**
 * The values of a tensor.
 * @throws `E_ONNX` where its sizes do not fit the bytes that are there, or its type is not known
 */
export function readTensorValues(tensor: FileTensor, external: ExternalData | undefined, name = tensor.name): Known {
  const kind = TYPES[tensor.type];
  if (!kind)
    fail(
      "E_ONNX",
      `the tensor "${name}" has elements of type ${tensor.type}, which are not read; expected ${Object.values(TYPES)
        .map(({ name }) => name)
        .join(", ")}. Export the network in float32`,
    );
  const { dims } = tensor;
  if (dims.some((dim) => !(dim >= 0))) malformed(`the tensor "${name}" has a negative size in [${dims}]`);
  const count = sizeOf(dims);
  const known = (data: ArrayLike<number>): Known => ({ kind: "known", type: kind.type, shape: dims, data, name });
  const raw = tensor.isExternal ? externalBytes(tensor, count * kind.bytes, external, name) : tensor.raw;
  if (raw === undefined) {
    const lists = [tensor.floats, tensor.doubles, tensor.ints];
    const list = lists.find(({ length }) => length > 0) ?? [];
    if (list.length !== count) refuseSize(name, dims, `${count} values`, `${list.length}`);
    // Half floats are written as the whole numbers of their bits.
    if (kind.bytes !== 2) return known(list);
    const view = new DataView(Uint16Array.from(list).buffer);
    return known(Float32Array.from({ length: count }, (_, i) => kind.read(view, 2 * i)));
  }
  if (raw.length !== count * kind.bytes) refuseSize(name, dims, `${count * kind.bytes} bytes`, `${raw.length}`);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = kind.type === "float" ? new Float32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = kind.read(view, i * kind.bytes);
  return known(data);
}

function refuseSize(name: string, dims: readonly number[], needs: string, has: string): never {
  malformed(`the tensor "${name}" of shape [${dims}] needs ${needs}, the file has ${has}`);
}

function externalBytes(
  { external: where }: FileTensor,
  bytes: number,
  external: ExternalData | undefined,
  name: string,
): Uint8Array {
  const location = where.get("location");
  if (location === undefined) malformed(`the tensor "${name}" is in another file, and it does not say in which`);
  if (!external)
    fail("E_ONNX", `the weights "${name}" are in the file ${location} beside the model; give the model by its path`);
  const offset = Number(where.get("offset") ?? 0);
  const length = Number(where.get("length") ?? bytes);
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== bytes)
    malformed(`the tensor "${name}" needs ${bytes} bytes of ${location}; it names ${length} from ${offset} on`);
  return external(location, offset, length);
}
