/** Whoever wants to know that all that has arrived in this turn of the event loop is dealt with. */
export interface Flushed {
  flush(): void
}

/** One immediate serves all who wait in the same turn. */
export class Flusher {
  #waiting: Flushed[] = []

  soon(each: Flushed): void {
    if (this.#waiting.push(each) === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const each of waiting) each.flush()
  }
}
