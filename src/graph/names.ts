// Input names by kind. A program reads `state:` entries from its buffers; the others are fed each step.
/** An input `state:PATH` is the entry PATH of the resident state. */
export const STATE_PREFIX = "state:";
/** An input `noise:PATH` is fed fresh random numbers every step. */
export const NOISE_PREFIX = "noise:";
/** An input `scalar:NAME` is one number that may change from step to step, such as the learning rate. */
export const SCALAR_PREFIX = "scalar:";
