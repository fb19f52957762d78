/**
 * One request over HTTP/2.
 *
 *     placed ──▶ (waits for a session) ──▶ stream open ──▶ response ──▶ end
 *       ▲                                      │
 *       └──(refused unseen, once)──────────────┘
 */

import type { ClientHttp2Stream } from 'node:http2'
import { ProxyError } from '../../errors.js'
import { checkInformationalHead, checkTrailers } from '../response-head.js'
import type { Carriage, CarriageEvents, RawHeaders, TransportRequest } from '../transport.js'
import { type AnswerHead, answerHead, withoutPseudo } from './answer-head.js'
import { closeError, noError, protocolError, refusedStream } from './close-error.js'
import type { Placing } from './placing.js'
import { requestHead, unsendable } from './request-head.js'
import { readingFrom, type Session } from './session.js'
import { type Carried, type CarriedStream, giveUp, handOver, openStream, reset, writeAhead } from './stream.js'
import { acceptedHead, webSocketHead } from './websocket.js'

export class Http2Carriage implements Carriage, Carried {
  readonly request: TransportRequest
  readonly #events: CarriageEvents
  readonly #placing: Placing
  requestTrailers: RawHeaders = []
  /** How to give up before there is a stream. */
  giveUp: (() => void) | undefined
  #session: Session | undefined
  #stream: CarriedStream | undefined
  #connected = false
  #refused = false
  #bodyBegun = false
  #requestComplete: boolean
  #head: AnswerHead | undefined
  /** What has come and was not wanted yet; never more than the window of the stream. */
  #backlog: Buffer[] = []
  #received = 0
  #answerTrailers: RawHeaders = []
  /** The server has ended its side. */
  #ended = false
  #paused = false
  #reads = false
  #flushSoon = false
  #lastCall = false
  #waits = false
  #over = false

  constructor(placing: Placing, request: TransportRequest, events: CarriageEvents) {
    this.#placing = placing
    this.request = request
    this.#events = events
    this.#requestComplete = !request.hasBody
  }

  /** Nothing more happens to it. */
  get over(): boolean {
    return this.#over
  }

