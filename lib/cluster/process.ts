/** The serving side: a process that does what its manager says. */

import type { Clock } from '../clock.js'
import type { Change, ChangeResult, DialledIn, Experience, LocalControl } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import type { PoolStatus } from '../forward/status-page.js'
import { Channel, type Port } from './channel.js'
import { type Listening, type Picture, protocol } from './messages.js'

/** What such a process serves. */
export interface Served {
  /** Does not check actively. */
  readonly control: LocalControl
  /** Rejects when it cannot. */
  listen(): Promise<Listening>
  /** Puts another configuration in force. Rejects when that cannot be, and has then changed nothing. */
  reload(configuration: unknown): Promise<Listening>
  /** Accepts nothing more, finishes what is under way within `timeout` milliseconds, closes everything. */
  close(timeout: number): Promise<void>
}

/** What a process hears from its manager, and tells it. */
export interface ManagerSide {
  /** What is logged goes to the manager. */
  readonly logger: Logger
  /** The sums over all processes. */
  readonly statistics: Statistics
  /** Which workers have dialled in here: all of them, whenever that changes. */
  readonly workers: (workers: readonly DialledIn[]) => void
}

/** Rejects when the manager does not answer. */
export type Statistics = () => Promise<readonly PoolStatus[]>

export interface ServeSettings {
  /** To the manager. */
  readonly port: Port
  readonly clock: Clock
  /** Makes what is served, and does not listen yet. */
  readonly open: (configuration: unknown, manager: ManagerSide) => Served
  /** Ends this process. */
  readonly exit: () => void
}

/** Milliseconds for what is under way when the manager has died. */
const orphanTimeout = 5_000
/** Milliseconds for the sums over all processes. */
const statisticsTimeout = 2_000

/** Serves until the manager says that it is over, or is gone. */
export function serve(settings: ServeSettings): void {
  new Serving(settings).begin()
}

class Serving {
  readonly #settings: ServeSettings
  readonly #channel: Channel
  readonly #logger: Logger
  #served: Served | undefined
  /** What changes just now was said by the manager: it need not be told on. */
  #hearing = false
  /** One thing after the other, in the order of the messages. */
  #turns: Promise<unknown> = Promise.resolve()
  /** A start or a reload that is under way. */
  #listening: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | undefined
  /** What has been asked for and has not come yet, for all who want it meanwhile. */
  #statistics: Promise<readonly PoolStatus[]> | undefined

  constructor(settings: ServeSettings) {
    this.#settings = settings
    this.#channel = new Channel(settings.port, settings.clock)
    const log = (level: 'info' | 'warn' | 'error') => (message: string) => this.#channel.tell('log', { level, message })
    this.#logger = { info: log('info'), warn: log('warn'), error: log('error') }
  }

  begin(): void {
    const channel = this.#channel
    channel.answer('start', (picture) => this.#listens(() => this.#start(picture)))
    channel.answer('reload', ({ configuration, changes }) =>
      this.#listens(async () => {
        const listening = await this.#serving.reload(configuration)
        this.#serving.control.restore(changes)
        return listening
      }),
    )
    channel.answer('change', (change) => this.#change(change))
    channel.on('verdicts', (verdicts) => {
      this.#inTurn(async () => this.#served?.control.apply(verdicts)).catch(() => {})
    })
    channel.on('experiences', (experiences) => {
      this.#inTurn(async () => this.#hear(experiences)).catch(() => {})
    })
    channel.answer('snapshot', () => this.#serving.control.snapshot())
    channel.answer('stop', async ({ timeout }) => {
      await this.#stop(timeout)
      return {}
    })
    this.#settings.port.onClose(() => void this.#stop(orphanTimeout))
    channel.tell('hello', { protocol })
  }

  get #serving(): Served {
    if (this.#served === undefined) throw new Error('not started yet')
    return this.#served
  }

  #hear(experiences: readonly Experience[]): void {
    this.#hearing = true
    try {
      this.#served?.control.hear(experiences)
    } finally {
      this.#hearing = false
    }
  }

  async #change(change: Change): Promise<ChangeResult> {
    let result: Promise<ChangeResult> | undefined
    await this.#inTurn(async () => {
      result = this.#serving.control.change(change)
      // It takes as long as the requests of the server do; what comes after it does not wait for those.
      if (change.kind === 'remove' && change.drain !== undefined) result.catch(() => {})
      else await result
    })
    return result!
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turns.then(work)
    this.#turns = done.catch(() => {})
    return done
  }

  #listens(work: () => Promise<Listening>): Promise<Listening> {
    const done = this.#inTurn(async () => {
      if (this.#stopping !== undefined) throw new Error('the process is about to end')
      return work()
    })
    this.#listening = done.catch(() => {})
    return done
  }

  async #start({ configuration, changes, verdicts, experiences }: Picture): Promise<Listening> {
    const served = this.#settings.open(configuration, {
      logger: this.#logger,
      statistics: () => this.#askForStatistics(),
      workers: (workers) => this.#channel.tell('workers', workers),
    })
    this.#served = served
    served.control.restore(changes)
    served.control.apply(verdicts)
    served.control.watch((change) => this.#channel.tell('state', { ...change, heard: this.#hearing }))
    this.#hear(experiences)
    return served.listen()
  }

  #askForStatistics(): Promise<readonly PoolStatus[]> {
    this.#statistics ??= this.#channel.request('statistics', {}, statisticsTimeout).finally(() => {
      this.#statistics = undefined
    })
    return this.#statistics
  }

  #stop(timeout: number): Promise<void> {
    this.#stopping ??= this.#end(timeout)
    return this.#stopping
  }

  async #end(timeout: number): Promise<void> {
    await this.#listening
    await this.#served?.close(timeout)
    this.#settings.exit()
  }
}
