// Calling C libraries. koffi takes its settings before the first library is loaded, so they are here, for all.
import koffi from "koffi";

/** The stack of a call: kernels take what a main thread commonly has; koffi's own defaults are a megabyte and less. */
const STACK_BYTES = 8 * 2 ** 20;

koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });

export type { LibraryHandle } from "koffi";
export { koffi };
