import type { Clock } from '../clock.js'
import type { Logger, ProxyEvents } from '../forward/events.js'
import { AccessLog } from '../log/access-log.js'
import { accessEntry } from '../log/entry.js'
import type { LogOptions } from '../log/options.js'
import { sinkTo } from '../log/sink.js'
import type { Proxy as RunningProxy } from '../proxy.js'

/** Milliseconds in which lines are gathered for one write. */
const gatherTime = 20

/** A line for each request of a proxy, where `[LOG]` wants that. */
export class AccessLogging {
  readonly #proxy: RunningProxy
  readonly #logger: Logger
  readonly #clock: Clock
  #options: LogOptions | undefined
  #log: AccessLog | undefined

  constructor(proxy: RunningProxy, logger: Logger, clock: Clock) {
    this.#proxy = proxy
    this.#logger = logger
    this.#clock = clock
  }

  /** What a configuration wants from now on. */
  apply(options: LogOptions): void {
    const before = this.#options
    this.#options = options
    if (before?.accessLog === options.accessLog && before?.format === options.format) return
    const old = this.#log
    this.#log = undefined
    void old?.close()
    if (options.accessLog !== undefined) {
      const { format } = options
      const settings = { format, logger: this.#logger, clock: this.#clock, gatherTime }
      this.#log = new AccessLog(sinkTo(options.accessLog), settings)
    }
    // Who does not want it does not pay for it.
    this.#proxy.off('requestEnd', this.#write)
    if (this.#log !== undefined) this.#proxy.on('requestEnd', this.#write)
  }

  /** Opens the file anew: it was moved away. */
  reopen(): void {
    this.#log?.reopen()
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    await this.#log?.close()
  }

  readonly #write = (...[summary, req]: ProxyEvents['requestEnd']): void => {
    this.#log?.write(accessEntry(req, summary, this.#clock.wallTime()))
  }
}
