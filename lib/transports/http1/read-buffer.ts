/** Bytes that are read at once. */
const size = 64 * 1024

/**
 * What all connections read into as long as they have no large body under way: what is read there is used up before the
 * next read, or copied.
 */
const shared: Buffer = Buffer.allocUnsafeSlow(size)

/**
 * Where a connection reads to. Heads and short bodies pass through one buffer that all connections share; while a body is
 * under way its connection has one of its own, and large parts of it are passed on as they stand, with their buffer.
 */
export class ReadBuffer {
  #own: Buffer | undefined
  #current: Buffer = shared

  /** The buffer for the next read. `body`: more of a body is expected. */
  next(body: boolean): Buffer {
    if (body) this.#own ??= Buffer.allocUnsafeSlow(size)
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
    if (this.#current === shared || part.length < size / 4) return Buffer.from(part)
    this.#own = undefined
    return part
  }
}
