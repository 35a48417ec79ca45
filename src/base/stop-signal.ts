/** Whether work shall end: an `AbortSignal` is one. The core is without the types of Node and of browsers, which have that. */
export interface StopSignal {
  /** @throws the reason, once it shall */
  throwIfAborted(): void;
}
