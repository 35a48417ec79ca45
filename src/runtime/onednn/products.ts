// Matrix products and convolutions as steps: oneDNN's primitives, each thread with one of its own on its share.
import { type Shape, sizeOf, stridesOf } from "../../base/array.ts";
import type { Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { postOperation } from "./activations.ts";
import { ARG, type Desc, type ElementType, type Geometry, QUERY } from "./api.ts";
import type { NameOf, NodeOf } from "./kinds.ts";
import type { Passes } from "./passes.ts";
import { MOST_PARTS } from "./protocol.ts";
import { found, type Reader } from "./reading.ts";
import type { Argument, Extent, StepList, Value } from "./steps.ts";
import { stridesOver } from "./view.ts";

/** Values of the second matrix from which it, not the first, is shared out: beyond a core's own cache. */
const LARGE_MATRIX = 2 ** 19;
/** Rows or columns of a matrix in a share are a multiple of this: a vector. */
const MATRIX_GRAIN = 16;
const BYTES = { f32: 4, bf16: 2 } as const;
/** Multiply-adds in a part of a convolution: a quarter of a millisecond of one core, at which a late thread can be helped. */
const PART_WORK = 2 ** 24;
/** Multiply-adds from which a product in bfloat16 saves more than rounding its operands costs. */
const WORTH_ROUNDING = 2 ** 20;

/** What is computed of a convolution: its result, or the adjoint of its picture or of its weights. */
type Direction = "forward" | "data" | "weights";

const CONVOLUTIONS: Readonly<Record<Exclude<NameOf<"product">, "matmul">, Direction>> = {
  conv2d: "forward",
  conv2dTranspose: "data",
  conv2dWeightGrad: "weights",
};

/** What was made of a weights gradient from a part of the pictures. */
interface Part {
  readonly value: Value;
  readonly desc: Desc;
}

export class Products {
  /** Reordered copies of weights, by where they come from. */
  private readonly reordered = new Map<string, { desc: Desc; value: Value }[]>();

  constructor(
    private readonly reader: Reader,
    private readonly list: StepList,
    private readonly passes: Passes,
  ) {}

  /** The product, and the activation that it is stored through. */
  lower(node: NodeOf<"product">, activation: Tensor | undefined): void {
    const { name } = node.op;
    if (name === "matmul") this.matmul(node, activation);
    else this.convolution(node, CONVOLUTIONS[name], activation);
  }

  private desc(dims: readonly number[], strides: readonly number[] | "any", type: ElementType = "f32"): Desc {
    const { onednn, holder } = this.list.resources;
    return onednn.desc(holder, dims, type, strides);
  }

  /** In which type operands are multiplied; sums and results are float32 always. */
  private typeFor(work: number): ElementType {
    return this.list.resources.precision === "bf16" && work >= WORTH_ROUNDING ? "bf16" : "f32";
  }

  private readonly rounded = new Map<Value, Value>();

  /** The values as bfloat16, rounded once for all products that read them. */
  private as(type: ElementType, value: Value): Value {
    if (type === "f32") return value;
    const known = this.rounded.get(value);
    if (known) return known;
    const { onednn, holder } = this.list.resources;
    const count = value.bytes / BYTES.f32;
    const made = this.list.make(count * BYTES.bf16);
    const shares = this.list.split(
      count,
      MATRIX_GRAIN,
      (units) => {
        const [from, to] = [this.desc([units], [1]), this.desc([units], [1], "bf16")];
        return { from, to, operation: onednn.reorder(holder, from, to) };
      },
      (descs, begin) => ({
        operation: descs.operation,
        args: [
          [ARG.src, value, descs.from, BYTES.f32 * begin],
          [ARG.dst, made, descs.to, BYTES.bf16 * begin],
        ],
      }),
    );
    this.list.native("round", shares, [made]);
    this.rounded.set(value, made);
    return made;
  }

  private matmul(node: NodeOf<"product">, activation: Tensor | undefined): void {
    const { onednn, holder } = this.list.resources;
    const operands = found(this.reader.nativeOperands(node));
    const into = this.list.value(activation ?? node);
    const rank = node.shape.length;
    const describe = (i: number, transposed: boolean): Matrix => {
      const { shape } = node.inputs[i]!;
      const strides = stridesOver(operands[i]!.view, shape)!;
      const dims = [...shape];
      if (transposed) for (const list of [dims, strides]) swapLast(list);
      // Leading axes that the result has and the operand lacks.
      while (dims.length < rank) {
        dims.unshift(1);
        strides.unshift(0);
      }
      return { dims, strides: plainStrides(dims, strides) };
    };
    const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
    const [a, b] = [describe(0, transposeA), describe(1, transposeB)];
    const result = { dims: [...node.shape], strides: stridesOf(node.shape) };
    const biasDims = node.shape.map((size, axis) => (axis === rank - 1 ? size : 1));
    const biasMatrix = { dims: biasDims, strides: stridesOf(biasDims) };
    const [rows, inner, columns] = [node.shape[rank - 2]!, a.dims[rank - 1]!, node.shape[rank - 1]!];
    // Each thread reads all of the other matrix, so the larger one is shared out.
    const byColumns = (inner * columns >= LARGE_MATRIX && columns >= MATRIX_GRAIN) || rows < MATRIX_GRAIN;
    const batched = rank > 2 && node.shape[0]! > 1;
    const axis = batched ? 0 : byColumns ? rank - 1 : rank - 2;
    const type = this.typeFor(sizeOf(node.shape) * inner);
    const limited = ({ dims, strides }: Matrix, units: number, own: ElementType = "f32"): Desc =>
      this.desc(
        dims.map((size, i) => (i === axis && size > 1 ? units : size)),
        strides,
        own,
      );
    const post = activation && postOperation(activation);
    // The axis of the result is the rows of the first matrix, or the columns of the second, or the batch of both.
    const cutsA = axis !== rank - 1;
    const cutsB = axis !== rank - 2;
    const skip = ({ dims, strides }: Matrix, from: number, own: ElementType = "f32") =>
      dims[axis]! > 1 ? BYTES[own] * from * strides[axis]! : 0;
    const values = operands.map(({ base }, i) => this.as(i < 2 ? type : "f32", this.list.value(base)));
    const begin = operands.map(({ view }, i) => BYTES[i < 2 ? type : "f32"] * view.offset);
    const shares = this.list.split(
      node.shape[axis]!,
      batched ? 1 : MATRIX_GRAIN,
      (units) => {
        const src = cutsA ? limited(a, units, type) : this.desc(a.dims, a.strides, type);
        const weights = cutsB ? limited(b, units, type) : this.desc(b.dims, b.strides, type);
        const dst = limited(result, units);
        const bias = operands[2] && limited(biasMatrix, units);
        return { src, weights, dst, bias, operation: onednn.matmul(holder, src, weights, bias, dst, post) };
      },
      ({ src, weights, dst, bias, operation }, from) => {
        const args: Argument[] = [
          [ARG.src, values[0]!, src, begin[0]! + (cutsA ? skip(a, from, type) : 0)],
          [ARG.weights, values[1]!, weights, begin[1]! + (cutsB ? skip(b, from, type) : 0)],
          [ARG.dst, into, dst, skip(result, from)],
        ];
        if (bias) args.push([ARG.bias, values[2]!, bias, begin[2]! + skip(biasMatrix, from)]);
        return { operation, args };
      },
    );
    this.list.native(`matmul [${a.dims}] [${b.dims}]`, shares, [into]);
  }

  private convolution(node: NodeOf<"product">, direction: Direction, activation: Tensor | undefined): void {
    const { onednn, holder, threads } = this.list.resources;
    const operands = found(this.reader.nativeOperands(node));
    const into = this.list.value(activation ?? node);
    const forward = direction === "forward";
    const weightGrad = direction === "weights";
    const [x, second] = node.inputs as [Tensor, Tensor];
    // In the forward sense: picture, weights, result.
    const image = forward || weightGrad ? x.shape : node.shape;
    const weightsShape = weightGrad ? node.shape : second.shape;
    const result = forward ? node.shape : weightGrad ? second.shape : x.shape;
    const [kh, kw, c, o] = weightsShape as readonly number[] as [number, number, number, number];
    const weightDims = [o, c, kh, kw];
    const work = sizeOf(result) * kh * kw * c;
    const type = this.typeFor(work);
    const parts = threads * Math.max(1, Math.min(MOST_PARTS, Math.floor(work / PART_WORK / threads)));
    // Pictures, and the other pictures or else the bias; weights are reordered and rounded in one.
    const values = operands.map(({ base }, i) =>
      this.as(i === 0 || (weightGrad && i === 1) ? type : "f32", this.list.value(base)),
    );
    // What is computed is float32, whichever of the three it is.
    const types = { image: forward || weightGrad ? type : "f32", result: forward ? "f32" : type } as const;
    const any = this.desc(weightDims, "any", type);
    const geometry = geometryOf(node.attrs.window as Window);
    const bias = forward && operands[2] ? this.desc([o], [1]) : undefined;
    const post = activation && postOperation(activation);
    const label = `${node.op.name} [${image}] ${kh}x${kw} -> ${o}`;
    const skips = (from: number): [number, number] => [
      BYTES[types.image] * from * sizeOf(image.slice(1)),
      BYTES[types.result] * from * sizeOf(result.slice(1)),
    ];
    const describe = (images: number) => {
      const [src, dst] = [this.image(images, image, types.image), this.image(images, result, types.result)];
      // A forward convolution is also what the adjoints are described by; its operands are then those of one type.
      const inputs = forward || weightGrad ? src : this.image(images, image, type);
      const operation = onednn.convolution(holder, { src: inputs, weights: any, dst }, bias, geometry, post);
      return { src, weights: any, dst, operation };
    };
    if (weightGrad) {
      const plain = this.desc(weightDims, [1, o, kw * c * o, c * o]);
      const gradients: Part[] = [];
      const shares = this.list.split(
        image[0]!,
        1,
        (images) => {
          const { operation: hint, ...descs } = describe(images);
          const gradient = { ...descs, weights: this.desc(weightDims, "any") };
          const operation = onednn.convolutionWeights(holder, gradient, geometry, hint);
          return { ...descs, operation, chosen: onednn.query(operation, QUERY.diffWeights) };
        },
        ({ src, dst, operation, chosen }, from, images) => {
          const [skipSrc, skipDst] = skips(from);
          const [endSrc, endDst] = skips(from + images);
          const direct = images === image[0] && onednn.equal(chosen, plain);
          const value = direct ? into : this.list.make(onednn.bytes(chosen));
          gradients.push({ value, desc: chosen });
          const args: Argument[] = [
            [ARG.src, values[0]!, src, skipSrc],
            [ARG.diffDst, values[1]!, dst, skipDst],
            [ARG.diffWeights, value, chosen],
          ];
          // Slices of channels are read again and again, from memory the first time.
          const fetch: Extent[] = [
            [values[0]!, skipSrc, endSrc],
            [values[1]!, skipDst, endDst],
          ];
          return { operation, args, fetch };
        },
        parts,
      );
      this.list.native(
        label,
        shares,
        gradients.map(({ value }) => value),
      );
      this.gatherWeights(gradients, into, plain);
      return;
    }
    const strides = stridesOver(operands[1]!.view, weightsShape)!;
    const skip = BYTES.f32 * operands[1]!.view.offset;
    const own = plainStrides(weightsShape, strides);
    const given = this.desc(weightDims, [own[3]!, own[2]!, own[0]!, own[1]!]);
    const shares = this.list.split(
      image[0]!,
      1,
      (images) => {
        const { operation: hint, ...descs } = describe(images);
        const operation = forward ? hint : onednn.convolutionData(holder, descs, geometry, hint);
        const chosen = onednn.query(operation, QUERY.weights);
        const weights = this.weightsAs(values[1]!, given, skip, `${skip} ${strides}`, chosen);
        return { ...descs, operation, chosen, weights };
      },
      ({ src, dst, operation, chosen, weights }, from) => {
        const [skipSrc, skipDst] = skips(from);
        const args: Argument[] = [[ARG.weights, weights, chosen]];
        if (forward) args.push([ARG.src, values[0]!, src, skipSrc], [ARG.dst, into, dst, skipDst]);
        else args.push([ARG.diffDst, values[0]!, dst, skipDst], [ARG.diffSrc, into, src, skipSrc]);
        if (bias) args.push([ARG.bias, values[2]!, bias]);
        return { operation, args };
      },
      parts,
    );
    this.list.native(label, shares, [into]);
  }

  /** Adds the parts of a weights gradient, and puts the sum in the order of the graph. */
  private gatherWeights(parts: readonly Part[], into: Value, plain: Desc): void {
    const { onednn } = this.list.resources;
    const [first] = parts as [Part];
    if (parts.some(({ desc }) => !onednn.equal(desc, first.desc))) {
      // Parts of several sizes may have chosen several layouts.
      const ordered = parts.map(({ value, desc }) => {
        const made = this.list.make(into.bytes);
        this.reorder(value, desc, made, plain);
        return made;
      });
      this.passes.addAll(ordered, into);
      return;
    }
    const isPlain = onednn.equal(first.desc, plain);
    if (parts.length > 1)
      this.passes.addAll(
        parts.map(({ value }) => value),
        isPlain ? into : first.value,
      );
    else if (isPlain && first.value !== into) this.reorder(first.value, first.desc, into, plain);
    if (!isPlain) this.reorder(first.value, first.desc, into, plain);
  }

  /** Pictures `[n, h, w, c]` as the library names the axes. Measured: channels last is as fast as its own layouts. */
  private image(n: number, shape: Shape, type: ElementType): Desc {
    const [, h, w, c] = shape as readonly number[] as [number, number, number, number];
    return this.desc([n, c, h, w], [h * w * c, 1, w * c, c], type);
  }

  /** Weights in the layout that an operation chose; made once for all operations that chose the same. */
  private weightsAs(value: Value, given: Desc, skip: number, key: string, chosen: Desc): Value {
    const { onednn } = this.list.resources;
    if (skip === 0 && onednn.equal(given, chosen)) return value;
    const id = `${value.slot} ${key}`;
    const list = this.reordered.get(id) ?? [];
    this.reordered.set(id, list);
    const found = list.find(({ desc }) => onednn.equal(desc, chosen));
    if (found) return found.value;
    const made = this.list.make(onednn.bytes(chosen));
    this.reorder(value, given, made, chosen, skip);
    list.push({ desc: chosen, value: made });
    return made;
  }

  private reorder(from: Value, fromDesc: Desc, to: Value, toDesc: Desc, skip = 0): void {
    const { onednn, holder } = this.list.resources;
    const operation = onednn.reorder(holder, fromDesc, toDesc);
    const args: Argument[] = [
      [ARG.src, from, fromDesc, skip],
      [ARG.dst, to, toDesc],
    ];
    this.list.native("reorder", [{ operation, args }], [to]);
  }
}

interface Matrix {
  readonly dims: number[];
  readonly strides: number[];
}

function geometryOf({ stride, dilation, padding }: Window): Geometry {
  return {
    strides: stride,
    dilates: dilation.map((d) => d - 1),
    before: padding.slice(0, 2),
    after: padding.slice(2),
  };
}

/** Strides in which axes of size 1, whose stride does not matter, fit the others. */
function plainStrides(dims: readonly number[], strides: readonly number[]): number[] {
  const own = [...strides];
  let span = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (dims[axis] === 1) own[axis] = span;
    span = Math.max(span, dims[axis]! * own[axis]!);
  }
  return own;
}

function swapLast(list: number[]): void {
  const last = list.length - 1;
  [list[last - 1], list[last]] = [list[last]!, list[last - 1]!];
}
