import { EventEmitter } from 'node:events'
import type { Clock } from '../clock.js'
import type { ProxyError } from '../errors.js'
import type { Logger } from '../forward/events.js'
import type { Random } from '../random.js'
import { keepAlive } from './alive.js'
import type { Backend } from './backend.js'
import type { JoinRequest } from './handshake.js'
import type { ProxyAddress } from './proxy-address.js'
import { type LinkOwner, ProxyLink } from './proxy-link.js'
import type { WorkerError } from './worker-error.js'

/** The events of a {@link JoinedProxy}. */
export interface JoinedProxyEvents {
  /** A connection to a process of a proxy stands, and requests may come. */
  joined: [connection: WorkerConnection]
  /** No more requests come on it. `reason`: why it broke; undefined when the proxy closed it in order. */
  lost: [connection: WorkerConnection & { readonly reason: string | undefined }]
  /** A proxy cannot be joined, and why; it goes on trying. Nothing happens when nobody listens. */
  error: [error: WorkerError]
}

/** A connection to a proxy. */
export interface WorkerConnection {
  /** Its address: `http://127.0.0.1:8000`. */
  readonly proxy: string
  /** Which of its processes. */
  readonly process: string
}

/** Milliseconds that requests may take by default once the worker leaves. */
const leaveTimeout = 30_000

export interface JoinedProxyParts {
  readonly backend: Backend
  readonly addresses: readonly ProxyAddress[]
  readonly join: JoinRequest
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
  /** Told of each request that the backend failed to answer, and of each that it answered. */
  readonly watcher?: { failed(error: ProxyError): void; answered(): void }
}

/** A worker, as the program sees it that has started it. It keeps the process alive until it has left. */
export class JoinedProxy extends EventEmitter<JoinedProxyEvents> {
  readonly service: string
  /** Name of this worker among those of its service. */
  readonly instance: string
  readonly #clock: Clock
  readonly #links: readonly ProxyLink[]
  readonly #addresses: readonly ProxyAddress[]
  readonly #letGo: () => void
  #left = false
  #leaving: Promise<void> | undefined

  /** Use `joinProxy`. */
  constructor({ backend, addresses, join, logger, clock, random, watcher }: JoinedProxyParts) {
    super()
    this.service = join.service
    this.instance = join.instance
    this.#clock = clock
    this.#addresses = addresses
    // While it waits for a proxy there may be nothing else.
    this.#letGo = keepAlive()
    const name = `worker ${join.service}/${join.instance}`
    const owner: LinkOwner = {
      joined: ({ text }, process) => {
        logger.info(`${name} has joined ${text}, process ${process}`)
        this.emit('joined', { proxy: text, process })
      },
      lost: ({ text }, process, reason) => {
        // Its own leaving is no loss.
        if (this.#left) return
        if (reason === undefined) logger.info(`${name}: ${text}, process ${process}, closes its connection`)
        else logger.warn(`${name} has lost ${text}, process ${process}: ${reason}`)
        this.emit('lost', { proxy: text, process, reason })
      },
      failing: (error) => {
        const report = `${name}: ${error.message}; it goes on trying`
        if (error.code === 'ERR_WORKER_REFUSED') logger.error(report)
        else logger.warn(report)
        if (this.listenerCount('error') > 0) this.emit('error', error)
      },
      failed: (error) => watcher?.failed(error),
      answered: () => watcher?.answered(),
    }
    this.#links = addresses.map((address) => new ProxyLink({ address, join, backend, clock, random, owner }))
  }

  /** Those that stand. */
  get connections(): readonly WorkerConnection[] {
    return this.#links.flatMap((link, i) =>
      link.processes.map((process) => ({ proxy: (this.#addresses[i] as ProxyAddress).text, process })),
    )
  }

  /**
   * Takes leave of every proxy: no new requests come, those under way are answered, WebSockets are closed with 1001.
   * Resolves when all is done; after `timeout` milliseconds (default: 30 000) what is left is cut.
   */
  leave(options: { readonly timeout?: number } = {}): Promise<void> {
    this.#left = true
    this.#leaving ??= this.#leave(options.timeout ?? leaveTimeout)
    return this.#leaving
  }

  async #leave(timeout: number): Promise<void> {
    const timer = this.#clock.setTimeout(() => {
      for (const link of this.#links) link.cut()
    }, timeout)
    await Promise.all(this.#links.map((link) => link.leave()))
    timer.cancel()
    this.#letGo()
  }
}
