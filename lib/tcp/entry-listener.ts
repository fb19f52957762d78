/** One address of TCP entries: a server, and the router that its connections go to. */

import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import type { Clock } from '../clock.js'
import type { ConnectionNumbers } from '../forward/connection-numbers.js'
import type { Logger } from '../forward/events.js'
import type { TcpSite } from './entries.js'
import type { EntryTable } from './entry-table.js'
import type { TcpListenAddress } from './listen-address.js'
import { checkOptions } from './options.js'
import { TcpRouter } from './router.js'
import { makeTcpServer } from './server.js'

export interface EntryListenerParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly numbers: ConnectionNumbers
}

export class EntryListener {
  readonly address: TcpListenAddress
  readonly #parts: EntryListenerParts
  readonly #server: Server
  /** Routers that take no more connections, and still have some. */
  readonly #leaving = new Set<TcpRouter>()
  #table: EntryTable
  #router: TcpRouter

  /** Rejects when nobody can listen there. */
  static async open({ address, table }: TcpSite, parts: EntryListenerParts): Promise<EntryListener> {
    const listener = new EntryListener(address, table, parts)
    const { host, port, socketPath } = address
    const server = listener.#server
    if (socketPath !== undefined) server.listen({ path: socketPath })
    else server.listen(host === '' ? { port } : { host, port })
    await once(server, 'listening')
    // It has run out of file descriptors, and accepts again once it has some.
    server.on('error', ({ message }) => parts.logger.warn(`tcp: a connection could not be accepted: ${message}`))
    return listener
  }

  private constructor(address: TcpListenAddress, table: EntryTable, parts: EntryListenerParts) {
    this.address = address
    this.#parts = parts
    this.#table = table
    this.#router = this.#routerOf(table)
    this.#server = makeTcpServer((socket) => this.#router.handle(socket))
  }

  /** Where the system has put it; none once it is closed. */
  get bound(): AddressInfo | string | null {
    return this.#server.address()
  }

  /** Open connections. */
  get size(): number {
    return [this.#router, ...this.#leaving].reduce((sum, { counts }) => sum + counts.current, 0)
  }

  /** Other entries count, for connections that have gone nowhere yet. All others stay as they are. */
  change(table: EntryTable): void {
    const { acceptProxyProtocol, needsName } = this.#table
    this.#table = table
    if (acceptProxyProtocol === table.acceptProxyProtocol && needsName === table.needsName) return
    const old = this.#router
    this.#router = this.#routerOf(table)
    this.#leaving.add(old)
    void old.close({ timeout: Number.POSITIVE_INFINITY }).then(() => this.#leaving.delete(old))
  }

  /** Accepts nobody any more. */
  retire(): void {
    if (this.#server.listening) this.#server.close()
  }

  /** Accepts nobody any more, waits for its connections, and cuts those that are left after `timeout` milliseconds. */
  async close(timeout: number): Promise<void> {
    this.retire()
    await Promise.all([this.#router, ...this.#leaving].map((router) => router.close({ timeout })))
  }

  #routerOf({ acceptProxyProtocol, needsName }: EntryTable): TcpRouter {
    const { clock, logger, numbers } = this.#parts
    // A server may be the first to speak, where nothing of the client has to be known.
    const options = checkOptions({ acceptProxyProtocol, decideAtOnce: !needsName })
    const router = new TcpRouter((data, client) => this.#table.route(data, client), options, clock, numbers)
    router.on('connectError', (remote, error) => logger.warn(`no connection to ${remote}: ${error.message}`))
    router.on('inactivityError', (remote, error) => logger.warn(`${remote} is silent: ${error.message}`))
    router.on('error', (error, client) => logger.info(`${client?.remoteAddress || 'a TCP client'}: ${error.message}`))
    return router
  }
}
