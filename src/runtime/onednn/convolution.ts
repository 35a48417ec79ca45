// Convolutions and their adjoints as steps: oneDNN's primitives, each thread on its share of the pictures.
import { type Shape, sizeOf } from "../../base/array.ts";
import type { Window } from "../../graph/ops/window.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { postOperation } from "./activations.ts";
import type { Desc, Geometry } from "./api.ts";
import { ARG, type ElementType, QUERY } from "./c-values.ts";
import type { Direction } from "./direction.ts";
import type { NodeOf } from "./kinds.ts";
import type { Address } from "./library.ts";
import { BYTES, type ProductOperands, plainStrides } from "./operands.ts";
import type { Passes } from "./passes.ts";
import { partsOf } from "./protocol.ts";
import type { Reader } from "./reading.ts";
import type { Argument, Extent, StepList, Value } from "./steps.ts";
import { found } from "./terms.ts";
import { stridesOver, type View } from "./view.ts";
import { Winograd } from "./winograd.ts";

/** Multiply-adds in a part of a convolution: a quarter of a millisecond of one core, at which a late thread can be helped. */
const PART_WORK = 2 ** 24;

/** What was made of a weights gradient from a part of the pictures. */
interface Part {
  readonly value: Value;
  readonly desc: Desc;
}

/** A convolution, in the forward sense whatever is computed of it. */
interface Convolution {
  /** For messages. */
  readonly label: string;
  /** How many parts the pictures are cut into. */
  readonly parts: number;
  readonly geometry: Geometry;
  /** How many pictures there are. */
  readonly images: number;
  /** `[kh, kw, c / groups, o]` */
  readonly weightsShape: Shape;
  /** `[o, c, kh, kw]`, as the library names the axes; in groups `[groups, o / groups, c / groups, kh, kw]`. */
  readonly weightDims: readonly number[];
  readonly groups: number;
  /** How the second operand lies. */
  readonly weights: View;
  /** The operands, rounded where they are multiplied in bfloat16. */
  readonly values: readonly Value[];
  readonly bias: Desc | undefined;
  readonly into: Value;
  /** Bytes of so many pictures, and of their results. */
  skips(images: number): [picture: number, result: number];
  /** The forward operation on so many pictures. */
  describe(images: number): { src: Desc; weights: Desc; dst: Desc; operation: Address };
}

/** Lowers convolutions. */
export class Convolutions {
  private readonly winograd: Winograd;

  constructor(
    private readonly reader: Reader,
    private readonly list: StepList,
    private readonly passes: Passes,
    private readonly operands: ProductOperands,
  ) {
    this.winograd = new Winograd(reader, list, operands);
  }

  /** Adds the steps of what `direction` says of a convolution, stored through the activation where there is one. */
  lower(node: NodeOf<"product">, direction: Direction, activation: Tensor | undefined): void {
    if (this.winograd.lower(node, direction, activation)) return;
    const convolution = this.describe(node, direction, activation);
    if (direction === "weights") this.weightGrad(convolution);
    else this.pictures(convolution, direction === "forward");
  }

