import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { ProxyError } from '#lib/errors.js'
import type {
  Carriage,
  CarriageEvents,
  ConnectionOptions,
  RawHeaders,
  ResponseHead,
  TransportRequest,
  Upstream,
} from '#lib/transports/transport.js'
import { within } from './wire.js'

export const connectionOptions: ConnectionOptions = {
  connectTimeout: 5_000,
  keepAliveTimeout: 4_000,
  keepAliveConnections: 8,
  upstreamCA: undefined,
  upstreamCertificate: undefined,
  upstreamKey: undefined,
  upstreamServerName: undefined,
  upstreamVerify: true,
}

/** A request, of which only what matters has to be said. */
export function transportRequest(given: Partial<TransportRequest> = {}): TransportRequest {
  const method = given.method ?? 'GET'
  return {
    method,
    target: '/',
    headers: ['Host', 'server.test'],
    hasBody: false,
    upgrade: undefined,
    idempotent: method !== 'POST',
    fresh: false,
    source: { req: { socket: {} }, res: {} } as never,
    ...given,
  }
}

/** One request, and everything that its transport says about it. */
export class Sent implements CarriageEvents {
  /** The names of the events, in order: `connected`, `informational 103`, `response 200`, `data`, `end` … */
  readonly log: string[] = []
  reused: boolean | undefined
  /** What has come so far may go out. */
  flushed = false
  readonly informationals: { status: number; headers: RawHeaders }[] = []
  head: ResponseHead | undefined
  readonly chunks: Buffer[] = []
  received = 0
  trailers: RawHeaders | undefined
  socket: Duplex | undefined
  rest: Buffer | undefined
  error: ProxyError | undefined
  /** Whether more of the body is wanted. */
  wants = true
  /** Data is counted only. */
  counting = false
  readonly carriage: Carriage
  readonly #emitter = new EventEmitter()
  readonly #onConnected: ((carriage: Carriage) => void) | undefined
  #synchronous = true

  constructor(upstream: Upstream, given: Partial<TransportRequest> = {}, onConnected?: (carriage: Carriage) => void) {
    this.#onConnected = onConnected
    this.#emitter.setMaxListeners(0)
    this.carriage = upstream.send(transportRequest(given), this)
    this.#synchronous = false
  }

  connected(carriage: Carriage, reused: boolean): void {
    this.reused = reused
    this.#note('connected')
    this.#onConnected?.(carriage)
  }

  informational(status: number, headers: RawHeaders): void {
    this.informationals.push({ status, headers })
    this.#note(`informational ${status}`)
  }

  response(head: ResponseHead): void {
    this.head = head
    this.#note(`response ${head.status}`)
  }

  data(chunk: Buffer): boolean {
    if (!this.counting) this.chunks.push(chunk)
    this.received += chunk.length
    if (this.log.at(-1) !== 'data') this.#note('data')
    this.#emitter.emit('more')
    return this.wants
  }

  holds(): boolean {
    return !this.counting
  }

  end(trailers: RawHeaders): void {
    this.trailers = trailers
    this.#note('end')
  }

  upgraded(head: ResponseHead, socket: Duplex, rest: Buffer): void {
    this.head = head
    this.socket = socket
    this.rest = rest
    this.#note('upgraded')
  }

  flush(): void {
    if (/^(end|upgraded|failed)/.test(this.log.at(-1) ?? '')) throw new Error('flush came after the end')
    this.flushed = true
    this.#emitter.emit('more')
  }

  drained(): void {
    this.#emitter.emit('drained')
  }

  failed(error: ProxyError): void {
    this.error = error
    this.#note(`failed ${error.code}`)
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  /** The first word of an event: comes back when it has happened. */
  async when(
    event: 'connected' | 'informational' | 'response' | 'data' | 'end' | 'upgraded' | 'failed',
  ): Promise<void> {
    const happened = (): boolean => this.log.some((entry) => entry.split(' ')[0] === event)
    await this.#until(happened, event)
  }

  /** Comes back when the transport takes more. */
  drains(): Promise<void> {
    return within(new Promise((resolve) => this.#emitter.once('drained', resolve)), 'drained')
  }

  /** Comes back when so many bytes of the body have come. */
  async receives(bytes: number): Promise<void> {
    await this.#until(() => this.received >= bytes, `${bytes} bytes`)
  }

  /** Comes back when what has come so far may go out. */
  async flushes(): Promise<void> {
    this.flushed = false
    await this.#until(() => this.flushed, 'flush')
  }

  /** It is over, one way or another: the log. */
  async over(): Promise<readonly string[]> {
    await this.#until(() => /^(end|upgraded|failed)/.test(this.log.at(-1) ?? ''), 'the end')
    return this.log
  }

  #until(holds: () => boolean, what: string): Promise<void> {
    const waiting = new Promise<void>((resolve) => {
      const check = (): void => {
        if (!holds()) return
        this.#emitter.off('more', check)
        resolve()
      }
      this.#emitter.on('more', check)
      check()
    })
    return within(waiting, `${what} after ${this.log.join(', ')}${this.error === undefined ? '' : this.error.message}`)
  }

  #note(entry: string): void {
    if (this.#synchronous && entry !== 'connected') throw new Error(`${entry} came during send`)
    this.log.push(entry)
    this.#emitter.emit('more')
  }
}
