// oneDNN as this backend uses it, the same for both generations: descriptions of memory, of operations, and what is made
// of them. Everything made belongs to a `Holder`, which destroys it.

import { fail } from "../../base/errors.ts";
import { koffi } from "../foreign.ts";
import { type ElementType, statusText, TYPE } from "./c-values.ts";
import type { Address, Foreign, Library } from "./library.ts";

/** A memory description: the library's own (generation 3, or queried), or a structure of ours (generation 2). */
export type Desc = Address | Uint8Array;

const QUERY_IMPLEMENTATION = 8;
const CPU = 1;
const IN_ORDER = 1;
const FORWARD_TRAINING = 64;
const CONVOLUTION_DIRECT = 1;
const FORMAT_ANY = 1;
const SCRATCHPAD_USER = 1;
/** More than any structure of generation 2 takes (696 and some 4000 bytes). */
const DESC_BYTES = 1024;
const OPERATION_BYTES = 8192;
/** `dnnl_alg_kind_t` of the elementwise operations, in generation 2 and 3. */
const ELEMENTWISE = { relu: [0x1f, 0x20], tanh: [0x2f, 0x21], logistic: [0xaf, 0x29] } as const;

/** An elementwise operation on a result, on its way to memory. */
export interface Elementwise {
  readonly kind: keyof typeof ELEMENTWISE;
  readonly alpha: number;
}

/** What is done to a result on its way to memory; `sum`: it is added to what is there. */
export type PostOperation = Elementwise | { readonly kind: "sum" };

/** How a convolution slides: `[height, width]` each; `dilates` counts from 0, `before` and `after` are pixels of padding. */
export interface Geometry {
  readonly strides: readonly number[];
  readonly dilates: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** How the three arrays of a convolution lie. */
export interface ConvolutionDescs {
  /** In the forward sense, whatever is computed. */
  readonly src: Desc;
  readonly weights: Desc;
  readonly dst: Desc;
}

const int64 = (values: readonly number[]) => BigInt64Array.from(values, BigInt);

/** Destroys what it holds, last made first. */
export class Holder {
  private readonly destroyers: (() => void)[] = [];
  /** Notes how to destroy something that was made. */
  add(destroy: () => void): void {
    this.destroyers.push(destroy);
  }
  /** Destroys all of it. */
  release(): void {
    for (const destroy of this.destroyers.splice(0).reverse()) destroy();
  }
}

/** The functions of a loaded library. All of them throw `E_BACKEND` when it refuses. */
export class Onednn {
  readonly engine: Address;
  readonly stream: Address;

  constructor(readonly library: Library) {
    this.engine = this.make("an engine", library.common.engine_create, CPU, 0);
    this.stream = this.make("a stream", library.common.stream_create, this.engine, IN_ORDER);
  }

  private check(what: string, status: number): void {
    if (status !== 0)
      fail("E_BACKEND", `internal: oneDNN ${this.library.version} did not make ${what}: ${statusText(status)}`);
  }

  // biome-ignore lint/suspicious/noExplicitAny: C values.
  private make(what: string, create: Foreign, ...args: any[]): Address {
    const out: [Address | null] = [null];
    this.check(what, create(out, ...args));
    return out[0]!;
  }

  // ------------------------------------------------------------------------------------------ memory

  /** `strides` in elements, or `any`: the layout that an operation likes best. */
  desc(holder: Holder, dims: readonly number[], type: ElementType, strides: readonly number[] | "any"): Desc {
    const what = `a description of [${dims}]`;
    const { second, third } = this.library;
    const free = strides === "any";
    const layout = free ? FORMAT_ANY : int64(strides);
    if (second) {
      const desc = new Uint8Array(DESC_BYTES);
      const init = free ? second.memory_desc_init_by_tag : second.memory_desc_init_by_strides;
      this.check(what, init(desc, dims.length, int64(dims), TYPE[type], layout));
      return desc;
    }
    const create = free ? third!.memory_desc_create_with_tag : third!.memory_desc_create_with_strides;
    const desc = this.make(what, create, dims.length, int64(dims), TYPE[type], layout);
    holder.add(() => third!.memory_desc_destroy(desc));
    return desc;
  }

  /** How many bytes memory of this description takes. */
  bytes(desc: Desc): number {
    return Number(this.library.common.memory_desc_get_size(desc));
  }

  /** Whether two descriptions are of the same sizes, type and layout. */
  equal(a: Desc, b: Desc): boolean {
    return this.library.common.memory_desc_equal(a, b) !== 0;
  }

  /** Memory without a place; see `place`. */
  memory(holder: Holder, desc: Desc): Address {
    const { common } = this.library;
    const memory = this.make("a memory", common.memory_create, desc, this.engine, null);
    holder.add(() => common.memory_destroy(memory));
    return memory;
  }

  /** Says where the values of a memory lie. */
  place(memory: Address, address: Address): void {
    this.check("a place for a memory", this.library.common.memory_set_data_handle(memory, address));
  }

  // ------------------------------------------------------------------------------------------ operations

  /** A product of matrices `[…, m, k]` and `[…, k, n]`, with a bias that is described as broad as the result. */
  matmul(holder: Holder, src: Desc, weights: Desc, bias: Desc | undefined, dst: Desc, post?: PostOperation): Address {
    const { second, third } = this.library;
    const makers = [second?.matmul_desc_init, third?.matmul_primitive_desc_create] as const;
    return this.computation(holder, "a matrix product", makers, [src, weights, bias ?? null, dst], { post });
  }

