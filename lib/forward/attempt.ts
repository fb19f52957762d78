import type { Duplex } from 'node:stream'
import type { ProxyError } from '../errors.js'
import type { Lease } from '../pool/lease.js'
import type { Carriage, CarriageEvents, RawHeaders, ResponseHead, Upstream } from '../transports/transport.js'
import type { Exchange } from './exchange.js'

/** One try of a request at one server. It tells the exchange what happens, and holds the server until it is over. */
export class Attempt implements CarriageEvents {
  readonly lease: Lease<Upstream>
  /** It was made on a new connection, after a kept one had turned out dead. */
  readonly fresh: boolean
  /** It went over a kept connection. */
  reused = false
  /** The head of an answer has come. */
  answered = false
  readonly #exchange: Exchange
  readonly #carriage: Carriage
  #over = false

  constructor(exchange: Exchange, lease: Lease<Upstream>, fresh: boolean) {
    this.#exchange = exchange
    this.lease = lease
    this.fresh = fresh
    this.#carriage = exchange.carry(this)
  }

  connected(carriage: Carriage, reused: boolean): void {
    this.reused = reused
    this.#exchange.connected(carriage)
  }

  informational(status: number, headers: RawHeaders): void {
    this.#exchange.answer.inform(status, headers)
  }

  response(head: ResponseHead): void {
    this.answered = true
    this.#exchange.respond(this, head)
  }

  data(chunk: Buffer): boolean {
    return this.#exchange.respondData(chunk)
  }

  holds(): boolean {
    return this.#exchange.answer.holds
  }

  flush(): void {
    this.#exchange.answer.flush()
  }

  end(trailers: RawHeaders): void {
    this.#over = true
    // The upload goes on although nobody waits for it: its connection cannot be used again.
    if (!this.#exchange.outgoing.complete) this.#carriage.abort()
    this.lease.release()
    this.#exchange.respondEnd(trailers)
  }

  upgraded(head: ResponseHead, socket: Duplex, rest: Buffer): void {
    this.answered = true
    this.#exchange.upgraded(this, head, socket, rest)
  }

  drained(): void {
    this.#exchange.outgoing.body?.drained()
  }

  failed(error: ProxyError): void {
    this.#over = true
    this.#exchange.attemptFailed(this, error)
  }

  /** The client takes more of the answer. */
  resume(): void {
    this.#carriage.resume()
  }

  /** Ends the try without a verdict on the server. */
  cancel(): void {
    if (!this.#over) this.#carriage.abort()
    this.#over = true
    this.lease.release()
  }

  /** Ends the try with a failure that the transport did not see: a timeout, an answer that cannot be passed on. */
  fail(error: ProxyError): void {
    if (this.#over) return
    this.#over = true
    this.#carriage.abort()
    this.#exchange.attemptFailed(this, error)
  }
}
