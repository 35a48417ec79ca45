// Input names by kind. A program reads `state:` entries from its buffers; the others are fed each step.
export const STATE_PREFIX = "state:";
export const NOISE_PREFIX = "noise:";
export const SCALAR_PREFIX = "scalar:";
