/** What feeds pools from outside: names that are looked up, workers that dial in. */

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from './clock.js'
import type { ResolvedConfig } from './config/load.js'
import { DnsDiscovery } from './discovery/dns.js'
import type { DialledIn, LocalControl, SourceChange } from './forward/control.js'
import type { Logger } from './forward/events.js'
import { foundChange, workerChanges } from './forward/found.js'
import type { ProcessOfSeveral } from './proxy.js'
import type { Random } from './random.js'
import type { Joined } from './transports/http2/joined.js'
import { WorkerGate } from './workers/gate.js'

export interface FeedsParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly joined: Joined
  readonly control: LocalControl
  /** Names are looked up from here. */
  readonly discovers: boolean
  readonly process: ProcessOfSeveral
  /** In place of the pools here. */
  readonly onFound: ((change: SourceChange) => void) | undefined
  /** In place of the pools here. */
  readonly onWorkers: ((workers: readonly DialledIn[]) => void) | undefined
}

/** Milliseconds for connections of workers to be closed in good order. */
const lastMoment = 500

export class Feeds {
  readonly gate: WorkerGate
  readonly #parts: FeedsParts
  #discovery: DnsDiscovery | undefined
  #resolver: readonly string[] | undefined
  #token: string | undefined
  #workers: readonly DialledIn[] = []
  #closed = false

  constructor(parts: FeedsParts) {
    const { joined, clock, logger, control, process } = parts
    this.#parts = parts
    this.gate = new WorkerGate({
      joined,
      clock,
      logger,
      process,
      token: () => this.#token,
      services: () => control.sources.filter(({ kind }) => kind === 'worker').map(({ name }) => name),
      found: (workers) => {
        this.#workers = workers
        this.#tellOfWorkers()
      },
    })
  }

  /** Another configuration is in force: others may be wanted now. */
  apply({ workers, defaults }: ResolvedConfig): void {
    this.#token = workers.token
    this.#look(defaults.resolver)
    if (this.#parts.onWorkers === undefined) this.#tellOfWorkers()
  }

  /** Once requests are over: nothing is left that a worker would have to finish. */
  async close(): Promise<void> {
    this.#closed = true
    this.#discovery?.close()
    await this.gate.close({ timeout: lastMoment })
  }

  #look(resolver: readonly string[]): void {
    const { clock, random, logger, control, discovers } = this.#parts
    const wanted = control.sources.filter(({ kind }) => kind !== 'worker')
    if (!discovers) return
    if (!isDeepStrictEqual(resolver, this.#resolver)) this.#stopLooking()
    this.#resolver = resolver
    if (wanted.length > 0) {
      this.#discovery ??= new DnsDiscovery({
        clock,
        random,
        logger,
        found: (source, found) => this.#tell(foundChange(source, found)),
        ...(resolver.length > 0 ? { servers: resolver } : {}),
      })
    }
    this.#discovery?.want(wanted)
  }

  #stopLooking(): void {
    this.#discovery?.close()
    this.#discovery = undefined
  }

  #tellOfWorkers(): void {
    const { onWorkers, control } = this.#parts
    if (onWorkers !== undefined) onWorkers(this.#workers)
    else for (const change of workerChanges(control.sources, this.#workers)) this.#tell(change)
  }

  #tell(change: SourceChange): void {
    const { onFound, control, logger } = this.#parts
    if (this.#closed) return
    if (onFound !== undefined) onFound(change)
    else control.change(change).catch((error: Error) => logger.warn(`${change.source}: ${error.message}`))
  }
}
