// What the library's products read: values in the type and the layout that a primitive wants, made once for all that want the
// same.
import type { Desc } from "./api.ts";
import { ARG, type ElementType } from "./c-values.ts";
import type { Argument, StepList, Value } from "./steps.ts";

/** Bytes of an element. */
export const BYTES = { f32: 4, bf16: 2 } as const satisfies Readonly<Record<ElementType, number>>;
/** Rows or columns of a matrix in a share are a multiple of this: a vector. */
export const MATRIX_GRAIN = 16;
/** Multiply-adds from which a product in bfloat16 saves more than rounding its operands costs. */
const WORTH_ROUNDING = 2 ** 20;

/** Operands of the products of one plan. */
export class ProductOperands {
  /** Values rounded to bfloat16, by what they were rounded from. */
  private readonly rounded = new Map<Value, Value>();
  /** Reordered copies of weights, by where they come from. */
  private readonly reordered = new Map<string, { desc: Desc; value: Value }[]>();

  constructor(private readonly list: StepList) {}

  /** How values of these sizes lie; `strides` in elements, or the layout that an operation likes best. */
  desc(dims: readonly number[], strides: readonly number[] | "any", type: ElementType = "f32"): Desc {
    const { onednn, holder } = this.list.resources;
    return onednn.desc(holder, dims, type, strides);
  }

  /** In which type operands are multiplied; sums and results are float32 always. */
  typeFor(work: number): ElementType {
    return this.list.resources.precision === "bf16" && work >= WORTH_ROUNDING ? "bf16" : "f32";
  }

  /** The values as bfloat16, rounded once for all products that read them. */
  as(type: ElementType, value: Value): Value {
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

  /** Weights in the layout that an operation chose; made once for all operations that chose the same. */
  weightsAs(value: Value, given: Desc, skip: number, key: string, chosen: Desc): Value {
    const { onednn } = this.list.resources;
    if (skip === 0 && onednn.equal(given, chosen)) return value;
    const id = `${value.slot} ${key}`;
    const list = this.reordered.get(id) ?? [];
    this.reordered.set(id, list);
    const same = list.find(({ desc }) => onednn.equal(desc, chosen));
    if (same) return same.value;
    const made = this.list.make(onednn.bytes(chosen));
    this.reorder(value, given, made, chosen, skip);
    list.push({ desc: chosen, value: made });
    return made;
  }

  /** Copies `from`, which begins `skip` bytes into its value, to another layout. */
  reorder(from: Value, fromDesc: Desc, to: Value, toDesc: Desc, skip = 0): void {
    const { onednn, holder } = this.list.resources;
    const operation = onednn.reorder(holder, fromDesc, toDesc);
    const args: Argument[] = [
      [ARG.src, from, fromDesc, skip],
      [ARG.dst, to, toDesc],
    ];
    this.list.native("reorder", [{ operation, args }], [to]);
  }
}

/** Strides in which axes of size 1, whose stride does not matter, fit the others. */
export function plainStrides(dims: readonly number[], strides: readonly number[]): number[] {
  const own = [...strides];
  let span = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (dims[axis] === 1) own[axis] = span;
    span = Math.max(span, dims[axis]! * own[axis]!);
  }
  return own;
}
