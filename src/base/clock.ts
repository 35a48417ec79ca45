// The clock that every platform has, typed without Node or DOM.
declare const performance: { now(): number };

/** Seconds since some fixed moment of this process. */
export const now = (): number => performance.now() / 1000;