  /** The request goes out on this session. `reused`: it stood before the request came. */
  start(session: Session, reused: boolean): void {
    this.giveUp = undefined
    if (this.#over) return
    try {
      this.#open(session)
    } catch (error) {
      if (session.usable || error instanceof ProxyError) this.failSoon(unsendable(error))
      else this.#again(session, 'the connection closed as it was taken')
      return
    }
    if (this.#connected) return
    this.#connected = true
    this.#events.connected(this, reused)
  }

  #open(session: Session): void {
    const { request } = this
    const { address } = this.#placing
    const upgrades = request.upgrade !== undefined
    const head = upgrades ? webSocketHead(request, address, session) : requestHead(request, address)
    // A body of known length has no trailers in HTTP/1.1, and Node needs a frame more for a body that may have some.
    const mayHaveTrailers = request.hasBody && head['content-length'] === undefined
    this.#stream = openStream(session, this, head, { writes: request.hasBody, stays: upgrades, mayHaveTrailers })
    this.#session = session
  }

  // What the exchange asks.

  write(chunk: Uint8Array): boolean {
    const stream = this.#stream
    this.#bodyBegun = true
    if (stream === undefined || this.#requestComplete || !stream.writable || chunk.length === 0) return true
    if (writeAhead(stream, chunk)) return true
    this.#waits = true
    return false
  }

  end(trailers: RawHeaders): void {
    this.#bodyBegun = true
    if (this.#requestComplete) return
    this.#requestComplete = true
    this.requestTrailers = trailers
    this.#stream?.end()
  }

  resume(): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    this.#deliver()
    if (this.#paused || this.#over) return
    // Reading of the stream's own is what opens its window again.
    if (this.#ended) this.#finish()
    else this.#read()
  }

  #read(): void {
    this.#reads = true
    if (this.#stream?.destroyed === false) this.#stream._read(0)
  }

  abort(): void {
    const stream = this.#stream
    this.#over = true
    this.giveUp?.()
    this.giveUp = undefined
    this.#backlog = []
    if (stream !== undefined) giveUp(stream)
  }

  // What happens to it.

  /** It is over before, or without, an answer. */
  fail(error: ProxyError): void {
    this.giveUp = undefined
    if (this.#over) return
    this.#over = true
    this.#events.failed(error)
  }

  /** The same from within `send`. */
  failSoon(error: ProxyError): void {
    process.nextTick(() => this.fail(error))
  }

  /** What has come so far may go on. */
  flush(): void {
    this.#flushSoon = false
    if (this.#over) return
    if (this.#received === this.#head?.length && !this.#lastCall) {
      // Only the end is missing. Servers often write it a moment later; head, body and end go on in one piece then.
      this.#lastCall = true
      this.#askFlush()
    } else {
      this.#events.flush()
    }
  }

  informational(status: number, raw: RawHeaders): void {
    this.#session?.heard()
    if (this.#over) return
    try {
      const fields = withoutPseudo(raw)
      checkInformationalHead(fields)
      this.#events.informational(status, fields)
    } catch (error) {
      this.#break(error as ProxyError)
    }
  }

  answered(status: number, raw: RawHeaders, complete: boolean): void {
    this.#session?.heard()
    if (this.#over) return
    const stream = this.#stream as CarriedStream
    let head: AnswerHead
    try {
      head = answerHead(this.request.method, status, raw, complete)
    } catch (error) {
      this.#break(error as ProxyError)
      return
    }
    if (this.request.upgrade !== undefined && status < 300 && !complete) {
      this.#handOver(stream, head)
      return
    }
    this.#head = head
    this.#events.response(head)
    if (this.#over || complete) return
    this.#deliver()
    if (this.#over) return
    this.#askFlush()
  }

  #askFlush(): void {
    if (this.#flushSoon) return
    this.#flushSoon = true
    this.#placing.flushSoon(this)
  }

  arrived(chunk: Buffer): boolean {
    if (this.#over) return true
    this.#received += chunk.length
    if (this.#paused || this.#head === undefined) this.#backlog.push(chunk)
    else this.#pass(chunk)
    return !this.#paused
  }

  #pass(chunk: Buffer): void {
    this.#session?.heard()
    this.#paused = !this.#events.data(chunk)
    if (this.#over) return
    this.#askFlush()
    // A short answer does not need more room than there is from the beginning.
    if (!this.#reads && !this.#paused && this.#received >= readingFrom) this.#read()
  }

  trailers(raw: RawHeaders): void {
    this.#answerTrailers = withoutPseudo(raw)
  }

  ended(): void {
    this.#ended = true
  }

  told(): void {
    if (!this.#paused && !this.#over && this.#head !== undefined) this.#finish()
  }

  #deliver(): void {
    while (this.#backlog.length > 0 && !this.#paused && !this.#over) this.#pass(this.#backlog.shift() as Buffer)
  }

  #handOver(stream: CarriedStream, head: AnswerHead): void {
    this.#over = true
    this.#stream = undefined
    handOver(stream)
    this.#events.upgraded(acceptedHead(head, this.request), stream, Buffer.concat(this.#backlog))
  }

  drained(): void {
    if (!this.#waits) return
    this.#waits = false
    if (!this.#over) this.#events.drained()
  }

  closed(stream: ClientHttp2Stream): void {
    const session = this.#session as Session
    session.ended()
    // All of the answer is here; the client takes its time.
    if (this.#over || (this.#ended && this.#head !== undefined)) return
    if (stream.rstCode === noError && !session.lost && this.#received === this.#head?.length) {
      // Node's own server may leave the end out when it has much to write: what the head announced is here.
      this.#ended = true
      this.told()
      return
    }
    const refused = stream.rstCode === refusedStream || session.disowned(stream.id)
    if (refused && this.#head === undefined) this.#again(session, 'the server refused the stream')
    else this.fail(closeError(session, stream.rstCode, this.#head !== undefined))
  }

  /** The server has not seen it: once more, if it can be sent from its beginning. */
  #again(session: Session, why: string): void {
    if (this.#refused || this.#bodyBegun) {
      this.failSoon(new ProxyError('ERR_STREAM_REFUSED', why))
      return
    }
    this.#refused = true
    this.#stream = undefined
    this.#session = undefined
    this.#placing.place(this, session)
  }

  /** The answer is complete: is it what its head said? */
  #finish(): void {
    const { length } = this.#head as AnswerHead
    const stream = this.#stream as CarriedStream
    try {
      if (length !== undefined && length !== this.#received) {
        throw new ProxyError('ERR_RESPONSE_INCOMPLETE', 'the body is not as long as its head says')
      }
      checkTrailers(this.#answerTrailers)
    } catch (error) {
      this.#break(error as ProxyError)
      return
    }
    this.#over = true
    if (stream.closed) stream.destroy()
    this.#events.end(this.#answerTrailers)
  }

  #break(error: ProxyError): void {
    if (this.#stream !== undefined) reset(this.#stream, protocolError)
    this.fail(error)
  }
}
