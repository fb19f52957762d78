import type { EventEmitter } from 'node:events'
import type { Clock } from '../clock.js'
import type { ServerAddress } from '../pool/address.js'
import { createHttpProxyTransport } from './http-proxy/transport.js'
import { createHttp1Transport } from './http1/transport.js'
import { Joined, JoinedUpstream } from './http2/joined.js'
import { createHttp2Transport } from './http2/transport.js'
import type { TransportName } from './names.js'
import type { TransportOptions } from './options.js'
import type { Upstream } from './transport.js'

/** Makes what carries requests to `address`; nothing is connected yet. */
type UpstreamMaker = (address: ServerAddress, options: TransportOptions) => Upstream

/** What carries a request: the scheme of the address decides where it must, and `Transport` otherwise. */
type CarrierName = TransportName | 'http2'

const transports: Record<CarrierName, (clock: Clock, listeners: EventEmitter) => UpstreamMaker> = {
  http1: (clock) => {
    const transport = createHttp1Transport(clock)
    return (address, options) => transport.upstream(address, options)
  },
  http2: (clock) => {
    const transport = createHttp2Transport(clock)
    return (address, options) => transport.upstream(address, options)
  },
  'http-proxy': (clock, listeners) => {
    const transport = createHttpProxyTransport(clock, listeners)
    return (address, options) => transport.upstream(address, options, options.httpProxy)
  },
}

/** An upstream, and how many use it. */
interface Shared {
  readonly key: string
  users: number
}

/**
 * The upstreams of a proxy. Whoever reaches the same server in the same way shares one, and so its connections. It is
 * closed when the last one has given it back; a reload takes what it needs before the old configuration gives back.
 */
export class Upstreams {
  /** The workers that have dialled in. Whoever listens for them adds their connections here. */
  readonly joined: Joined
  readonly #clock: Clock
  readonly #listeners: EventEmitter
  readonly #makers = new Map<CarrierName, UpstreamMaker>()
  readonly #byKey = new Map<string, Upstream>()
  readonly #shared = new Map<Upstream, Shared>()

  constructor(clock: Clock, listeners: EventEmitter) {
    this.#clock = clock
    this.#listeners = listeners
    this.joined = new Joined(clock)
  }

  /** Tells apart ways to reach a server. It may hold a key in PEM: nobody is to see it. */
  key(address: ServerAddress, options: TransportOptions): string {
    // Nothing of the options has to do with a connection that the other side opens.
    return address.scheme === 'worker' ? address.id : JSON.stringify([address.id, transportPart(address, options)])
  }

  take(address: ServerAddress, options: TransportOptions): Upstream {
    if (address.scheme === 'worker') return this.joined.take(address)
    const key = this.key(address, options)
    let upstream = this.#byKey.get(key)
    if (upstream === undefined) {
      upstream = this.#maker(carrierOf(address, options))(address, options)
      this.#byKey.set(key, upstream)
      this.#shared.set(upstream, { key, users: 0 })
    }
    this.#shared.get(upstream)!.users++
    return upstream
  }

  giveBack(upstream: Upstream): void {
    if (upstream instanceof JoinedUpstream) {
      this.joined.giveBack(upstream)
      return
    }
    const shared = this.#shared.get(upstream)
    if (shared === undefined || --shared.users > 0) return
    this.#shared.delete(upstream)
    this.#byKey.delete(shared.key)
    upstream.close()
  }

  #maker(name: CarrierName): UpstreamMaker {
    let maker = this.#makers.get(name)
    if (maker === undefined) {
      maker = transports[name](this.#clock, this.#listeners)
      this.#makers.set(name, maker)
    }
    return maker
  }
}

function carrierOf({ scheme }: ServerAddress, options: TransportOptions): CarrierName {
  return scheme === 'h2' || scheme === 'h2c' ? 'http2' : options.transport
}

/** An entry's options hold much more than what tells connections apart. */
function transportPart(address: ServerAddress, options: TransportOptions): unknown[] {
  return [
    carrierOf(address, options),
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
