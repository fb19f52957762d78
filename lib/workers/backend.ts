/** What a worker's requests are handed to: an application in the same process, or a server that the sidecar stands before. */

import { createServer, type RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import type { DialWaiter } from '../transports/dial.js'
import { http1Over } from '../transports/http1/transport.js'
import type { Upstream } from '../transports/transport.js'
import { type PipeAddresses, PipeEnd } from './pipe.js'

/** What a worker serves. */
export interface Backend {
  /** For the requests of one tunnel. */
  open(addresses: PipeAddresses): Upstream
  /** That tunnel is over. */
  release(upstream: Upstream): void
}

/** What `joinProxy` takes: a listener of requests (an Express app is one), or a server that has one. */
export type App = RequestListener | Server

/** Unused pipes to an application cost nothing but their memory, and have nobody who closes them. */
const keepOptions = { keepAliveTimeout: 60_000, keepAliveConnections: 256 }

/**
 * Hands requests to Node's own HTTP server over pipes: most frameworks cannot work with anything but its requests and
 * responses.
 */
export class AppBackend implements Backend {
  readonly #server: Server
  readonly #clock: Clock

  /** @throws TypeError for what is no application. */
  constructor(app: App, clock: Clock) {
    this.#server = app instanceof Server ? app : serverOf(app)
    this.#clock = clock
  }

  open(addresses: PipeAddresses): Upstream {
    return http1Over({ dial: (waiter) => this.#dial(waiter, addresses) }, keepOptions, this.#clock)
  }

  release(upstream: Upstream): void {
    upstream.close()
  }

  #dial(waiter: DialWaiter, addresses: PipeAddresses): () => void {
    let wanted = true
    process.nextTick(() => {
      if (!wanted) return
      // A request must not be answered while it is being sent; an answer may be read while it is written.
      const near = new PipeEnd(addresses, true, this.#clock)
      const far = new PipeEnd(addresses, false, this.#clock)
      near.join(far)
      for (const end of [near, far]) end.on('error', ignore)
      this.#server.emit('connection', far)
      waiter.connected(near as unknown as Socket)
    })
    return () => {
      wanted = false
    }
  }
}

function serverOf(app: unknown): Server {
  if (typeof app !== 'function') {
    const secure = typeof app === 'object' && app !== null && 'setSecureContext' in app
    const hint = secure ? '; of a TLS server, give the listener: the tunnel has TLS of its own' : ''
    throw new TypeError(`joinProxy needs a request listener, an Express app or an http.Server${hint}`)
  }
  // Times and lengths are the proxy's to limit. Pipes are closed by who opens them.
  return createServer(
    {
      keepAliveTimeout: 0,
      headersTimeout: 0,
      requestTimeout: 0,
      maxHeaderSize: 256 * 1024,
      requireHostHeader: false,
      insecureHTTPParser: false,
    },
    app as RequestListener,
  )
}

function ignore(): void {}
