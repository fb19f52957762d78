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
  /** The beginning of a header that was cut. */
  #cut: Uint8Array | undefined

  /** The last byte seen was the last one of a frame, or there was none yet. */
  get atBoundary(): boolean {
    return this.#rest === 0 && this.#cut === undefined
  }

  follow(chunk: Uint8Array): void {
    let bytes = chunk
    if (this.#cut !== undefined) {
      bytes = Buffer.concat([this.#cut, chunk])
      this.#cut = undefined
    }
    let at = this.#rest
    while (at < bytes.length) {
      const size = frameSize(bytes, at)
      if (size === undefined) {
        this.#cut = Uint8Array.from(bytes.subarray(at))
        this.#rest = 0
        return
      }
      at += size
    }
    this.#rest = at - bytes.length
  }
}

/** Bytes of the frame that begins at `at`, its header included; undefined where the header is cut (RFC 6455 §5.2). */
function frameSize(bytes: Uint8Array, at: number): number | undefined {
  const second = bytes[at + 1]
  if (second === undefined) return undefined
  const short = second & 0x7f
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
  const header = 2 + lengthBytes + (second & 0x80 ? 4 : 0)
  if (at + header > bytes.length) return undefined
  let length = lengthBytes === 0 ? short : 0
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[at + 2 + i] as number)
  return header + length
}

/** A close frame with status 1001; `masked` towards servers (RFC 6455 §5.3), where a mask of zeros will do. */
export function closeFrame(masked: boolean): Buffer {
  const status = [goingAway >> 8, goingAway & 0xff]
  return Buffer.from(masked ? [0x88, 0x82, 0, 0, 0, 0, ...status] : [0x88, 0x02, ...status])
}
