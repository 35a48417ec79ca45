// Asynchronous work, so many at a time, in the order in which it is asked for.

/**
 * A counting semaphore (Dijkstra 1965) with a queue. Work begins in the very call that asks for it when a permit is free; the
 * library p-limit begins it a microtask later, after whatever the caller does next, such as making the next batch.
 */
export class Semaphore {
  private taken = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param permits how much work may be in flight at a time: a whole number from 1 on, or infinity */
  constructor(private readonly permits: number) {}

  /**
   * Acquires a permit, does `work`, and releases the permit however it ends.
   * @returns what `work` gives; rejects with what it throws
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.taken < this.permits) this.taken++;
    // Whoever releases a permit hands it over to the first that waits.
    else await new Promise<void>((acquired) => this.waiting.push(acquired));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.taken--;
    }
  }
}
