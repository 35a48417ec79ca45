// An ONNX file as plain records (onnx.proto, IR 3 to 11). Weights stay views of its bytes.
import { malformed, Wire } from "./wire.ts";

/** A tensor as the file has it: its values in one of several fields, or in another file. */
export interface FileTensor {
  name: string;
  readonly dims: number[];
  /** `TensorProto.DataType` */
  type: number;
  raw?: Uint8Array;
  readonly floats: number[];
  readonly ints: number[];
  readonly doubles: number[];
  /** Where the bytes lie in another file: `location`, `offset`, `length`. */
  readonly external: Map<string, string>;
  /** Whether they do. */
  isExternal: boolean;
}

/** The value of an attribute of a node: the field that was written. */
export interface FileAttribute {
  name: string;
  float?: number;
  int?: number;
  text?: string;
  tensor?: FileTensor;
  readonly floats: number[];
  readonly ints: number[];
}

/** An op applied to values by name. */
export interface FileNode {
  name: string;
  op: string;
  domain: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Map<string, FileAttribute>;
}

/** An input or output of the graph; a size is a number, or a name where it is free. */
export interface FileValue {
  name: string;
  dims?: (number | string)[];
  /** `TensorProto.DataType` of a tensor. */
  type?: number;
}

/** A model file. */
export interface OnnxFile {
  /** Version of the standard ops that it uses. */
  opset: number;
  readonly nodes: FileNode[];
  readonly initializers: Map<string, FileTensor>;
  readonly inputs: FileValue[];
  readonly outputs: FileValue[];
  readonly metadata: Map<string, string>;
}

/** Reads a file's structure. @throws `E_ONNX` for bytes that are no ONNX model */
export function parseOnnx(bytes: Uint8Array): OnnxFile {
  const wire = new Wire(bytes);
  const file: OnnxFile = {
    opset: 0,
    nodes: [],
    initializers: new Map(),
    inputs: [],
    outputs: [],
    metadata: new Map(),
  };
  let [hasGraph, version] = [false, 0];
  wire.fields((field) => {
    if (field === 1) version = wire.integer();
    else if (field === 7) {
      hasGraph = true;
      readGraph(wire, file);
    } else if (field === 8) readOpset(wire, file);
    else if (field === 14) file.metadata.set(...readEntry(wire));
  });
  if (!hasGraph || version < 1) malformed("it holds no graph");
  if (file.opset < 1) malformed("it does not say which version of the ops it uses");
  return file;
}

function readOpset(wire: Wire, file: OnnxFile): void {
  let [domain, version] = ["", 0];
  wire.message((field) => {
    if (field === 1) domain = wire.text();
    else if (field === 2) version = wire.integer();
  });
  if (domain === "" || domain === "ai.onnx") file.opset = version;
}

function readEntry(wire: Wire): [key: string, value: string] {
  let [key, value] = ["", ""];
  wire.message((field) => {
    if (field === 1) key = wire.text();
    else if (field === 2) value = wire.text();
  });
  return [key, value];
}

function readGraph(wire: Wire, file: OnnxFile): void {
  wire.message((field) => {
    if (field === 1) file.nodes.push(readNode(wire));
    else if (field === 5) {
      const tensor = readTensor(wire);
      file.initializers.set(tensor.name, tensor);
    } else if (field === 11) file.inputs.push(readValue(wire));
    else if (field === 12) file.outputs.push(readValue(wire));
  });
}

function readNode(wire: Wire): FileNode {
  const node: FileNode = { name: "", op: "", domain: "", inputs: [], outputs: [], attributes: new Map() };
  wire.message((field) => {
    if (field === 1) node.inputs.push(wire.text());
    else if (field === 2) node.outputs.push(wire.text());
    else if (field === 3) node.name = wire.text();
    else if (field === 4) node.op = wire.text();
    else if (field === 7) node.domain = wire.text();
    else if (field === 5) {
      const attribute = readAttribute(wire);
      node.attributes.set(attribute.name, attribute);
    }
  });
  return node;
}

function readAttribute(wire: Wire): FileAttribute {
  const attribute: FileAttribute = { name: "", floats: [], ints: [] };
  wire.message((field) => {
    if (field === 1) attribute.name = wire.text();
    else if (field === 2) attribute.float = wire.float();
    else if (field === 3) attribute.int = wire.integer();
    else if (field === 4) attribute.text = wire.text();
    else if (field === 5) attribute.tensor = readTensor(wire);
    else if (field === 7) wire.floats(attribute.floats);
    else if (field === 8) wire.integers(attribute.ints);
  });
  return attribute;
}

function readTensor(wire: Wire): FileTensor {
  const tensor: FileTensor = {
    name: "",
    dims: [],
    type: 0,
    floats: [],
    ints: [],
    doubles: [],
    external: new Map(),
    isExternal: false,
  };
  wire.message((field) => {
    if (field === 1) wire.integers(tensor.dims);
    else if (field === 2) tensor.type = wire.integer();
    else if (field === 4) wire.floats(tensor.floats);
    else if (field === 5 || field === 7) wire.integers(tensor.ints);
    else if (field === 8) tensor.name = wire.text();
    else if (field === 9) tensor.raw = wire.bytes();
    else if (field === 10) wire.doubles(tensor.doubles);
    else if (field === 13) tensor.external.set(...readEntry(wire));
    else if (field === 14) tensor.isExternal = wire.integer() === 1;
  });
  return tensor;
}

function readValue(wire: Wire): FileValue {
  const value: FileValue = { name: "" };
  wire.message((field) => {
    if (field === 1) value.name = wire.text();
    else if (field === 2)
      wire.message((kind) => {
        if (kind !== 1) return;
        wire.message((part) => {
          if (part === 1) value.type = wire.integer();
          else if (part === 2) value.dims = readShape(wire);
        });
      });
  });
  return value;
}

function readShape(wire: Wire): (number | string)[] {
  const dims: (number | string)[] = [];
  wire.message((field) => {
    if (field !== 1) return;
    let dim: number | string = "?";
    wire.message((part) => {
      if (part === 1) dim = wire.integer();
      else if (part === 2) dim = wire.text();
    });
    dims.push(dim);
  });
  return dims;
}
