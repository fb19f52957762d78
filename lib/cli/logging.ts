/** What the command line writes down, as `[LOG]` wants it: its log, and a line for each request. */

import type { Clock } from '../clock.js'
import type { Logger, ProxyEvents } from '../forward/events.js'
import { AccessLog } from '../log/access-log.js'
import { accessEntry } from '../log/entry.js'
import { levelLogger } from '../log/level.js'
import type { LogOptions } from '../log/options.js'
import { sinkTo } from '../log/sink.js'
import type { Proxy as RunningProxy } from '../proxy.js'
import { lineLogger } from './log.js'
import type { Terminal } from './terminal.js'

export class Logging {
  /** The same before and after a reload. */
  readonly logger: Logger
  readonly #clock: Clock
  readonly #lines: Logger
  #current: Logger
  #options: LogOptions | undefined
  #access: AccessLog | undefined
  #proxy: RunningProxy | undefined

  constructor(terminal: Terminal, clock: Clock) {
    this.#clock = clock
    this.#lines = lineLogger(terminal, clock)
    this.#current = this.#lines
    this.logger = {
      info: (message) => this.#current.info(message),
      warn: (message) => this.#current.warn(message),
      error: (message) => this.#current.error(message),
    }
  }

  /** Writes the requests of a proxy down, where that is wanted. */
  attach(proxy: RunningProxy, options: LogOptions): void {
    this.#proxy = proxy
    this.apply(options)
  }

  /** What a configuration wants from now on. */
  apply(options: LogOptions): void {
    const before = this.#options
    this.#options = options
    this.#current = levelLogger(this.#lines, options.level)
    if (before?.accessLog === options.accessLog && before?.format === options.format) return
    const old = this.#access
    this.#access = undefined
    void old?.close()
    if (options.accessLog !== undefined) {
      const { logger } = this
      this.#access = new AccessLog(sinkTo(options.accessLog), { format: options.format, logger, clock: this.#clock })
    }
    // Who does not want it does not pay for it.
    this.#proxy?.off('requestEnd', this.#write)
    if (this.#access !== undefined) this.#proxy?.on('requestEnd', this.#write)
  }

  /** Opens the file anew: it was moved away. */
  reopen(): void {
    this.#access?.reopen()
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    await this.#access?.close()
  }

  readonly #write = (...[summary, req]: ProxyEvents['requestEnd']): void => {
    this.#access?.write(accessEntry(req, summary, this.#clock.wallTime()))
  }
}
