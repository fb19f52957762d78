/** The management API of the command line: the server, with its metrics and its page, as `[MANAGEMENT]` wants it. */

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.js'
import type { Control } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { clearStaleSocket } from '../listen/unix-socket.js'
import { dashboardAssets } from '../management/dashboard/assets.js'
import { createMetrics } from '../management/metrics.js'
import type { ManagementOptions } from '../management/options.js'
import { ManagementServer } from '../management/server.js'
import { CommandError } from './command.js'
import type { Loaded } from './configuration.js'
import { version } from './version.js'

/** What is managed: one process, or several. */
export interface Managed {
  readonly control: Control
  readonly loaded: Loaded
  onReload(listener: (loaded: Loaded) => Promise<void> | void): void
}

/** Listens where the configuration says, and somewhere else after a reload that says so. */
export class Managing {
  readonly #control: Control
  readonly #logger: Logger
  readonly #clock: Clock
  #options: ManagementOptions | undefined
  #server: ManagementServer | undefined

  /** Rejects with a {@link CommandError} when the address cannot be listened at. */
  static async begin(service: Managed, logger: Logger, clock: Clock): Promise<Managing> {
    const managing = new Managing(service.control, logger, clock)
    await managing.#begin(service.loaded.resolved.management)
    service.onReload(({ resolved }) => managing.change(resolved.management))
    return managing
  }

  private constructor(control: Control, logger: Logger, clock: Clock) {
    this.#control = control
    this.#logger = logger
    this.#clock = clock
  }

  async #begin(options: ManagementOptions): Promise<void> {
    if (options.listen !== undefined) this.#server = await this.#open(options)
    this.#options = options
  }

  /** After a reload. What cannot be listened at is reported, and tried again by the next one; until then it stays as it was. */
  async change(options: ManagementOptions): Promise<void> {
    if (isDeepStrictEqual(options, this.#options)) return
    const before = this.#options
    const old = this.#server
    this.#server = undefined
    this.#options = undefined
    // Not awaited: a call for this very reload may still wait for its answer. Its address is free at once.
    void old?.close()
    try {
      await this.#begin(options)
    } catch (error) {
      this.#logger.error((error as Error).message)
      // Whoever manages the proxy would be locked out.
      if (old !== undefined && before !== undefined) await this.#goBack(before)
    }
  }

  async #goBack(options: ManagementOptions): Promise<void> {
    try {
      await this.#begin(options)
    } catch (error) {
      this.#logger.error((error as Error).message)
    }
  }

  async #open(options: ManagementOptions): Promise<ManagementServer> {
    const server = new ManagementServer({
      control: this.#control,
      options,
      logger: this.#logger,
      clock: this.#clock,
      version: version(),
      clearSocket: clearStaleSocket,
      metrics: createMetrics(this.#control, version()),
      ...(options.dashboard ? { assets: dashboardAssets() } : {}),
    })
    let url: string
    try {
      url = await server.listen()
    } catch (error) {
      throw new CommandError((error as Error).message)
    }
    this.#logger.info(`management API on ${url}${options.dashboard ? `, dashboard on ${url}/dashboard` : ''}`)
    return server
  }

  async close(): Promise<void> {
    await this.#server?.close()
  }
}
