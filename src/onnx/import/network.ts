// A network of an ONNX file: applied to pictures, it gives any of the file's values as a tensor of ours.
import { fail, unknownName } from "../../base/errors.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { Call, type Importer } from "./call.ts";
import { CONSTANTS } from "./constants.ts";
import { CONVOLUTION } from "./convolution.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { type FileNode, type OnnxFile, parseOnnx } from "./file.ts";
import { SAMPLING } from "./grid-sample.ts";
import { NORMALISATION } from "./normalisation.ts";
import { PADDING } from "./padding.ts";
import { PARTS } from "./parts.ts";
import { POOLING } from "./pooling.ts";
import { PRODUCTS } from "./products.ts";
import { REDUCTION } from "./reduction.ts";
import { RESIZING } from "./resize.ts";
import { SHAPES } from "./shapes.ts";
import { type ExternalData, readTensorValues } from "./tensors.ts";
import { asInFile, channelsLast, computed, fileOrder, type Value } from "./values.ts";
import { WeightStore, type Weights } from "./weights.ts";

/** What is made of each op of the standard domain. */
const IMPORTERS: Readonly<Record<string, Importer>> = {
  ...CONVOLUTION,
  ...POOLING,
  ...ELEMENTWISE,
  ...SHAPES,
  ...PARTS,
  ...PADDING,
  ...CONSTANTS,
  ...PRODUCTS,
  ...NORMALISATION,
  ...REDUCTION,
  ...RESIZING,
  ...SAMPLING,
};

/** `TensorProto.DataType.UINT8` */
const UINT8 = 2;

/** The oldest opset that is read: what came before has other attributes. */
const OLDEST_OPSET = 7;

/** The pictures that a file takes. */
export interface NetworkInput {
  readonly name: string;
  /** Whether the file has `[n, c, h, w]`; else `[n, h, w, c]`. */
  readonly channelsFirst: boolean;
  /** Pixels; undefined where any size is taken. */
  readonly height: number | undefined;
  readonly width: number | undefined;
  readonly channels: number;
  /** Pictures in a batch that the file was made for; undefined where it says none. */
  readonly batch: number | undefined;
  /** Whether it takes bytes of 0..255. */
  readonly isBytes: boolean;
}

/** A network as a file has it. */
export class Network {
  readonly input: NetworkInput;
  /** Values that the file gives, in its order. */
  readonly outputs: readonly string[];
  /** What the file says of itself. */
  readonly metadata: ReadonlyMap<string, string>;

  private constructor(
    private readonly file: OnnxFile,
    private readonly external: ExternalData | undefined,
  ) {
    this.input = inputOf(file);
    this.outputs = file.outputs.map(({ name }) => name);
    this.metadata = file.metadata;
  }

  /**
   * Reads the bytes of an `.onnx` file.
   * @param external bytes of the files beside it that hold weights, where it has such
   * @throws `E_ONNX` for bytes that are no model, or one that is not of pictures
   */
  static read(bytes: Uint8Array, external?: ExternalData): Network {
    return new Network(parseOnnx(bytes), external);
  }

  /** Nodes that the values `names` depend on, in the order of the file. */
  nodesOf(names: readonly string[]): readonly FileNode[] {
    const maker = new Map<string, FileNode>();
    for (const node of this.file.nodes) for (const output of node.outputs) if (output !== "") maker.set(output, node);
    const needed = new Set<FileNode>();
    const open = [...names];
    while (open.length > 0) {
      const node = maker.get(open.pop()!);
      if (!node || needed.has(node)) continue;
      needed.add(node);
      open.push(...node.inputs);
    }
    return this.file.nodes.filter((node) => needed.has(node));
  }

  /** Whether weights lie in files beside it. */
  get hasFilesBeside(): boolean {
    return [...this.file.initializers.values()].some(({ isExternal }) => isExternal);
  }

  /** The name of the value that a node gives, or of a value: what `@` names. @throws `E_NAME` */
  valueNamed(name: string): string {
    const node = this.file.nodes.find((node) => node.name === name || node.outputs.includes(name));
    if (!node)
      unknownName(
        "node",
        name,
        this.file.nodes.map((node) => node.name || node.outputs[0]!),
      );
    return node.outputs.includes(name) ? name : node.outputs[0]!;
  }