  private describe(node: NodeOf<"product">, direction: Direction, activation: Tensor | undefined): Convolution {
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
    const groups = (node.attrs.groups as number | undefined) ?? 1;
    const weightDims = groups === 1 ? [o, c, kh, kw] : [groups, o / groups, c, kh, kw];
    const work = sizeOf(result) * kh * kw * c;
    const type = this.operands.typeFor(work);
    const parts = partsOf(work, PART_WORK, threads);
    // Pictures, and the other pictures or else the bias; weights are reordered and rounded in one.
    const values = operands.map(({ base }, i) =>
      this.operands.as(i === 0 || (weightGrad && i === 1) ? type : "f32", this.list.value(base)),
    );
    // What is computed is float32, whichever of the three it is.
    const types = { image: forward || weightGrad ? type : "f32", result: forward ? "f32" : type } as const;
    const chosenLayout = this.operands.desc(weightDims, "any", type);
    const geometry = geometryOf(node.attrs.window as Window);
    const bias = forward && operands[2] ? this.operands.desc([o], [1]) : undefined;
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
      const operation = onednn.convolution(holder, { src: inputs, weights: chosenLayout, dst }, bias, geometry, post);
      return { src, weights: chosenLayout, dst, operation };
    };
    return {
      label,
      parts,
      geometry,
      images: image[0]!,
      weightsShape,
      weightDims,
      groups,
      weights: operands[1]!.view,
      values,
      bias,
      into,
      skips,
      describe,
    };
  }

  /** The adjoint of the weights: each part of the pictures makes one, and they are added. */
  private weightGrad({
    label,
    parts,
    geometry,
    images: all,
    weightsShape,
    weightDims,
    groups,
    values,
    into,
    skips,
    describe,
  }: Convolution): void {
    const { onednn, holder } = this.list.resources;
    const [, kw, c, o] = weightsShape as readonly number[] as [number, number, number, number];
    const plain = this.operands.desc(weightDims, weightStrides([kw * c * o, c * o, o, 1], o, groups));
    const gradients: Part[] = [];
    const shares = this.list.split(
      all,
      1,
      (images) => {
        const { operation: hint, ...descs } = describe(images);
        const gradient = { ...descs, weights: this.operands.desc(weightDims, "any") };
        const operation = onednn.convolutionWeights(holder, gradient, geometry, hint);
        return { ...descs, operation, chosen: onednn.query(operation, QUERY.diffWeights) };
      },
      ({ src, dst, operation, chosen }, from, images) => {
        const [skipSrc, skipDst] = skips(from);
        const [endSrc, endDst] = skips(from + images);
        const direct = images === all && onednn.equal(chosen, plain);
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
  }

  /** The result, or the adjoint of the pictures. */
  private pictures(
    {
      label,
      parts,
      geometry,
      images: all,
      weightsShape,
      weightDims,
      groups,
      weights: view,
      values,
      bias,
      into,
      skips,
      describe,
    }: Convolution,
    forward: boolean,
  ): void {
    const { onednn, holder } = this.list.resources;
    const strides = stridesOver(view, weightsShape)!;
    const skip = BYTES.f32 * view.offset;
    const own = plainStrides(weightsShape, strides);
    const given = this.operands.desc(weightDims, weightStrides(own, weightsShape[3]!, groups));
    const shares = this.list.split(
      all,
      1,
      (images) => {
        const { operation: hint, ...descs } = describe(images);
        const operation = forward ? hint : onednn.convolutionData(holder, descs, geometry, hint);
        const chosen = onednn.query(operation, QUERY.weights);
        const weights = this.operands.weightsAs(values[1]!, given, skip, `${skip} ${strides}`, chosen);
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
        this.operands.reorder(value, desc, made, plain);
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
    else if (isPlain && first.value !== into) this.operands.reorder(first.value, first.desc, into, plain);
    if (!isPlain) this.operands.reorder(first.value, first.desc, into, plain);
  }

  /** Pictures `[n, h, w, c]` as the library names the axes. Measured: channels last is as fast as its own layouts. */
  private image(n: number, shape: Shape, type: ElementType): Desc {
    const [, h, w, c] = shape as readonly number[] as [number, number, number, number];
    return this.operands.desc([n, c, h, w], [h * w * c, 1, w * c, c], type);
  }
}

/** Strides of weights as the library names the axes, from those of `[kh, kw, c / groups, o]`. */
function weightStrides([kh, kw, c, o]: readonly number[], outputs: number, groups: number): number[] {
  const each = [o!, c!, kh!, kw!];
  return groups === 1 ? each : [o! * (outputs / groups), ...each];
}

function geometryOf({ stride, dilation, padding }: Window): Geometry {
  return {
    strides: stride,
    dilates: dilation.map((d) => d - 1),
    before: padding.slice(0, 2),
    after: padding.slice(2),
  };
}
