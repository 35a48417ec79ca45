// Parts of examples that stand in some order: by class, by time, or class after class in turn.

/**
 * A number in 0..1 for example `i`, evenly spread over any run of examples: multiples of the golden ratio (Weyl's sequence), so that no
 * order in which examples come, and no period of it, decides which of them lie below a bound.
 */
export const spreadOf = (i: number): number => (i * 0.6180339887) % 1;

/** Which of `folds` parts example `i` is in: in no order of the examples does a part miss a class. */
export const foldOf = (i: number, folds: number): number => Math.floor(folds * spreadOf(i));
