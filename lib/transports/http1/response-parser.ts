/**
 * An incremental parser for the responses of one connection (RFC 9112), stricter than the RFC asks: whatever two
 * readers could understand in two ways is an error. Bodies are passed on as views of the chunks they came in.
 *
 *     head ──▶ (1xx: head again) ──▶ length | chunk-size ⇄ chunk-data ⇄ chunk-end ──▶ trailers | until-close ──▶ done
 */

import { ProxyError } from '../../errors.js'
import { type CheckedHead, checkInformationalHead, checkResponseHead, checkTrailers } from '../response-head.js'
import type { RawHeaders } from '../transport.js'
import { parseFields, parseStatusLine } from './fields.js'

/** Told what was read. A call may abort the connection; the parser then stops at once. */
export interface ResponseSink {
  informational(status: number, headers: RawHeaders): void
  /** The head of the final response. */
  head(head: CheckedHead, http10: boolean): void
  body(chunk: Buffer): void
  /** The response is complete; `rest` was read beyond it. */
  complete(trailers: RawHeaders, rest: Buffer): void
}

/** Bytes that a head, or the trailers, may have. */
const headLimit = 32 * 1024
/** Bytes of a chunk's size line, extensions included. */
const sizeLineLimit = 1024

const states = {
  head: 0,
  length: 1,
  chunkSize: 2,
  chunkData: 3,
  chunkEnd: 4,
  trailers: 5,
  untilClose: 6,
  done: 7,
} as const
type State = (typeof states)[keyof typeof states]

