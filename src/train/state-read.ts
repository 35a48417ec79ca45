// Which of a model's state some tensors are computed from.
import { STATE_PREFIX } from "../graph/names.ts";
import { isInput, type Tensor, topological } from "../graph/tensor.ts";

/** Paths of the state that tensors read. */
export const stateRead = (tensors: Iterable<Tensor>): Set<string> =>
  new Set(
    topological([...tensors])
      .filter(isInput)
      .flatMap(({ attrs: { name } }) => (name.startsWith(STATE_PREFIX) ? [name.slice(STATE_PREFIX.length)] : [])),
  );
