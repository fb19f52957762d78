/**
 * The client's side of an answer: the same few calls for HTTP/1.1, HTTP/2, and the raw socket of a refused upgrade
 * (which is dressed as a `ServerResponse` before it comes here).
 */

import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Clock } from '../clock.js'
import type { RawHeaders } from '../transports/transport.js'

/** How long an upload that nobody wants any more is read and thrown away, in milliseconds. */
const lingerTime = 30_000
/** Bytes of an answer that may wait for the client before the server is held back. */
const aheadLimit = 128 * 1024
/** Bytes of a body that go out in one string with the head. */
const stringLimit = 12 * 1024
/** Bytes of a part that is worth a write of its own. */
const largePart = 16 * 1024

export class ClientResponse {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #clock: Clock
  readonly #onDrain: () => void
  readonly #http2: boolean
  /** Bytes of the body that were taken so far, whatever their framing. */
  bytes = 0
  #listensForDrain = false
  /** The head has gone out, or goes with what is written next. */
  #flushed = false
  /** The head waits for the end of the answer, or of the turn. */
  #headOnly = false
  /** The first part of the body, which may turn out to be all of it. */
  #held: Buffer | undefined

  constructor(req: IncomingMessage, res: ServerResponse, clock: Clock, onDrain: () => void) {
    this.#req = req
    this.#res = res
    this.#clock = clock
    this.#onDrain = onDrain
    this.#http2 = req.httpVersionMajor >= 2
  }

  /** The head of the answer is on its way: nothing else can be answered any more. */
  get started(): boolean {
    return this.#res.headersSent || this.#headOnly
  }

