/** All addresses that the command line listens at, and how they change while it runs. */

import type { Clock } from '../clock.js'
import { formatAddress } from './address-text.js'
import { ListenError, listenProblem } from './listen-error.js'
import { Listener, type RequestHandler, type Site } from './listener.js'
import type { ListenAddress, ListenOptions } from './options.js'

export type { RequestHandler } from './listener.js'

/** A change that is prepared: what is new listens already, what is old still does. */
export interface ListenChange {
  /** As URLs. */
  readonly opened: readonly string[]
  readonly closed: readonly string[]
  /** What will be otherwise than the file says, until the next start. */
  readonly warnings: readonly string[]
  /** Puts it in force. What is not listened at any more finishes its requests in the background. */
  commit(): void
  /** Closes what was opened; nothing has changed. */
  undo(): Promise<void>
}

export class Listeners {
  readonly #handler: RequestHandler
  readonly #clock: Clock
  readonly #shared: boolean
  /** By address; of those that may stand several times (port 0), by number too. */
  #listeners: ReadonlyMap<string, Listener> = new Map()
  readonly #leaving = new Set<Promise<void>>()

  /** `shared`: other processes listen at the same addresses, through node:cluster. */
  constructor(handler: RequestHandler, clock: Clock, shared = false) {
    this.#handler = handler
    this.#clock = clock
    this.#shared = shared
  }

  /** What is listened at, as URLs. */
  get urls(): readonly string[] {
    return [...this.#listeners.values()].map(({ text }) => text)
  }

  /** The first TCP listener, as far as a client has to know it; undefined when there are only Unix sockets. */
  get origin(): string | undefined {
    return this.urls.find((url) => !url.startsWith('unix:'))?.replace(/ .*/, '')
  }

  /** The longest `ShutdownTimeout`, in milliseconds. */
  get shutdownTimeout(): number {
    return Math.max(0, ...[...this.#listeners.values()].map(({ options }) => options.shutdownTimeout))
  }

  /**
   * Opens what `sections` list and is not open yet. Rejects with a {@link ListenError} that names every address that
   * could not be opened; then nothing has changed.
   */
  async prepare(sections: readonly ListenOptions[]): Promise<ListenChange> {
    const wanted = sitesByKey(sections)
    const missing = [...wanted].filter(([key]) => !this.#listeners.has(key))
    const results = await Promise.allSettled(
      missing.map(([, site]) => Listener.open(site, this.#handler, this.#clock, this.#shared)),
    )
    const opened = new Map<string, Listener>()
    const problems: string[] = []
    results.forEach((result, index) => {
      const [key, { address }] = missing[index]!
      if (result.status === 'fulfilled') opened.set(key, result.value)
      else problems.push(listenProblem(address, result.reason) + this.#overlap(address))
    })
    const undo = async (): Promise<void> => {
      await Promise.all([...opened.values()].map((listener) => listener.close(0)))
    }
    if (problems.length > 0) {
      await undo()
      throw new ListenError(problems)
    }
    const closed = [...this.#listeners].filter(([key]) => !wanted.has(key)).map(([, listener]) => listener)
    return {
      opened: [...opened.values()].map(({ text }) => text),
      closed: closed.map(({ text }) => text),
      warnings: this.#warnings(wanted),
      commit: () => this.#commit(wanted, opened, closed),
      undo,
    }
  }

  /** Accepts nothing more; resolves when the connections without a request are closed. */
  async retire(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener.retire()))
  }

  /** Closes everything; what is left after `timeout` milliseconds is cut. */
  async close(timeout: number): Promise<void> {
    const closing = [...this.#listeners.values()].map((listener) => listener.close(timeout))
    await Promise.all([...closing, ...this.#leaving])
  }

  #commit(wanted: ReadonlyMap<string, Site>, opened: ReadonlyMap<string, Listener>, closed: readonly Listener[]): void {
    const next = new Map<string, Listener>()
    for (const [key, { options }] of wanted) {
      const known = this.#listeners.get(key)
      known?.change(options)
      next.set(key, (known ?? opened.get(key))!)
    }
    this.#listeners = next
    for (const listener of closed) {
      const leaving = listener.close(listener.options.shutdownTimeout).finally(() => this.#leaving.delete(leaving))
      this.#leaving.add(leaving)
    }
  }

  #warnings(wanted: ReadonlyMap<string, Site>): string[] {
    return [...wanted].flatMap(([key, { address, options }]) => {
      const known = this.#listeners.get(key)
      if (known === undefined || address.scheme === 'http' || known.site.options.http2 === options.http2) return []
      return [`HTTP2 of ${known.text} stays ${options.http2 ? 'Off' : 'On'} until the next start`]
    })
  }

  /** An address can be taken by the proxy itself: `8080` is also `127.0.0.1:8080`. */
  #overlap({ port, socketPath }: ListenAddress): string {
    const own = [...this.#listeners.values()].find((listener) => port > 0 && listener.port === port)
    if (own === undefined || socketPath !== undefined) return ''
    return `; this proxy listens on ${own.text} itself, and needs a new start to change that`
  }
}

function sitesByKey(sections: readonly ListenOptions[]): Map<string, Site> {
  const sites = new Map<string, Site>()
  const twice = new Set<string>()
  for (const options of sections) {
    for (const address of options.address) {
      const { scheme, host, port, socketPath } = address
      const base = socketPath === undefined ? `${scheme}://${host}:${port}` : `unix:${socketPath}`
      let key = base
      if (port === 0 && socketPath === undefined) for (let n = 2; sites.has(key); n++) key = `${base} ${n}`
      if (sites.has(key)) twice.add(`${formatAddress(address)} is listed twice`)
      sites.set(key, { address, options })
    }
  }
  if (twice.size > 0) throw new ListenError([...twice])
  return sites
}
