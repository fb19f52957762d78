import { EventEmitter } from 'node:events'
import type { Clock } from '../clock.js'
import type { ServerAddress } from '../pool/address.js'
import type { TransportOptions } from '../transports/options.js'
import { Upstreams } from '../transports/registry.js'
import type { Upstream } from '../transports/transport.js'
import type { Backend } from './backend.js'

/** The defaults of an entry. */
const options: TransportOptions = {
  transport: 'http1',
  connectTimeout: 5_000,
  keepAliveTimeout: 4_000,
  keepAliveConnections: 256,
  upstreamCA: undefined,
  upstreamCertificate: undefined,
  upstreamKey: undefined,
  upstreamServerName: undefined,
  upstreamVerify: true,
  httpProxy: undefined,
}

/** A server in another process, of whatever language: what the sidecar stands before. */
export class ServerBackend implements Backend {
  readonly #address: ServerAddress
  readonly #upstreams: Upstreams

  constructor(address: ServerAddress, clock: Clock) {
    this.#address = address
    this.#upstreams = new Upstreams(clock, new EventEmitter())
  }

  /** All tunnels share its connections. */
  open(): Upstream {
    return this.#upstreams.take(this.#address, options)
  }

  release(upstream: Upstream): void {
    this.#upstreams.giveBack(upstream)
  }
}
