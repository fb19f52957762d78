/**
 * The transport that is built on the `http-proxy` package.
 *
 * What is used of the package is its way of making a request (`options`, `auth`, `headers`, `changeOrigin`) and its
 * events; three things that it does by itself are kept away from it:
 *
 * - It pipes the client's body at once, and loses it when there is no connection. Here a connection stands first, and
 *   is handed over through an agent that holds just this one.
 * - Its passes rewrite heads (for DELETE and OPTIONS they drop `Transfer-Encoding` while the body is still sent:
 *   CVE-2026-29057), collapse doubled slashes of the path, and lower the case of names. It gets a stand-in for the
 *   client's request with the final fields, and the target is set when the package is done with it.
 * - It answers the client, and ends the client's socket after an error. Its stand-in for the response says that it is
 *   finished already, so the package leaves it alone. Upgrades go the same way as requests, for the same reason.
 */

import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import type HttpProxy from 'http-proxy'
import type { Clock } from '../../clock.js'
import type { ServerAddress } from '../../pool/address.js'
import { Connections } from '../connections.js'
import type { ConnectionOptions, Transport, Upstream } from '../transport.js'
import { HttpProxyCarriage, type RequestStandIn } from './carriage.js'

/** Options of the http-proxy package that have a meaning here; the others are settings of the proxy itself. */
export interface HttpProxyOptions {
  /** Basic authentication to the server, as `user:password`. */
  readonly auth?: string
  /** Fields that are added to every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** `Host` names the server; the same as `PreserveHost Off`. */
  readonly changeOrigin?: boolean
  /** The local address that connections to servers are made from. */
  readonly localAddress?: string
}

class HttpProxyTransport implements Transport {
  readonly name = 'http-proxy'
  readonly #clock: Clock
  readonly #listeners: EventEmitter
  readonly #package: HttpProxy

  constructor(clock: Clock, listeners: EventEmitter) {
    this.#clock = clock
    this.#listeners = listeners
    this.#package = loadPackage().createProxyServer({ toProxy: true, selfHandleResponse: true })
    // The only pass that is wanted is the one that makes the request.
    const { webPasses } = this.#package as unknown as { webPasses: { name: string }[] }
    webPasses.splice(0, webPasses.length, ...webPasses.filter((pass) => pass.name === 'stream'))
    this.#package.on('proxyReq', (proxyReq, standIn) => {
      ;(standIn as unknown as RequestStandIn).carriage.begin(proxyReq)
    })
  }

  upstream(address: ServerAddress, options: ConnectionOptions, own: HttpProxyOptions = {}): Upstream {
    const connections = new Connections(address, options, this.#clock, own.localAddress)
    return {
      send: (request, events) =>
        new HttpProxyCarriage(this.#package, this.#listeners, connections, address, own, request, events),
      close: () => connections.close(),
    }
  }
}

/** Makes the transport. `listeners` is emitted the events of http-proxy: `proxyReq`, `proxyRes`, `proxyReqWs`. */
export function createHttpProxyTransport(clock: Clock, listeners: EventEmitter): HttpProxyTransport {
  return new HttpProxyTransport(clock, listeners)
}

/** The package takes `util._extend` as it loads; on Node 22 and later the first call of it warns (DEP0060). */
function loadPackage(): typeof HttpProxy {
  const require = createRequire(import.meta.url)
  const util = require('node:util') as { _extend: unknown }
  const original = util._extend
  util._extend = Object.assign
  try {
    return require('http-proxy') as typeof HttpProxy
  } finally {
    util._extend = original
  }
}
