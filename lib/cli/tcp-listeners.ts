/** The addresses of all TCP entries, and how they change while the command line runs. */

import { formatAddress } from '../listen/address-text.js'
import { ListenError, listenProblem } from '../listen/listen-error.js'
import type { ListenChange } from '../listen/listeners.js'
import { clearStaleSocket } from '../listen/unix-socket.js'
import { TcpEntries, type TcpEntriesParts, type TcpEntry, type TcpSite } from '../tcp/entries.js'
import { EntryListener } from '../tcp/entry-listener.js'

export class TcpListeners {
  readonly #parts: TcpEntriesParts
  readonly #shared: boolean
  readonly #entries: TcpEntries
  #listeners: ReadonlyMap<string, EntryListener> = new Map()
  /** Their addresses are given up, and their connections go on. */
  readonly #leaving = new Set<EntryListener>()

  /** `shared`: other processes listen at the same addresses, through node:cluster. */
  constructor(parts: TcpEntriesParts, shared = false) {
    this.#parts = parts
    this.#shared = shared
    this.#entries = new TcpEntries(parts)
  }

  /** What is listened at, as URLs. */
  get urls(): readonly string[] {
    return [...this.#listeners.values()].map(textOf)
  }

  /**
   * Opens what the entries list and is not open yet. Rejects with a {@link ListenError} that names every address that
   * could not be opened; then nothing has changed.
   */
  async prepare(entries: readonly TcpEntry[]): Promise<ListenChange> {
    const plan = this.#entries.plan(entries)
    const missing = [...plan.sites].filter(([key]) => !this.#listeners.has(key))
    const results = await Promise.allSettled(missing.map(([, site]) => this.#open(site)))
    const opened = new Map<string, EntryListener>()
    const problems: string[] = []
    results.forEach((result, index) => {
      const [key, { address }] = missing[index]!
      if (result.status === 'fulfilled') opened.set(key, result.value)
      else problems.push(listenProblem(address, result.reason))
    })
    const undo = async (): Promise<void> => {
      await Promise.all([...opened.values()].map((listener) => listener.close(0)))
      plan.undo()
    }
    if (problems.length > 0) {
      await undo()
      throw new ListenError(problems)
    }
    const closed = [...this.#listeners].filter(([key]) => !plan.sites.has(key)).map(([, listener]) => listener)
    return {
      opened: [...opened.values()].map(textOf),
      closed: closed.map(textOf),
      warnings: [],
      commit: () => {
        this.#commit(plan.sites, opened, closed)
        plan.commit()
      },
      undo,
    }
  }

  /** Accepts nobody any more, waits for the connections, and cuts those that are left after `timeout` milliseconds. */
  async close(timeout: number): Promise<void> {
    await Promise.all([...this.#listeners.values(), ...this.#leaving].map((listener) => listener.close(timeout)))
    this.#entries.close()
  }

  async #open(site: TcpSite): Promise<EntryListener> {
    const { socketPath } = site.address
    if (socketPath !== undefined && !this.#shared) await clearStaleSocket(socketPath)
    return EntryListener.open(site, { ...this.#parts, numbers: this.#entries.numbers })
  }

  #commit(
    sites: ReadonlyMap<string, TcpSite>,
    opened: ReadonlyMap<string, EntryListener>,
    closed: readonly EntryListener[],
  ): void {
    for (const [key, listener] of this.#listeners) {
      const site = sites.get(key)
      if (site !== undefined) listener.change(site.table)
    }
    this.#listeners = new Map([...sites.keys()].map((key) => [key, (this.#listeners.get(key) ?? opened.get(key))!]))
    for (const listener of closed) {
      this.#leaving.add(listener)
      void listener.close(Number.POSITIVE_INFINITY).then(() => this.#leaving.delete(listener))
    }
  }
}

function textOf({ address, bound }: EntryListener): string {
  return formatAddress(address, bound)
}
