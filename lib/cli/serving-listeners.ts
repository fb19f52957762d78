/** What a serving process serves: a proxy, and the listeners that it shares with the other processes. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import type { Clock } from '../clock.js'
import type { Listening } from '../cluster/messages.js'
import type { ManagerSide, Served } from '../cluster/process.js'
import { type Config, resolveConfig } from '../config/load.js'
import { createProxy } from '../create.js'
import type { LocalControl } from '../forward/control.js'
import type { RequestHandler } from '../listen/listeners.js'
import type { ListenOptions } from '../listen/options.js'
import type { LogOptions } from '../log/options.js'
import type { Proxy as RunningProxy } from '../proxy.js'
import type { WorkersOptions } from '../workers/options.js'
import { AccessLogging } from './access-logging.js'
import { AllListeners, type WantedListeners } from './all-listeners.js'
import { shareMaxConnections } from './shared-limit.js'

/** What the manager gives to each serving process. Survives JSON. */
export interface ServedConfiguration {
  /** As the manager has read it: the file may be another one by the time a process is started. */
  readonly config: Config
  readonly listen: readonly ListenOptions[]
  readonly log: LogOptions
  readonly workers: WorkersOptions
  /** Among how many processes what is counted by connection is divided. */
  readonly processes: number
}

export interface ServingSettings extends ManagerSide {
  readonly clock: Clock
}

/** Milliseconds for the last bytes to leave, once every request has been answered. */
const flushTime = 500

export class ServingListeners implements Served {
  readonly #clock: Clock
  readonly #proxy: RunningProxy
  readonly #listeners: AllListeners
  readonly #access: AccessLogging
  #configuration: ServedConfiguration

  constructor(configuration: ServedConfiguration, settings: ServingSettings) {
    const { logger, clock } = settings
    this.#clock = clock
    this.#configuration = configuration
    this.#proxy = createProxy(configuration.config, {
      logger,
      clock,
      statistics: settings.statistics,
      onWorkers: settings.workers,
      process: { id: String(process.pid), count: configuration.processes },
      activeChecks: false,
      discovers: false,
      logStates: false,
    })
    this.#access = new AccessLogging(this.#proxy, logger, clock)
    this.#access.apply(configuration.log)
    const handler = sharing(this.#proxy, configuration.processes)
    const gate = { accept: this.#proxy.acceptWorker }
    this.#listeners = new AllListeners({ handler, gate, logger, clock, shared: true })
  }

  get control(): LocalControl {
    return this.#proxy.control
  }

  async listen(): Promise<Listening> {
    const change = await this.#listeners.prepare(wantedBy(this.#configuration))
    change.commit()
    return this.#listening(change.warnings)
  }

  async reload(configuration: unknown): Promise<Listening> {
    const next = configuration as ServedConfiguration
    const change = await this.#listeners.prepare(wantedBy(next))
    try {
      await this.#proxy.reload(next.config)
    } catch (error) {
      await change.undo()
      throw error
    }
    change.commit()
    this.#access.apply(next.log)
    this.#configuration = next
    return this.#listening(change.warnings)
  }

  #listening(warnings: readonly string[]): Listening {
    return { urls: this.#listeners.urls, warnings, workers: this.#listeners.workersAt }
  }

  async close(timeout: number): Promise<void> {
    const end = this.#clock.now() + timeout
    await this.#listeners.close(timeout, flushTime, () =>
      this.#proxy.close({ timeout: Math.max(0, end - this.#clock.now()) }),
    )
    await this.#access.close()
  }

  /** The file of the access log was moved away. */
  reopenLog(): void {
    this.#access.reopen()
  }
}

/** The TCP entries are read again: what they came to in the manager holds functions, which survive no journey. */
function wantedBy({ config: { tcp = [] }, listen, workers }: ServedConfiguration): WantedListeners {
  return { listen, workers, tcp: tcp.length === 0 ? [] : resolveConfig({ tcp }).tcp }
}

/** The proxy as the handler of listeners whose limits are divided among the processes. */
function sharing(proxy: RunningProxy, processes: number): RequestHandler {
  const handle = (req: IncomingMessage, res: ServerResponse): void => proxy(req, res)
  return Object.assign(handle, {
    attach(server: Server) {
      shareMaxConnections(server, processes)
      return proxy.attach(server as never)
    },
  })
}
