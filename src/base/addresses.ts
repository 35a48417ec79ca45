// What memories of WebAssembly ask of the system: V8 keeps 10 GB of addresses free around each, so that it need not check bounds.

/** Bytes of addresses with which a process can train. */
export const MOST_ADDRESSES = 80e9;

/** The option of Node.js with which V8 checks bounds and keeps nothing free. */
export const WITH_CHECKS = "--disable-wasm-trap-handler";

/** The way out where a process may not have so many. */
export const FEW_ADDRESSES = `raise the limit of addresses of this process (ulimit -v) to ${MOST_ADDRESSES / 1e9} GB, or set NODE_OPTIONS=${WITH_CHECKS}`;
