import type { EventEmitter } from 'node:events'
import type { Clock } from '../clock.js'
import type { ServerAddress } from '../pool/address.js'
import { createHttpProxyTransport } from './http-proxy/transport.js'
import { createHttp1Transport } from './http1/transport.js'
import type { TransportName } from './names.js'
import type { TransportOptions } from './options.js'
import type { Upstream } from './transport.js'

/** Makes what carries requests to `address`; nothing is connected yet. */
type UpstreamMaker = (address: ServerAddress, options: TransportOptions) => Upstream

const transports: Record<TransportName, (clock: Clock, listeners: EventEmitter) => UpstreamMaker> = {
  http1: (clock) => {
    const transport = createHttp1Transport(clock)
    return (address, options) => transport.upstream(address, options)
  },
  'http-proxy': (clock, listeners) => {
    const transport = createHttpProxyTransport(clock, listeners)
    return (address, options) => transport.upstream(address, options, options.httpProxy)
  },
}

/**
 * The upstreams of a proxy. Entries that reach the same server in the same way share one, and so its connections; an
 * upstream that a reload asks for again is the one that was there.
 */
export class Upstreams {
  readonly #clock: Clock
  readonly #listeners: EventEmitter
  readonly #makers = new Map<TransportName, UpstreamMaker>()
  #current = new Map<string, Upstream>()
  #next = new Map<string, Upstream>()

  constructor(clock: Clock, listeners: EventEmitter) {
    this.#clock = clock
    this.#listeners = listeners
  }

  at(address: ServerAddress, options: TransportOptions): Upstream {
    const key = JSON.stringify([address.id, transportPart(options)])
    let upstream = this.#next.get(key) ?? this.#current.get(key)
    upstream ??= this.#maker(options.transport)(address, options)
    this.#next.set(key, upstream)
    return upstream
  }

  /** Closes what has not been asked for since the last call. */
  settle(): void {
    for (const [key, upstream] of this.#current) if (!this.#next.has(key)) upstream.close()
    this.#current = this.#next
    this.#next = new Map()
  }

  #maker(name: TransportName): UpstreamMaker {
    let maker = this.#makers.get(name)
    if (maker === undefined) {
      maker = transports[name](this.#clock, this.#listeners)
      this.#makers.set(name, maker)
    }
    return maker
  }
}

/** An entry's options hold much more than what tells connections apart. */
function transportPart(options: TransportOptions): unknown[] {
  return [
    options.transport,
    options.connectTimeout,
    options.keepAliveTimeout,
    options.keepAliveConnections,
    options.upstreamCA,
    options.upstreamCertificate,
    options.upstreamKey,
    options.upstreamServerName,
    options.upstreamVerify,
    options.httpProxy,
  ]
}
