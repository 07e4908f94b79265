/** How many may do something at a time. @module */

/** A number of places; who finds none waits in line. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** @param count How many there are, at least 1. */
  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a place; disposing of it, once or more often, gives it to the next in line. */
  async take(): Promise<Disposable> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#give();
        isHeld = false;
      },
    };
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