  /**
   * Values of the file's graph for a batch of pictures.
   * @param pictures `[n, h, w, c]`, float32 of the values that the file takes
   * @param weights where the file's weights become tensors
   * @param names of values that are wanted
   * @param see is shown each value on the way by its name, with the node that made it
   * @throws `E_ONNX` naming the node that cannot be taken and why
   */
  apply(
    pictures: Tensor,
    weights: Weights,
    names: readonly string[],
    see: (name: string, value: Value, node: FileNode) => void = () => {},
  ): Value[] {
    const { file, input } = this;
    const [n, h, w, c] = pictures.shape;
    if (c !== input.channels || (input.height ?? h) !== h || (input.width ?? w) !== w)
      fail(
        "E_ONNX",
        `the network takes pictures of ${input.height ?? "any height"} x ${input.width ?? "any width"} with ${input.channels} channels, not of ${h}x${w} with ${c}`,
      );
    const store = new WeightStore(weights);
    const batch = { size: n!, inFile: input.batch };
    const order = input.channelsFirst ? channelsLast(4) : fileOrder(4);
    const known = new Map<string, Value>();
    known.set(input.name, computed(pictures, order, { learned: false, level: 0 }));
    const find = (name: string): Value | undefined => {
      const value = known.get(name);
      const tensor = value ? undefined : file.initializers.get(name);
      if (!tensor) return value;
      const read = readTensorValues(tensor, this.external);
      known.set(name, read);
      return read;
    };
    for (const node of this.nodesOf(names)) {
      const operands = node.inputs.map((name) => (name === "" ? undefined : find(name)));
      const call = new Call(node, file.opset, operands, store, batch, this.external);
      const missing = node.inputs.find((name, i) => name !== "" && operands[i] === undefined);
      if (missing !== undefined) call.refuse(`it reads "${missing}", which nothing before it makes`);
      const made = valuesOf(call, node);
      for (const [i, value] of made.entries()) {
        const name = node.outputs[i];
        if (name === undefined) break;
        call.requireSize(value.kind === "computed" ? value.shape.slice(1) : value.shape);
        known.set(name, value);
        see(name, value, node);
      }
    }
    return names.map((name) => find(name) ?? fail("E_ONNX", `nothing in the file makes "${name}"`));
  }

  /** The file's outputs for a batch of pictures, as it has them. @throws `E_ONNX` */
  run(pictures: Tensor, weights: Weights): Tensor[] {
    return this.apply(pictures, weights, this.outputs).map((value, i) =>
      value.kind === "computed"
        ? asInFile(value)
        : fail("E_ONNX", `the output "${this.outputs[i]}" does not depend on the pictures`),
    );
  }
}

function valuesOf(call: Call, node: FileNode): readonly Value[] {
  const standard = node.domain === "" || node.domain === "ai.onnx";
  const importer = standard && Object.hasOwn(IMPORTERS, node.op) ? IMPORTERS[node.op] : undefined;
  if (!importer) call.refuse("this op is not among those that can be taken");
  const made = call.checked(() => importer(call));
  return Array.isArray(made) ? made : [made as Value];
}

/** The one input of pictures. @throws `E_ONNX` */
function inputOf({ inputs, initializers, opset }: OnnxFile): NetworkInput {
  if (opset < OLDEST_OPSET)
    fail("E_ONNX", `the network is written in opset ${opset}; opsets from ${OLDEST_OPSET} on can be read. Convert it`);
  const free = inputs.filter(({ name }) => !initializers.has(name));
  const text = free.map(({ name, dims = [] }) => `"${name}" [${dims.join(", ")}]`).join(", ") || "nothing";
  const [input] = free;
  const { dims } = input ?? {};
  if (free.length !== 1 || !input || dims?.length !== 4)
    fail("E_ONNX", `the network takes ${text}; expected one input of pictures, [n, c, h, w]`);
  const isChannels = (dim: number | string | undefined): dim is number => dim === 1 || dim === 3;
  const channelsFirst = isChannels(dims[1]);
  const channels = channelsFirst ? dims[1] : dims[3];
  if (!isChannels(channels))
    fail("E_ONNX", `the network takes ${text}; expected pictures of 1 or 3 channels, [n, c, h, w] or [n, h, w, c]`);
  const fixed = (dim: number | string | undefined) => (typeof dim === "number" && dim > 0 ? dim : undefined);
  const [height, width] = channelsFirst ? [dims[2], dims[3]] : [dims[1], dims[2]];
  return {
    name: input.name,
    channelsFirst,
    height: fixed(height),
    width: fixed(width),
    channels: channels as number,
    batch: fixed(dims[0]),
    isBytes: input.type === UINT8,
  };
}
