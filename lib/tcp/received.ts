const nothing: Buffer = Buffer.alloc(0)

/** The first bytes of a client, in order, as far as nobody has taken them. */
export class Received {
  #store: Buffer = nothing
  #length = 0

  get length(): number {
    return this.#length
  }

  /** All of them. They do not change; more may be added behind them. */
  get bytes(): Buffer {
    return this.head(this.#length)
  }

  /** The first `count`. */
  head(count: number): Buffer {
    return count === this.#store.length ? this.#store : this.#store.subarray(0, count)
  }

  /** Those behind the first `count`. */
  after(count: number): Buffer {
    return count === this.#length ? nothing : this.#store.subarray(count, this.#length)
  }

  /**
   * Adds bytes. Room grows by doubling: a client that sends byte after byte must not make the proxy copy everything for
   * each of them.
   */
  add(chunk: Buffer): void {
    if (this.#length === 0) {
      this.#store = chunk
      this.#length = chunk.length
      return
    }
    const length = this.#length + chunk.length
    if (length > this.#store.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1024, 2 * length))
      this.#store.copy(larger, 0, 0, this.#length)
      this.#store = larger
    }
    chunk.copy(this.#store, this.#length)
    this.#length = length
  }

  /** Forgets the first `count`. */
  drop(count: number): void {
    this.#store = this.#store.subarray(count)
    this.#length -= count
  }

  /** Forgets all of them. */
  clear(): void {
    this.#store = nothing
    this.#length = 0
  }
}
