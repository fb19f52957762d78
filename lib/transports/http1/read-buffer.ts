/** Bytes that are read at once: a body of 64 KiB together with its head. */
const size = 80 * 1024
/** From here on a part is passed on as it stands, with its buffer, rather than copied. */
const large = size / 4

/**
 * What all connections read into as long as they have no large body under way: what is read there is used up before the
 * next read, or copied.
 */
const shared: Buffer = Buffer.allocUnsafeSlow(size)

/**
 * Where a connection reads to. Heads and short bodies pass through one buffer that all connections share; while a body is
 * under way, and after a large one, its connection has a buffer of its own, which is lent out with what is read into it.
 * Mostly it has been written to the client, and so is free again, before the next read; if not, it is gone.
 */
export class ReadBuffer {
  #own: Buffer | undefined
  #current: Buffer = shared
  #expectsLarge = false
  #lent = false

  /** A part of what was read last was passed on as it stands. */
  get lent(): boolean {
    return this.#lent
  }

  /** The buffer for the next read. `body`: more of a body is expected. */
  next(body: boolean): Buffer {
    if (this.#lent) this.#own = undefined
    this.#lent = false
    if (body || this.#expectsLarge) this.#own ??= Buffer.allocUnsafeSlow(size)
    else this.#own = undefined
    this.#current = this.#own ?? shared
    return this.#current
  }

  /** What the last read brought. */
  filled(length: number): Buffer {
    return this.#current.subarray(0, length)
  }

  /** A part of it that somebody may keep: as it stands, or copied. */
  keep(part: Buffer): Buffer {
    // Bytes that came by events have a buffer of their own.
    if (part.buffer !== this.#current.buffer) return part
    this.#expectsLarge = part.length >= large
    if (this.#current === shared || part.length < large) {
      const copy = Buffer.allocUnsafe(part.length)
      part.copy(copy)
      return copy
    }
    this.#lent = true
    return part
  }

  /** Nobody needs any more what was passed on. */
  takeBack(): void {
    this.#lent = false
  }
}