  /** A convolution, with a bias `[o]` and what is done to its result before it is stored. */
  convolution(
    holder: Holder,
    { src, weights, dst }: ConvolutionDescs,
    bias: Desc | undefined,
    geometry: Geometry,
    post?: PostOperation,
  ): Address {
    const { second, third } = this.library;
    const makers = [
      second?.dilated_convolution_forward_desc_init,
      third?.convolution_forward_primitive_desc_create,
    ] as const;
    const args = [FORWARD_TRAINING, CONVOLUTION_DIRECT, src, weights, bias ?? null, dst, ...places(geometry)];
    return this.computation(holder, "a convolution", makers, args, { post });
  }

  /** The adjoint with respect to `src` of a convolution; `forward` is that convolution. */
  convolutionData(
    holder: Holder,
    { src, weights, dst }: ConvolutionDescs,
    geometry: Geometry,
    forward: Address,
  ): Address {
    const { second, third } = this.library;
    const makers = [
      second?.dilated_convolution_backward_data_desc_init,
      third?.convolution_backward_data_primitive_desc_create,
    ] as const;
    const args = [CONVOLUTION_DIRECT, src, weights, dst, ...places(geometry)];
    return this.computation(holder, "a transposed convolution", makers, args, { forward });
  }

  /** The adjoint with respect to the weights of a convolution; `forward` is that convolution. */
  convolutionWeights(
    holder: Holder,
    { src, weights, dst }: ConvolutionDescs,
    geometry: Geometry,
    forward: Address,
  ): Address {
    const { second, third } = this.library;
    const makers = [
      second?.dilated_convolution_backward_weights_desc_init,
      third?.convolution_backward_weights_primitive_desc_create,
    ] as const;
    const args = [CONVOLUTION_DIRECT, src, weights, null, dst, ...places(geometry)];
    return this.computation(holder, "a weights gradient", makers, args, { forward });
  }

  /** A copy from one layout or type to another. */
  reorder(holder: Holder, from: Desc, to: Desc): Address {
    return this.operation(holder, "a reorder", undefined, (attributes) =>
      this.make(
        "a reorder",
        this.library.common.reorder_primitive_desc_create,
        from,
        this.engine,
        to,
        this.engine,
        attributes,
      ),
    );
  }

  private append(operations: Address, post: PostOperation): number {
    const { second, third } = this.library;
    if (post.kind === "sum")
      return second ? second.post_ops_append_sum(operations, 1) : third!.post_ops_append_sum(operations, 1, 0, 0);
    const [inSecond, inThird] = ELEMENTWISE[post.kind];
    return second
      ? second.post_ops_append_eltwise(operations, 1, inSecond, post.alpha, 0)
      : third!.post_ops_append_eltwise(operations, inThird, post.alpha, 0);
  }

  /**
   * An operation of which both generations take the same arguments: the second to describe it, and makes it then; the third makes it
   * at once.
   * @param makers of the second and of the third generation
   */
  private computation(
    holder: Holder,
    what: string,
    [describe, create]: readonly [Foreign | undefined, Foreign | undefined],
    args: readonly unknown[],
    { post, forward }: { readonly post?: PostOperation; readonly forward?: Address },
  ): Address {
    return this.operation(holder, what, post, (attributes) => {
      if (create) return this.make(what, create, this.engine, ...args, ...(forward ? [forward] : []), attributes);
      const described = new Uint8Array(OPERATION_BYTES);
      this.check(what, describe!(described, ...args));
      const { primitive_desc_create } = this.library.second!;
      return this.make(what, primitive_desc_create, described, attributes, this.engine, forward ?? null);
    });
  }

  /** An operation whose scratch memory is ours; the description lives as long as the holder. */
  private operation(
    holder: Holder,
    what: string,
    post: PostOperation | undefined,
    create: (attributes: Address) => Address,
  ): Address {
    const { common } = this.library;
    const attributes = this.make("attributes", common.primitive_attr_create);
    try {
      this.check("attributes", common.primitive_attr_set_scratchpad_mode(attributes, SCRATCHPAD_USER));
      if (post) {
        const operations = this.make("post-operations", common.post_ops_create);
        this.check(what, this.append(operations, post));
        this.check(what, common.primitive_attr_set_post_ops(attributes, operations));
        common.post_ops_destroy(operations);
      }
      const desc = create(attributes);
      holder.add(() => common.primitive_desc_destroy(desc));
      return desc;
    } finally {
      common.primitive_attr_destroy(attributes);
    }
  }

  /** The memory that an operation chose, valid as long as the operation. */
  query(operation: Address, what: number): Desc {
    return this.library.common.primitive_desc_query_md(operation, what, 0) as Address;
  }

  /** Which of the library's implementations an operation got, as in `jit:avx512_core`. */
  implementation(operation: Address): string {
    const out = new BigUint64Array(1);
    this.check("a query", this.library.common.primitive_desc_query(operation, QUERY_IMPLEMENTATION, 0, out));
    return koffi.decode(out, "str") as string;
  }

  /** What can be run of an operation. */
  primitive(holder: Holder, operation: Address): Address {
    const { common } = this.library;
    const primitive = this.make("a primitive", common.primitive_create, operation);
    holder.add(() => common.primitive_destroy(primitive));
    return primitive;
  }
}

function places({ strides, dilates, before, after }: Geometry): BigInt64Array[] {
  return [strides, dilates, before, after].map(int64);
}
