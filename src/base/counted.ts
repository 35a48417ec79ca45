/** A number of things in words: `1 thread`, `2 threads`. @param one the word for one of them, whose plural ends in s */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;
