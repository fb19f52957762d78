/** One address that is listened at. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { Clock } from '../clock.js'
import { formatAddress } from './address-text.js'
import { Connections } from './connections.js'
import type { ListenAddress, ListenOptions } from './options.js'
import { ProxyHeaders } from './proxy-headers.js'
import { type AnyServer, changeOptions, makeServer } from './server.js'
import { clearStaleSocket } from './unix-socket.js'

/** What answers the requests: a proxy. */
export interface RequestHandler {
  (req: IncomingMessage, res: ServerResponse): void
  /** Puts on a server what it needs beside the handler: the listeners of upgrades. */
  attach(server: never): unknown
}

/** An address, and the options of the `[LISTEN]` that names it. */
export interface Site {
  readonly address: ListenAddress
  readonly options: ListenOptions
}

/**
 * Milliseconds for which connections without a request stay open once the server accepts no more: what is on its way
 * already is still answered, and told that the connection ends.
 */
const graceTime = 200

export class Listener {
  readonly site: Site
  /** As a URL, with the port that the system has chosen. */
  readonly text: string
  readonly #server: AnyServer
  readonly #headers: ProxyHeaders
  readonly #connections: Connections
  readonly #clock: Clock
  readonly #gone: Promise<void>
  #options: ListenOptions
  #retired: Promise<void> | undefined

  /**
   * Rejects when nobody can listen there. `shared`: other processes listen there too, through node:cluster, and what
   * stands at the path of a Unix socket is theirs.
   */
  static async open(site: Site, handler: RequestHandler, clock: Clock, shared = false): Promise<Listener> {
    const server = makeServer(site.address, site.options, clock)
    const headers = new ProxyHeaders(server, site.options, clock)
    handler.attach(server as never)
    server.on('request', handler as never)
    const { socketPath } = site.address
    if (socketPath !== undefined && !shared) await clearStaleSocket(socketPath)
    const connections = new Connections(server)
    await listen(server, site.address)
    return new Listener(site, server, headers, connections, clock)
  }

  private constructor(site: Site, server: AnyServer, headers: ProxyHeaders, connections: Connections, clock: Clock) {
    this.site = site
    this.#options = site.options
    this.#server = server
    this.#headers = headers
    this.#connections = connections
    this.#clock = clock
    this.text = formatAddress(site.address, server.address())
    this.#gone = new Promise((resolve) => server.once('close', resolve))
    // What fails later (a connection that could not be accepted, for want of file descriptors) fails for that one alone.
    server.on('error', () => {})
  }

  get options(): ListenOptions {
    return this.#options
  }

  /** The TCP port; 0 for a Unix socket. */
  get port(): number {
    const bound = this.#server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : 0
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size
  }

  /** Puts other options in force, but for `HTTP2`, which belongs to the server as a whole. */
  change(options: ListenOptions): void {
    this.#options = options
    changeOptions(this.#server, options)
    this.#headers.change(options)
  }

  /** Accepts nothing more, lets each connection end with its answer; resolves when those without a request are closed. */
  retire(): Promise<void> {
    this.#retired ??= this.#retire()
    return this.#retired
  }

  /** Retires, waits until every connection is gone, and cuts those that are left after `timeout` milliseconds. */
  async close(timeout: number): Promise<void> {
    const timer = this.#clock.setTimeout(() => this.#connections.destroy(), timeout)
    void this.retire()
    await this.#gone
    timer.cancel()
    // Ends the timer that looks for late requests.
    this.#server.close()
  }

  async #retire(): Promise<void> {
    // Not the server's own close(), which would cut connections; see connections.ts.
    NetServer.prototype.close.call(this.#server)
    this.#connections.retire()
    if (this.#connections.size > 0) await this.#graceOver()
    this.#headers.closeWaiting()
    this.#connections.closeUnused()
  }

  #graceOver(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(resolve, graceTime)
      void this.#gone.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

function listen(server: AnyServer, { host, port, socketPath }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    if (socketPath !== undefined) server.listen({ path: socketPath })
    else server.listen(host === '' ? { port } : { host, port })
  })
}