  /** The body of the answer will be chunked, so that trailers can follow. */
  willBeChunked(headers: RawHeaders, hasBody: boolean): boolean {
    if (!hasBody || (!this.#http2 && this.#req.httpVersion !== '1.1')) return false
    for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === 'content-length') return this.#http2
    return true
  }

  /** `100 Continue`, `103 Early Hints` and other 1xx answers. */
  informational(status: number, fields: RawHeaders): void {
    // HTTP/1.0 has none of these (RFC 9110 §15.2).
    if (this.started || this.#req.httpVersion === '1.0' || !this.#res.socket?.writable) return
    if (this.#http2) {
      const { stream } = this.#res as unknown as Http2ServerResponse
      if (status !== 100) stream.additionalHeaders({ ':status': status, ...byName(fields) })
      else (this.#res as unknown as Http2ServerResponse).writeContinue()
      return
    }
    // Node has no call for an informational answer of any status and fields; between two answers its socket is free.
    if (status === 100) this.#res.writeContinue()
    else
      this.#res.socket.write(
        `HTTP/1.1 ${status} ${reasons[status] ?? 'Informational'}\r\n${lines(fields)}\r\n`,
        'latin1',
      )
  }

  /** Writes the head; throws what Node throws for a head that cannot be sent. */
  head(status: number, reason: string, fields: string[], hasBody: boolean, uploadComplete: boolean): void {
    if (this.#http2) {
      this.#writeStreamHead(status, fields, hasBody)
    } else {
      if (!uploadComplete) {
        fields.push('Connection', 'close')
        this.#linger()
      }
      this.#writeHead(status, reason, fields)
    }
    this.#flushed = !hasBody
  }

  /**
   * A head without a body ends the stream by itself, as the server's did: to gRPC that makes it the trailers (gRPC over
   * HTTP/2, "Trailers-Only"). Node sets the flag when the head goes out with `end`.
   */
  #writeStreamHead(status: number, fields: string[], hasBody: boolean): void {
    if (hasBody) {
      ;(this.#res as unknown as Http2ServerResponse).writeHead(status, byName(fields))
      return
    }
    this.#res.statusCode = status
    for (const [name, value] of Object.entries(byName(fields))) this.#res.setHeader(name, value)
    this.#headOnly = true
  }

  #writeHead(status: number, reason: string, fields: string[]): void {
    const res = this.#res
    if (res.writeHead === ServerResponse.prototype.writeHead && res.getHeaderNames().length === 0) {
      res.writeHead(status, reason, fields)
      return
    }
    // Fields were set before, or somebody listens to the head: `writeHead` would lose fields of the same name, and those
    // who replaced it may not know its list form.
    for (let i = 0; i < fields.length; i += 2) res.removeHeader(fields[i] as string)
    for (let i = 0; i < fields.length; i += 2) res.appendHeader(fields[i] as string, fields[i + 1] as string)
    res.writeHead(status, reason)
  }

  /** False: wait for the drain callback. */
  write(chunk: Buffer): boolean {
    this.bytes += chunk.length
    if (!this.#flushed && this.#held === undefined) {
      this.#held = chunk
      return true
    }
    this.#release()
    // A little more than Node asks for, so that the server does not stand still while the client's socket is filled.
    if (this.#pass(chunk) || this.#res.writableLength < aheadLimit) return true
    if (!this.#listensForDrain) {
      this.#listensForDrain = true
      this.#res.on('drain', this.#onDrain)
    }
    return false
  }

  /** Parts of the body may still be read by somebody: not all of it is with the kernel, or another program has got it. */
  get holds(): boolean {
    if (this.#http2 || this.#held !== undefined) return true
    return this.#res.writableLength > 0 || !writesByItself(this.#res) || !copiesAtOnce(this.#req.socket)
  }

  end(trailers: RawHeaders): void {
    this.#flushed = true
    if (this.#held !== undefined && trailers.length === 0 && !this.#http2) {
      // A short body and the head in one string are written at less cost than in two parts.
      if (this.#held.length <= stringLimit) this.#res.end(this.#held.toString('latin1'), 'latin1')
      else this.#res.end(this.#held)
      this.#held = undefined
      return
    }
    this.#release()
    if (trailers.length > 0) {
      this.flush()
      if (this.#http2) (this.#res as unknown as Http2ServerResponse).addTrailers(byName(trailers))
      else this.#res.addTrailers(pairs(trailers))
    }
    this.#res.end()
    if (this.#http2 && !this.#req.complete) this.#lingerStream()
  }

  /** The answer broke off: the client must see that it is not complete. */
  destroy(): void {
    const { stream } = this.#res as unknown as Partial<Http2ServerResponse>
    if (this.#http2 && stream !== undefined) stream.close(2 /* INTERNAL_ERROR, RFC 9113 §7 */)
    else if (this.#flushed) this.#res.destroy()
    else this.#breakOff()
  }

  /** Nothing more comes in this turn: what was held back goes out, the head at least. */
  flush(): void {
    if (this.#headOnly && !this.#res.headersSent) this.#res.writeHead(this.#res.statusCode)
    if (this.#flushed || this.#res.destroyed) return
    if (this.#held !== undefined) this.#release()
    // `flushHeaders` would write the head as UTF-8, and so its bytes beyond ASCII as others.
    else if (!this.#http2) this.#res.write('', 'latin1')
    this.#flushed = true
  }

  /** What was held back goes out, so that the client sees an answer that breaks off rather than none. */
  #breakOff(): void {
    const { socket } = this.#res
    // Without a head of ours Node would write one of its own: 200.
    if (socket === null || !this.started) {
      this.#res.destroy()
      return
    }
    this.flush()
    socket.destroySoon()
  }

  #release(): void {
    this.#flushed = true
    if (this.#held === undefined) return
    this.#pass(this.#held)
    this.#held = undefined
  }

  /** Node collects what is written in one turn. A large part goes out at once, so that its memory is free again. */
  #pass(chunk: Buffer): boolean {
    const { socket } = this.#res
    if (this.#http2 || socket === null || chunk.length < largePart) return this.#res.write(chunk)
    socket.cork()
    const goOn = this.#res.write(chunk)
    socket.uncork()
    return goOn
  }

  /**
   * The answer comes before the upload has ended. Closing a socket while unread bytes wait in it resets the connection,
   * and the client may lose the answer (RFC 9112 §9.6); so end our half, and read on for a while.
   */
  #linger(): void {
    const { socket } = this.#req
    socket.destroySoon = () => {
      Reflect.deleteProperty(socket, 'destroySoon')
      socket.end()
      if (socket.readableEnded) return
      this.#req.resume()
      const timer = this.#clock.setTimeout(() => socket.destroy(), lingerTime)
      socket.once('close', () => timer.cancel())
    }
  }

  /** The same for a stream: its connection goes on, so the rest of the upload is read, or refused (RFC 9113 §8.1). */
  #lingerStream(): void {
    const { stream } = this.#res as unknown as Http2ServerResponse
    this.#req.resume()
    const timer = this.#clock.setTimeout(() => stream.close(0 /* NO_ERROR */), lingerTime)
    stream.once('close', () => timer.cancel())
  }
}

/** Nobody has put functions of his own in place of Node's, as compressing middleware does. */
function writesByItself(res: ServerResponse): boolean {
  return res.write === ServerResponse.prototype.write && res.end === ServerResponse.prototype.end
}

/**
 * What such a socket has written was copied, by the kernel or by TLS. Another stream, given to the server as a connection,
 * may hold on to what it says it has written.
 */
function copiesAtOnce(socket: object): boolean {
  const prototype = Object.getPrototypeOf(socket)
  return (prototype === Socket.prototype || prototype === TLSSocket.prototype) && !Object.hasOwn(socket, 'write')
}

const reasons: Record<number, string> = { 102: 'Processing', 103: 'Early Hints' }

function lines(fields: RawHeaders): string {
  let text = ''
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  return text
}

function pairs(flat: RawHeaders): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string])
}

/** Fields as HTTP/2 in Node wants them. */
export function byName(flat: RawHeaders): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = Object.create(null)
  for (let i = 0; i < flat.length; i += 2) {
    const name = (flat[i] as string).toLowerCase()
    const value = flat[i + 1] as string
    const known = result[name]
    result[name] = known === undefined ? value : [known, value].flat()
  }
  return result
}
