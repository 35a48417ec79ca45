// The end of a training step: what optimizers and averages make of gradients, value by value. onnxruntime goes through memory once for
// each op of it, ten times for Adam; one WebAssembly kernel an array does so once, with the same operations in the same order.
import { sizeOf } from "../base/array.ts";
import { reshapeOp } from "../graph/ops/shape.ts";
import { simplify } from "../graph/simplify.ts";
import { isConstant, isInput, type Tensor, topological } from "../graph/tensor.ts";
import { FunctionBuilder } from "../wasm/assembler.ts";
import type { Instruction } from "../wasm/instructions.ts";

/** Ops that are rounded alike everywhere, so that results are those of onnxruntime to the bit. */
const OPS: Readonly<Record<string, Instruction>> = {
  add: "f32x4.add",
  sub: "f32x4.sub",
  mul: "f32x4.mul",
  div: "f32x4.div",
  sqrt: "f32x4.sqrt",
  square: "f32x4.mul",
};
/** Values of an array for which a kernel of its own is worth its call, and ops. */
const FEWEST_VALUES = 1024;
const FEWEST_OPS = 3;

/** What a kernel reads or writes at an address: an input, an output, or a value that the rest of the step makes, by name. */
export interface Operand {
  readonly name: string;
  readonly size: number;
}

/** A kernel: its function takes the addresses of its operands, read ones first, and how many bytes there are of each value. */
export interface TailKernel {
  readonly reads: readonly Operand[];
  readonly writes: readonly Operand[];
  readonly bytes: number;
  readonly code: FunctionBuilder;
}

/** A step divided: what comes first, with what the kernels read of it, and the kernels. */
export interface DividedStep {
  /** Outputs of the first part, by name: those of the step that no kernel writes, and `cuts`. */
  readonly rest: Readonly<Record<string, Tensor>>;
  /** Values that kernels read, by name. */
  readonly cuts: ReadonlyMap<string, Tensor>;
  readonly kernels: readonly TailKernel[];
}

/** Divides a step; `ends` are the outputs that kernels may write. Undefined where there is nothing for kernels. */
export function divide(outputs: Readonly<Record<string, Tensor>>, ends: ReadonlySet<string>): DividedStep | undefined {
  const names = Object.keys(outputs);
  const nodes = simplify(Object.values(outputs));
  const order = topological(nodes);
  const tail = tailOf(order, new Set(nodes.filter((_, i) => ends.has(names[i]!))), nodes);
  const cuts = new Map<string, Tensor>();
  const named = new Map<Tensor, string>();
  const nameOf = (value: Tensor): string => {
    if (isInput(value)) return value.attrs.name;
    let name = named.get(value);
    if (name === undefined) {
      name = `cut:${named.size}`;
      named.set(value, name);
      cuts.set(name, value);
    }
    return name;
  };
  const kernels: TailKernel[] = [];
  const written = new Set<string>();
  for (const group of groupsOf(order.filter((node) => tail.has(node)))) {
    if (group.length < FEWEST_OPS) continue;
    const own = names.flatMap((name, i) => (group.includes(nodes[i]!) ? [{ name, node: nodes[i]! }] : []));
    for (const { name } of own) written.add(name);
    kernels.push(kernelOf(group, own, nameOf));
  }
  const kept = names.flatMap((name, i) => (written.has(name) ? [] : [[name, nodes[i]!] as const]));
  const rest = Object.fromEntries([...kept, ...cuts]);
  // onnxruntime takes no empty graph.
  return kernels.length > 0 && Object.keys(rest).length > 0 ? { rest, cuts, kernels } : undefined;
}

/** The nodes that are computed value by value and serve nothing but `ends`. */
function tailOf(order: readonly Tensor[], ends: ReadonlySet<Tensor>, outputs: readonly Tensor[]): Set<Tensor> {
  const readers = new Map<Tensor, Tensor[]>();
  for (const node of order)
    for (const x of node.inputs) {
      const known = readers.get(x);
      if (known) known.push(node);
      else readers.set(x, [node]);
    }
  const others = new Set(outputs.filter((node) => !ends.has(node)));
  const tail = new Set<Tensor>();
  for (const node of [...order].reverse()) {
    const size = sizeOf(node.shape);
    if (!Object.hasOwn(OPS, node.op.name) || node.dtype !== "float32" || size < FEWEST_VALUES) continue;
    if (others.has(node)) continue;
    const fits = node.inputs.every((x) => sizeOf(x.shape) === 1 || (sizeOf(x.shape) === size && !isConstant(x)));
    const read = readers.get(node) ?? [];
    if (fits && (ends.has(node) || read.length > 0) && read.every((reader) => tail.has(reader))) tail.add(node);
  }
  return tail;
}

/** The nodes, in order, in groups that read nothing of each other. */
function groupsOf(tail: readonly Tensor[]): Tensor[][] {
  const groups = new Map<Tensor, Set<Tensor>>();
  for (const node of tail) {
    const group = new Set([node]);
    for (const x of node.inputs) for (const member of groups.get(x) ?? []) group.add(member);
    for (const member of group) groups.set(member, group);
  }
  return [...new Set(groups.values())].map((group) => tail.filter((node) => group.has(node)));
}

/** What holds a node's values in the same order: the operand of reshapes. */
function unshaped(node: Tensor): Tensor {
  let value = node;
  while (value.op === reshapeOp) value = value.inputs[0]!;
  return value;
}

function kernelOf(
  group: readonly Tensor[],
  ends: readonly { readonly name: string; readonly node: Tensor }[],
  nameOf: (value: Tensor) => string,
): TailKernel {
  const inside = new Set(group);
  const leaves = [...new Set(group.flatMap(({ inputs }) => inputs).filter((x) => !inside.has(x)))];
  const given = leaves.filter((x) => !isConstant(x));
  const f = new FunctionBuilder([...given, ...ends, 0].map(() => "i32" as const));
  const at = f.local("i32");
  const locals = new Map([...leaves, ...group].map((node) => [node, f.local("v128")]));
  const setTo = (node: Tensor) => f.set(locals.get(node)!);
  const isOne = (node: Tensor) => sizeOf(node.shape) === 1;
  for (const leaf of leaves)
    if (isConstant(leaf)) {
      f.floats(leaf.attrs.value.data[0]!);
      setTo(leaf);
    } else if (isOne(leaf)) {
      f.get(given.indexOf(leaf)).memory("v128.load32_splat");
      setTo(leaf);
    }
  // Regions of the heap are whole vectors.
  f.whileBelow(
    at,
    () => f.get(given.length + ends.length),
    () => {
      given.forEach((leaf, i) => {
        if (isOne(leaf)) return;
        f.get(i).get(at).op("i32.add").memory("v128.load");
        setTo(leaf);
      });
      for (const node of group) {
        for (const x of node.inputs) f.get(locals.get(x)!);
        if (node.op.name === "square") f.get(locals.get(node.inputs[0]!)!);
        f.op(OPS[node.op.name]!);
        setTo(node);
        ends.forEach((end, i) => {
          if (end.node === node)
            f.get(given.length + i)
              .get(at)
              .op("i32.add")
              .get(locals.get(node)!)
              .memory("v128.store");
        });
      }
      f.increase(at, 16);
    },
  );
  const operand = (name: string, { shape }: Tensor): Operand => ({ name, size: sizeOf(shape) });
  return {
    reads: given.map((leaf) => operand(nameOf(unshaped(leaf)), leaf)),
    writes: ends.map(({ name, node }) => operand(name, node)),
    bytes: 4 * sizeOf(group[0]!.shape),
    code: f,
  };
}
