import type { Duplex } from 'node:stream'
import type { Logger } from '../forward/events.js'
import type { JoinedSession, JoinedUpstream } from '../transports/http2/joined.js'
import type { JoinedWorker } from './wire.js'

/**
 * One worker, over all of its connections: it may dial anew before the proxy has noticed that an old connection is dead.
 * It counts while one of them takes requests. Its comings and goings are logged.
 */
export class Presence {
  readonly #upstream: JoinedUpstream
  readonly #logger: Logger
  readonly #changed: () => void
  readonly #sessions = new Set<JoinedSession>()
  readonly #stopWatching: () => void
  #worker: JoinedWorker | undefined
  #from = ''
  #ready = false
  #dismissed = false

  /** `changed`: it takes requests, or no more, or its weight is another one. */
  constructor(upstream: JoinedUpstream, logger: Logger, changed: () => void) {
    this.#upstream = upstream
    this.#logger = logger
    this.#changed = changed
    this.#stopWatching = upstream.watch(() => this.#look())
  }

  get worker(): JoinedWorker {
    return this.#worker as JoinedWorker
  }

  /** It takes requests. */
  get ready(): boolean {
    return this.#ready
  }

  /** It has dialled, and the roles have turned; `worker` is what it said of itself, `from` its address. */
  add(worker: JoinedWorker, from: string | undefined, socket: Duplex, head: Buffer): JoinedSession {
    const before = this.#worker
    this.#from = from ?? 'a Unix socket'
    if (before?.weight !== worker.weight) this.#worker = worker
    const session = this.#upstream.add(socket, head)
    this.#sessions.add(session)
    if (this.#ready && this.#worker !== before) this.#changed()
    return session
  }

  /** A connection is closed. True: it was the last one. */
  remove(session: JoinedSession): boolean {
    this.#sessions.delete(session)
    if (this.#sessions.size > 0) return false
    this.#stopWatching()
    return true
  }

  /** The proxy's own end: nothing is said of it. */
  drain(): void {
    this.#dismissed = true
    for (const session of this.#sessions) session.drain()
  }

  destroy(): void {
    for (const session of [...this.#sessions]) session.destroy()
  }

  #look(): void {
    const { ready } = this.#upstream
    if (ready === this.#ready) return
    this.#ready = ready
    this.#log(ready)
    this.#changed()
  }

  #log(ready: boolean): void {
    if (this.#dismissed) return
    const { service, instance, weight } = this.worker
    const name = `worker ${service}/${instance}`
    if (ready) this.#logger.info(`${name} joined from ${this.#from}${weight === 1 ? '' : `, weight ${weight}`}`)
    else if ([...this.#sessions].some(({ closed, error }) => !closed && error === undefined))
      this.#logger.info(`${name} leaves`)
    else this.#logger.warn(`${name} is gone: ${this.#reason()}`)
  }

  #reason(): string {
    const [error] = [...this.#sessions].map((session) => session.error).filter((each) => each !== undefined)
    return error?.message ?? 'its connection closed'
  }
}
