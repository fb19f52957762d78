/** Everything that takes connections of others: HTTP, TCP entries, workers that dial in. */

import type { Clock } from '../clock.js'
import type { ResolvedTcpEntry } from '../config/load.js'
import type { Logger } from '../forward/events.js'
import { ListenError } from '../listen/listen-error.js'
import { type ListenChange, Listeners, type RequestHandler } from '../listen/listeners.js'
import type { ListenOptions } from '../listen/options.js'
import { systemRandom } from '../random.js'
import type { JoinHandler } from '../workers/listener.js'
import type { WorkersOptions } from '../workers/options.js'
import { AcceptingWorkers } from './accepting-workers.js'
import { TcpListeners } from './tcp-listeners.js'

/** What a configuration wants. */
export interface WantedListeners {
  readonly listen: readonly ListenOptions[]
  readonly tcp: readonly ResolvedTcpEntry[]
  readonly workers: WorkersOptions
}

export interface AllListenersParts {
  readonly handler: RequestHandler
  readonly gate: JoinHandler
  readonly logger: Logger
  readonly clock: Clock
  /** Other processes listen at the same addresses, through node:cluster. Default: false. */
  readonly shared?: boolean
}

export class AllListeners {
  readonly #http: Listeners
  readonly #tcp: TcpListeners
  readonly #workers: AcceptingWorkers

  constructor({ handler, gate, logger, clock, shared = false }: AllListenersParts) {
    this.#http = new Listeners(handler, clock, shared)
    this.#tcp = new TcpListeners({ clock, logger, random: systemRandom }, shared)
    this.#workers = new AcceptingWorkers(gate, logger, clock, shared)
  }

  /** What is listened at for HTTP and TCP, as URLs. */
  get urls(): readonly string[] {
    return [...this.#http.urls, ...this.#tcp.urls]
  }

  /** The first address of HTTP, as far as a client has to know it. */
  get origin(): string | undefined {
    return this.#http.origin
  }

  /** Where workers dial in, as a URL; undefined: nowhere. */
  get workersAt(): string | undefined {
    return this.#workers.url
  }

  /**
   * Opens what is wanted and not open yet. Rejects with a {@link ListenError} that names every address that could not be
   * opened; then nothing has changed.
   */
  async prepare({ listen, tcp, workers }: WantedListeners): Promise<ListenChange> {
    const results = await Promise.allSettled([this.#http.prepare(listen), this.#tcp.prepare(tcp)])
    const changes = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const undo = async (): Promise<void> => {
      await Promise.all(changes.map((change) => change.undo()))
    }
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []))
    try {
      if (failures.length > 0) throw together(failures)
      const taking = await this.#workers.prepare(workers)
      return {
        opened: changes.flatMap(({ opened }) => opened),
        closed: changes.flatMap(({ closed }) => closed),
        warnings: changes.flatMap(({ warnings }) => warnings),
        commit: () => {
          for (const change of changes) change.commit()
          taking.commit()
        },
        undo: async () => {
          await undo()
          await taking.undo()
        },
      }
    } catch (error) {
      await undo()
      throw error
    }
  }

  /**
   * Accepts nothing more, and closes everything once `finish` has let the requests end; TCP connections have `timeout`
   * milliseconds for that. What is left of HTTP `flush` milliseconds later is cut.
   */
  async close(timeout: number, flush: number, finish: () => Promise<void>): Promise<void> {
    const tcp = this.#tcp.close(timeout)
    await this.#workers.close()
    await this.#http.retire()
    await finish()
    await this.#http.close(flush)
    await tcp
  }
}

function together(failures: readonly Error[]): Error {
  const other = failures.find((error) => !(error instanceof ListenError))
  return other ?? new ListenError(failures.flatMap((error) => (error as ListenError).problems))
}
