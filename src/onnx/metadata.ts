// What an ONNX file tells of itself: the pairs of its metadata (ModelProto.metadata_props of onnx.proto).
import { PbfReader } from "pbf";

const METADATA_PROPS = 14;
const [KEY, VALUE] = [1, 2];

/** The metadata of an ONNX file, text by name. Bytes that are none give an error of the reader, or nothing. */
export function readMetadata(model: Uint8Array): Record<string, string> {
  const pairs: [string, string][] = [];
  new PbfReader(model).readFields((field, _, reader) => {
    if (field !== METADATA_PROPS) return;
    const pair: [string, string] = ["", ""];
    reader.readMessage((tag, of, entry) => {
      if (tag === KEY) of[0] = entry.readString();
      if (tag === VALUE) of[1] = entry.readString();
    }, pair);
    pairs.push(pair);
  }, undefined);
  return Object.fromEntries(pairs);
}