const protocol = 'HTTP/1.'
/** A chunk's size and its extensions (RFC 9112 §7.1), without the optional spaces that nobody sends. */
const sizeLine =
  /^([0-9a-f]{1,12})(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*\r$/i

const empty = Buffer.alloc(0)
const endOfHead = Buffer.from('\r\n\r\n')

export class ResponseParser {
  readonly #sink: ResponseSink
  #state: State = states.done
  /** Of the request: HEAD has no body, whatever the head says. */
  #method = ''
  /** The beginning of something that was cut by the end of a chunk. */
  #partial: Buffer = empty
  /** Bytes still to come of a body, or of a chunk of it. */
  #rest = 0
  /** Anything of the response has been read. */
  #begun = false
  #stopped = false

  constructor(sink: ResponseSink) {
    this.#sink = sink
  }

  /** Anything of the current response has been read. */
  get begun(): boolean {
    return this.#begun
  }

  /** The body of a response has begun, and goes on. */
  get bodyUnderWay(): boolean {
    return this.#state !== states.done && this.#state !== states.head
  }

  /** A response to this method is expected next. */
  expect(method: string): void {
    this.#method = method
    this.#state = states.head
    this.#begun = false
    this.#stopped = false
    this.#partial = empty
  }

  /** Nothing more is to be told. */
  stop(): void {
    this.#stopped = true
  }

  /** Reads a chunk; throws `ERR_RESPONSE_INVALID`. */
  execute(chunk: Buffer): void {
    this.#begun = true
    let at = 0
    let data = chunk
    if (this.#partial.length > 0) {
      data = Buffer.concat([this.#partial, chunk])
      this.#partial = empty
    }
    while (at < data.length && !this.#stopped) {
      switch (this.#state) {
        case states.head:
          at = this.#head(data, at)
          break
        case states.length:
        case states.chunkData:
          at = this.#data(data, at)
          break
        case states.chunkSize:
          at = this.#chunkSize(data, at)
          break
        case states.chunkEnd:
          at = this.#chunkEnd(data, at)
          break
        case states.trailers:
          at = this.#trailers(data, at)
          break
        case states.untilClose:
          this.#sink.body(at === 0 ? data : data.subarray(at))
          return
        case states.done:
          throw invalid('more than it announced')
      }
    }
  }

  /** The server has ended its side. True: that was the end of the response. */
  finish(): boolean {
    if (this.#state !== states.untilClose || this.#stopped) return false
    this.#complete([], empty)
    return true
  }

  #head(data: Buffer, start: number): number {
    const end = data.indexOf(endOfHead, start)
    if (end < 0) {
      // A server that speaks something else may wait for us to speak first, and never send a whole head.
      const begin = data.toString('latin1', start, start + protocol.length)
      if (!protocol.startsWith(begin)) throw invalid('another protocol')
      return this.#keep(data, start, headLimit)
    }
    if (end - start > headLimit) throw invalid('a head that is too long')
    const text = data.toString('latin1', start, end)
    const { status, reason, http10, next } = parseStatusLine(text)
    const headers = next < text.length ? parseFields(text, next) : []
    const at = end + 4
    if (status < 200 && status !== 101) {
      if (http10) throw invalid('an informational answer in HTTP/1.0')
      checkInformationalHead(headers)
      this.#sink.informational(status, headers)
      return at
    }
    const head = checkResponseHead(this.#method, status, reason, headers)
    if (head.chunked && http10) throw invalid('a transfer coding in HTTP/1.0')
    this.#rest = head.length ?? 0
    this.#state = stateAfter(head)
    this.#sink.head(head, http10)
    if (this.#stopped) return at
    if (this.#state !== states.done) return at
    this.#complete([], rest(data, at))
    return data.length
  }

  #data(data: Buffer, at: number): number {
    const available = data.length - at
    const whole = available <= this.#rest
    const chunk = whole && at === 0 ? data : data.subarray(at, at + Math.min(available, this.#rest))
    this.#rest -= chunk.length
    this.#sink.body(chunk)
    const next = at + chunk.length
    if (this.#rest > 0 || this.#stopped) return next
    if (this.#state === states.chunkData) {
      this.#state = states.chunkEnd
      return next
    }
    this.#complete([], rest(data, next))
    return data.length
  }

  #chunkSize(data: Buffer, start: number): number {
    const end = data.indexOf(10, start)
    if (end < 0) return this.#keep(data, start, sizeLineLimit)
    if (end - start > sizeLineLimit) throw invalid('a chunk size line that is too long')
    const line = data.toString('latin1', start, end)
    // Extensions mean nothing to anybody, and are not passed on (RFC 9112 §7.1.1).
    const size = sizeLine.exec(line)?.[1]
    if (size === undefined) throw invalid('a malformed chunk size')
    this.#rest = Number.parseInt(size, 16)
    this.#state = this.#rest === 0 ? states.trailers : states.chunkData
    return end + 1
  }

  #chunkEnd(data: Buffer, at: number): number {
    if (data[at] !== 13) throw invalid('a chunk that is longer than its size')
    if (at + 1 === data.length) return this.#keep(data, at, 2)
    if (data[at + 1] !== 10) throw invalid('a chunk that is longer than its size')
    this.#state = states.chunkSize
    return at + 2
  }

  #trailers(data: Buffer, start: number): number {
    if (data[start] === 13 && data[start + 1] === 10) {
      this.#complete([], rest(data, start + 2))
      return data.length
    }
    const end = data.indexOf(endOfHead, start)
    if (end < 0) return this.#keep(data, start, headLimit)
    const trailers = parseFields(data.toString('latin1', start, end), 0)
    checkTrailers(trailers)
    this.#complete(trailers, rest(data, end + 4))
    return data.length
  }

  #complete(trailers: RawHeaders, beyond: Buffer): void {
    this.#state = states.done
    this.#sink.complete(trailers, beyond)
  }

  /** Waits for the rest of something that has not come whole. */
  #keep(data: Buffer, start: number, limit: number): number {
    if (data.length - start > limit) throw invalid('a head that is too long')
    // A copy: the chunk it came in may be large, and is not to be held by its last bytes.
    this.#partial = Buffer.from(data.subarray(start))
    return data.length
  }
}

function stateAfter(head: CheckedHead): State {
  if (!head.hasBody) return states.done
  if (head.chunked) return states.chunkSize
  return head.length === undefined ? states.untilClose : states.length
}

function rest(data: Buffer, at: number): Buffer {
  return at === data.length ? empty : data.subarray(at)
}

function invalid(what: string): ProxyError {
  return new ProxyError('ERR_RESPONSE_INVALID', `the server answered with ${what}`)
}
