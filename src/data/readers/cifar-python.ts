// The Python versions of CIFAR: a pickled dictionary of the pictures, `data` [n, 3072], and their labels.
import { fail } from "../../base/errors.ts";
import { CONTENT_LIMIT } from "./expansion.ts";
import { type Pickled, PickledArray, unpickle } from "./pickle.ts";

const PICTURE = 3 * 32 * 32;

/**
 * The pictures of a file as records of the binary version: label bytes, then 3072 bytes.
 * @param keys of the labels, as many as a record has: `labels`, or `coarse_labels` and `fine_labels`
 * @param file its name, for messages
 * @throws `E_DATA_FORMAT` when it is no such pickle, `E_DATA_LABEL` for a label that is no byte
 */
export function cifarRecords(bytes: Uint8Array, keys: readonly string[], file: string): Uint8Array {
  const found = pickled(bytes, file);
  const parts: ReadonlyMap<string, Pickled> = found instanceof Map ? found : new Map();
  const data = parts.get("data");
  const labels = keys.map((key) => parts.get(key));
  const n = data instanceof PickledArray ? (data.shape[0] ?? 0) : 0;
  if (
    !(data instanceof PickledArray) ||
    data.data.length !== n * PICTURE ||
    !labels.every((list): list is Pickled[] => Array.isArray(list) && list.length === n)
  )
    return fail(
      "E_DATA_FORMAT",
      `${file} holds ${[...parts.keys()].join(", ") || "no dictionary"}; expected data, of ${PICTURE} bytes a picture, and as many ${keys.join(" and ")}`,
    );
  const size = keys.length + PICTURE;
  const records = new Uint8Array(n * size);
  for (let i = 0; i < n; i++) {
    for (const [k, list] of labels.entries()) {
      const label = list[i];
      if (!(typeof label === "number" && Number.isInteger(label) && label >= 0 && label < 256))
        fail(
          "E_DATA_LABEL",
          `${file}: ${keys[k]}[${i}] is ${typeof label === "number" ? label : "no number"}; expected the number of a class`,
        );
      records[i * size + k] = label;
    }
    records.set(data.data.subarray(i * PICTURE, (i + 1) * PICTURE), i * size + keys.length);
  }
  return records;
}

function pickled(bytes: Uint8Array, file: string): Pickled {
  if (bytes.length > CONTENT_LIMIT) fail("E_DATA_FORMAT", `${file} is larger than a file of CIFAR is`);
  try {
    return unpickle(bytes);
  } catch (cause) {
    return fail(
      "E_DATA_FORMAT",
      `${file}: not a pickle as CIFAR has them (${(cause as Error).message}); fetch it again, or the binary version (.bin files)`,
      cause,
    );
  }
}
