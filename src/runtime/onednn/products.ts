// Matrix products and convolutions as steps of the library's primitives.
import type { Tensor } from "../../graph/tensor.ts";
import { Convolutions } from "./convolution.ts";
import type { Direction } from "./direction.ts";
import type { NameOf, NodeOf } from "./kinds.ts";
import { MatrixProducts } from "./matmul.ts";
import { ProductOperands } from "./operands.ts";
import type { Passes } from "./passes.ts";
import type { Reader } from "./reading.ts";
import type { StepList } from "./steps.ts";

const DIRECTIONS: Readonly<Record<Exclude<NameOf<"product">, "matmul">, Direction>> = {
  conv2d: "forward",
  conv2dTranspose: "data",
  conv2dWeightGrad: "weights",
};

/** Lowers the products of one plan. */
export class Products {
  private readonly matrices: MatrixProducts;
  private readonly convolutions: Convolutions;

  constructor(reader: Reader, list: StepList, passes: Passes) {
    const operands = new ProductOperands(list);
    this.matrices = new MatrixProducts(reader, list, operands);
    this.convolutions = new Convolutions(reader, list, passes, operands);
  }

  /** Adds the steps of a product; its result is stored through the activation, where there is one. */
  lower(node: NodeOf<"product">, activation: Tensor | undefined): void {
    const { name } = node.op;
    if (name === "matmul") this.matrices.lower(node, activation);
    else this.convolutions.lower(node, DIRECTIONS[name], activation);
  }
}
