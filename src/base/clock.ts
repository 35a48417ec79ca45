// The clock that every platform has, typed without Node or DOM.
declare const performance: { now(): number };
declare const setTimeout: (callback: () => void, milliseconds: number) => unknown;

/** Seconds since some fixed moment of this process. */
export const now = (): number => performance.now() / 1000;

/** Lets whatever waits for the thread have it: signals, messages, timers. */
export const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
