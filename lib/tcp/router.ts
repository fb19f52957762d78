/** Content-aware routing of TCP connections: the first bytes of a client decide which server it is connected to. */

import { EventEmitter, once } from 'node:events'
import type { AddressInfo, ListenOptions, Server, Socket } from 'node:net'
import { type Clock, systemClock, type Timer } from '../clock.js'
import { ConnectionNumbers } from '../forward/connection-numbers.js'
import { Deadlines } from '../forward/deadline.js'
import { Connection, type Surroundings } from './connection.js'
import type { Route } from './decision.js'
import type { TcpCounts, TcpRouterEvents, TcpSummary } from './events.js'
import { type CheckedOptions, checkOptions, type TcpRouterOptions } from './options.js'
import { makeTcpServer } from './server.js'

/** Settings that are no options of the router itself. */
export interface TcpRouterSettings {
  /** For tests. Default: the machine's. */
  readonly clock?: Clock
}

/** How a router is closed. */
export interface TcpCloseOptions {
  /** Milliseconds for the connections under way; `Infinity`: as long as they take. Default: 30000. */
  readonly timeout?: number
}

/**
 * Makes a router, which connects each client to the server that `route` decides on by the client's first bytes:
 *
 *     const router = createTcpRouter((data) => {
 *       if (data.length === 0) return { noop: true }
 *       return data[0] === 0x16 ? { remote: '10.0.0.1:443' } : { remote: '10.0.0.2:22' }
 *     })
 *     await router.listen(4000)
 *
 * @throws {TypeError} naming the option that is wrong
 */
export function createTcpRouter(
  route: Route,
  options: TcpRouterOptions = {},
  settings: TcpRouterSettings = {},
): TcpRouter {
  if (typeof route !== 'function') throw new TypeError('a route is a function')
  return new TcpRouter(route, checkOptions(options), settings.clock ?? systemClock)
}

export class TcpRouter {
  readonly #surroundings: Surroundings
  readonly #events = new EventEmitter<TcpRouterEvents>()
  readonly #servers = new Set<Server>()
  readonly #connections = new Set<Connection>()
  readonly #deadlines: Deadlines
  readonly #clock: Clock
  #peak = 0
  #total = 0
  #closing: Promise<void> | undefined
  #whenIdle: (() => void) | undefined

  /**
   * `options` are complete; {@link createTcpRouter} makes them so. `numbers`: those of the connections of several routers
   * together.
   */
  constructor(
    route: Route,
    options: CheckedOptions,
    clock: Clock,
    numbers: ConnectionNumbers = new ConnectionNumbers(),
  ) {
    this.#clock = clock
    this.#deadlines = new Deadlines(clock)
    this.#surroundings = {
      route,
      options,
      clock,
      deadlines: this.#deadlines,
      numbers,
      tell: (name, ...args) => this.#tell(name, ...args),
      over: (connection, summary) => this.#over(connection, summary),
    }
  }

  /** How many connections there are. */
  get counts(): TcpCounts {
    return { current: this.#connections.size, peak: this.#peak, total: this.#total }
  }

  on<Name extends keyof TcpRouterEvents>(name: Name, listener: (...args: TcpRouterEvents[Name]) => void): this {
    this.#events.on(name, listener as never)
    return this
  }

  once<Name extends keyof TcpRouterEvents>(name: Name, listener: (...args: TcpRouterEvents[Name]) => void): this {
    this.#events.once(name, listener as never)
    return this
  }

  off<Name extends keyof TcpRouterEvents>(name: Name, listener: (...args: TcpRouterEvents[Name]) => void): this {
    this.#events.off(name, listener as never)
    return this
  }

  /**
   * Accepts clients at a port, or at what Node's `server.listen` takes (`{ path: '/run/tcp.sock' }`); may be called for
   * several places. Without `host` that is all addresses of the machine.
   *
   * @returns where it listens; a text for a Unix socket
   */
  async listen(where: number | ListenOptions, host?: string): Promise<AddressInfo | string> {
    if (this.#closing !== undefined) throw new Error('the router is closed')
    const options = typeof where === 'number' ? { port: where, ...(host === undefined ? {} : { host }) } : where
    const server = makeTcpServer((socket) => this.handle(socket))
    this.#servers.add(server)
    const settled = new AbortController()
    const { signal } = settled
    try {
      server.listen(options)
      // Closed before it listens, it never tells that it does.
      await Promise.race([once(server, 'listening', { signal }), once(server, 'close', { signal })])
    } catch (error) {
      this.#servers.delete(server)
      throw error
    } finally {
      settled.abort()
    }
    if (this.#closing !== undefined) {
      // If the name of a host is still being looked up it listens, or fails, all the same.
      server.on('listening', () => server.close()).on('error', () => {})
      server.close()
      throw new Error('the router is closed')
    }
    // It has run out of file descriptors, and accepts again once it has some.
    server.on('error', (error) => this.#tell('error', error, undefined))
    return server.address() as AddressInfo | string
  }

  /**
   * Takes a connection that was accepted elsewhere. Its server should have been made with `allowHalfOpen: true` (the
   * router sets it for the connection too), and nobody else may read from it.
   */
  handle(socket: Socket): void {
    if (this.#closing !== undefined || socket.destroyed) {
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const connection = new Connection(socket, this.#surroundings)
    this.#connections.add(connection)
    this.#total++
    if (this.#connections.size > this.#peak) this.#peak = this.#connections.size
    this.#tell('connection', connection.client)
    connection.start()
  }

  /**
   * Accepts nobody any more, waits until the connections under way are over, and cuts those that are left when the time
   * is up. A second call waits for the first one; `timeout: 0` cuts at once even then.
   */
  close({ timeout = 30_000 }: TcpCloseOptions = {}): Promise<void> {
    const timer = this.#cutAfter(timeout)
    this.#closing ??= this.#close()
    return this.#closing.finally(() => timer?.cancel())
  }

  #cutAfter(timeout: number): Timer | undefined {
    if (timeout <= 0) this.#cut()
    return timeout > 0 && timeout < Number.POSITIVE_INFINITY
      ? this.#clock.setTimeout(() => this.#cut(), timeout)
      : undefined
  }

  async #close(): Promise<void> {
    const closed = [...this.#servers].map((server) => {
      const end = once(server, 'close')
      server.close()
      return end
    })
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    await Promise.all(closed)
    this.#deadlines.close()
  }

  #cut(): void {
    for (const connection of this.#connections) connection.cut()
  }

  #over(connection: Connection, summary: TcpSummary): void {
    this.#connections.delete(connection)
    this.#tell('close', connection.client, summary)
    if (this.#connections.size === 0) this.#whenIdle?.()
  }

  #tell<Name extends keyof TcpRouterEvents>(name: Name, ...args: TcpRouterEvents[Name]): void {
    // An error that nobody listens for would be thrown.
    if (this.#events.listenerCount(name) > 0) this.#events.emit(name, ...(args as never))
  }
}
