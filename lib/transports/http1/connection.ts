/**
 * One connection of the `http1` transport, and the requests that go over it one after the other.
 *
 *     unused ──(begin)──▶ request and response under way ──(both complete)──▶ unused, kept for the next
 *                                     └──(anything else)──▶ closed
 */

import type { OnReadOpts, Socket } from 'node:net'
import type { ProxyError } from '../../errors.js'
import type { Kept, KeptConnection } from '../kept.js'
import type { CheckedHead } from '../response-head.js'
import type { RawHeaders } from '../transport.js'
import type { Http1Carriage } from './carriage.js'
import { ReadBuffer } from './read-buffer.js'
import { requestHead } from './request-head.js'
import { ResponseParser, type ResponseSink } from './response-parser.js'

const lastChunk = Buffer.from('0\r\n\r\n')
const lineEnd = Buffer.from('\r\n')

export class Http1Connection implements KeptConnection, ResponseSink {
  expires = 0
  #socket!: Socket
  readonly #buffer = new ReadBuffer()
  readonly #kept: Kept<Http1Connection>
  readonly #parser: ResponseParser = new ResponseParser(this)
  /** The request under way. */
  #current: Http1Carriage | undefined
  #keepAliveHint: number | undefined
  #closeAfter = false
  #ended = false
  #paused = false

  constructor(kept: Kept<Http1Connection>) {
    this.#kept = kept
  }

  /** Takes the bytes of the socket without a stream in between. */
  reader(): OnReadOpts {
    return {
      buffer: () => this.#buffer.next(this.#parser.bodyUnderWay),
      callback: (size) => {
        const carriage = this.#current
        this.#onData(this.#buffer.filled(size))
        if (this.#buffer.lent && carriage?.events.holds() === false) this.#buffer.takeBack()
        return !this.#paused
      },
    }
  }

  /** The socket is connected. `reader` of this connection reads it, or it is read by events. */
  attach(socket: Socket, byEvents: boolean): void {
    this.#socket = socket
    if (byEvents) socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    socket.on('drain', this.#onDrain)
    // Whoever waits for an answer holds a connection of its own; this one keeps no process alive.
    socket.unref()
  }

  get usable(): boolean {
    return !this.#ended && !this.#socket.destroyed
  }

  discard(): void {
    this.#socket.destroy()
  }

  /** Sends the head of a request. What there is of the body by {@link begun} goes with it, in one write. */
  begin(carriage: Http1Carriage): void {
    const { request } = carriage
    this.#current = carriage
    this.#parser.expect(request.method)
    if (request.hasBody) this.#socket.cork()
    this.#socket.write(requestHead(request), 'latin1')
  }

  begun(): void {
    if (this.#socket.writableCorked > 0) this.#socket.uncork()
  }

  write(chunk: Uint8Array, chunked: boolean): boolean {
    if (!this.#socket.writable) return true
    if (!chunked) return this.#socket.write(chunk)
    this.#socket.cork()
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    this.#socket.write(chunk)
    const goOn = this.#socket.write(lineEnd)
    this.#socket.uncork()
    return goOn
  }

  /** The last chunk of a chunked body. */
  writeEnd(trailers: RawHeaders): void {
    if (!this.#socket.writable) return
    if (trailers.length === 0) {
      this.#socket.write(lastChunk)
      return
    }
    let text = '0\r\n'
    for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i]}: ${trailers[i + 1]}\r\n`
    this.#socket.write(`${text}\r\n`, 'latin1')
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket.resume()
  }

  /** Request and response are both complete: the connection is free, if it may be used again. */
  free(): void {
    this.#current = undefined
    this.resume()
    if (this.#closeAfter) this.#socket.destroy()
    else this.#kept.push(this, this.#keepAliveHint)
  }

  // What the parser says.

  informational(status: number, headers: RawHeaders): void {
    this.#current?.events.informational(status, headers)
  }

  head(head: CheckedHead, http10: boolean): void {
    this.#keepAliveHint = head.keepAliveHint
    this.#closeAfter = head.close || (http10 && !head.keepAlive)
    this.#current?.answered(head)
  }

  body(chunk: Buffer): void {
    if (this.#current?.data(this.#buffer.keep(chunk)) !== false) return
    this.#paused = true
    this.#socket.pause()
  }

  complete(trailers: RawHeaders, rest: Buffer): void {
    const carriage = this.#current
    if (carriage === undefined) return
    if (carriage.upgrading !== undefined) {
      this.#handOver(carriage, carriage.upgrading, rest)
      return
    }
    // Bytes beyond the end belong to nobody.
    if (rest.length > 0) this.#closeAfter = true
    carriage.complete(trailers)
  }

  #handOver(carriage: Http1Carriage, head: CheckedHead, rest: Buffer): void {
    const socket = this.#socket.ref()
    this.#current = undefined
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    socket.off('drain', this.#onDrain)
    carriage.upgraded(head, socket, rest)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#current === undefined) {
      // A server that speaks without being asked cannot be trusted with the next request.
      this.#kept.remove(this)
      this.#socket.destroy()
      return
    }
    try {
      this.#parser.execute(chunk)
      this.#current?.flush()
    } catch (error) {
      const carriage = this.#current
      this.#current = undefined
      this.#parser.stop()
      carriage?.fail(error as ProxyError)
      this.#socket.destroy()
    }
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    if (this.#current === undefined) {
      this.#kept.remove(this)
      this.#socket.destroy()
      return
    }
    this.#closeAfter = true
    if (!this.#parser.finish()) this.#lost()
  }

  readonly #onClose = (): void => {
    if (this.#current === undefined) this.#kept.remove(this)
    else this.#lost()
  }

  readonly #onDrain = (): void => {
    this.#current?.drained()
  }

  #lost(): void {
    const carriage = this.#current
    if (carriage === undefined) return
    this.#current = undefined
    this.#parser.stop()
    carriage.lost(this.#parser.begun)
    this.#socket.destroy()
  }
}
