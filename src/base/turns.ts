// Asynchronous work in the order it is asked for, so many at a time.

export class Turns {
  private taken = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly places: number) {}

  /** Begins `work` at once when a place is free, and otherwise when all that came before has one. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.taken < this.places) this.taken++;
    // Whoever leaves hands over the place.
    else await new Promise<void>((enter) => this.waiting.push(enter));
    try {
      return await work();
    } finally {
      const enter = this.waiting.shift();
      if (enter) enter();
      else this.taken--;
    }
  }
}
