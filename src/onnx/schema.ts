// The part of the ONNX file format that we write: plain records, and the protobuf field numbers of onnx.proto (IR 10).
import { PbfWriter } from "pbf";
import type { OnnxAttribute, OnnxAttributes } from "../graph/emitter.ts";

/** The element types that are written. */
export type OnnxType = "float32" | "uint8" | "int32" | "int64" | "bool";

/** A constant stored in the file; `data` is the little-endian raw content. */
export interface OnnxConstant {
  name: string;
  type: OnnxType;
  dims: readonly number[];
  data: Uint8Array;
}

/** An op of the standard ONNX domain applied to values by name. */
export interface OnnxNode {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: OnnxAttributes;
}

/** An input or output; a string in `dims` is a symbolic size. */
export interface OnnxValue {
  name: string;
  type: OnnxType;
  dims: readonly (number | string)[];
}

/** A whole model; `metadata` is stored with it as text. */
export interface OnnxModel {
  /** Of the graph. */
  name: string;
  /** Ops, each after those that it needs. */
  nodes: readonly OnnxNode[];
  /** Values that are stored with the graph. */
  constants: readonly OnnxConstant[];
  /** What it is fed. */
  inputs: readonly OnnxValue[];
  /** What it gives. */
  outputs: readonly OnnxValue[];
  /** Texts, by name. */
  metadata?: Readonly<Record<string, string>>;
}

/** The opset every lowering is written against: the newest that checkers of older distributions know. */
const OPSET = 17;
const IR_VERSION = 8;
const ELEMENT: Record<OnnxType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 };

/** The bytes of an `.onnx` file. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const out = new PbfWriter();
  out.writeVarintField(1, IR_VERSION);
  out.writeStringField(2, "genclass");
  out.writeMessage(7, writeGraph, model);
  out.writeMessage(8, writeOpset, OPSET);
  for (const [key, value] of Object.entries(model.metadata ?? {})) out.writeMessage(14, writeEntry, { key, value });
  return out.finish();
}

function writeOpset(version: number, out: PbfWriter): void {
  out.writeStringField(1, "");
  out.writeVarintField(2, version);
}

function writeEntry(entry: { key: string; value: string }, out: PbfWriter): void {
  out.writeStringField(1, entry.key);
  out.writeStringField(2, entry.value);
}

function writeGraph(model: OnnxModel, out: PbfWriter): void {
  for (const node of model.nodes) out.writeMessage(1, writeNode, node);
  out.writeStringField(2, model.name);
  for (const constant of model.constants) out.writeMessage(5, writeConstant, constant);
  for (const input of model.inputs) out.writeMessage(11, writeValue, input);
  for (const output of model.outputs) out.writeMessage(12, writeValue, output);
}

function writeNode(node: OnnxNode, out: PbfWriter): void {
  for (const input of node.inputs) out.writeStringField(1, input);
  for (const output of node.outputs) out.writeStringField(2, output);
  out.writeStringField(3, node.outputs[0] as string);
  out.writeStringField(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) out.writeMessage(5, writeAttribute, { name, value });
}

function writeAttribute({ name, value }: { name: string; value: OnnxAttribute }, out: PbfWriter): void {
  out.writeStringField(1, name);
  if (typeof value === "number") {
    out.writeVarintField(3, value);
    out.writeVarintField(20, 2);
  } else if (typeof value === "string") {
    out.writeStringField(4, value);
    out.writeVarintField(20, 3);
  } else if ("float" in value) {
    out.writeFloatField(2, value.float);
    out.writeVarintField(20, 1);
  } else {
    for (const item of value) out.writeVarintField(8, item);
    out.writeVarintField(20, 7);
  }
}

function writeConstant(constant: OnnxConstant, out: PbfWriter): void {
  for (const dim of constant.dims) out.writeVarintField(1, dim);
  out.writeVarintField(2, ELEMENT[constant.type]);
  out.writeStringField(8, constant.name);
  out.writeBytesField(9, constant.data);
}

function writeValue(value: OnnxValue, out: PbfWriter): void {
  out.writeStringField(1, value.name);
  out.writeMessage(2, writeType, value);
}

function writeType(value: OnnxValue, out: PbfWriter): void {
  out.writeMessage(1, writeTensorType, value);
}

function writeTensorType(value: OnnxValue, out: PbfWriter): void {
  out.writeVarintField(1, ELEMENT[value.type]);
  out.writeMessage(2, writeShape, value.dims);
}

function writeShape(dims: readonly (number | string)[], out: PbfWriter): void {
  for (const dim of dims) out.writeMessage(1, writeDim, dim);
}

function writeDim(dim: number | string, out: PbfWriter): void {
  if (typeof dim === "number") out.writeVarintField(1, dim);
  else out.writeStringField(2, dim);
}
