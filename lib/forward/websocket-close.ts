/**
 * Closing a WebSocket that the proxy only passes on (RFC 6455 §5.5.1). A close frame may be put between two frames, so
 * the frames have to be followed: their lengths, nothing of what is in them.
 */

/** "Going away": the server is shutting down (RFC 6455 §7.4.1). */
const goingAway = 1001

/** Follows the frames of one direction of a WebSocket. */
export class FrameFollower {
  /** Bytes of the current frame that are still to come. */
  #rest = 0
  readonly #header: number[] = []

  /** The last byte seen was the last one of a frame, or there was none yet. */
  get atBoundary(): boolean {
    return this.#rest === 0 && this.#header.length === 0
  }

  follow(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#rest > 0) {
        const step = Math.min(this.#rest, chunk.length - at)
        this.#rest -= step
        at += step
      } else {
        this.#header.push(chunk[at++] as number)
        this.#readHeader()
      }
    }
  }

  #readHeader(): void {
    const second = this.#header[1]
    if (second === undefined) return
    const short = second & 0x7f
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
    const maskBytes = second & 0x80 ? 4 : 0
    if (this.#header.length < 2 + lengthBytes + maskBytes) return
    let length = short
    if (lengthBytes > 0) length = this.#header.slice(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0)
    this.#header.length = 0
    this.#rest = length
  }
}

/** A close frame with status 1001; `masked` towards servers (RFC 6455 §5.3), where a mask of zeros will do. */
export function closeFrame(masked: boolean): Buffer {
  const status = [goingAway >> 8, goingAway & 0xff]
  return Buffer.from(masked ? [0x88, 0x82, 0, 0, 0, 0, ...status] : [0x88, 0x02, ...status])
}
