/** The entries of one address, and which of them takes a connection. */

import type { Pattern } from '../match/pattern.js'
import type { Route } from './decision.js'
import type { TcpPool } from './pool.js'
import { tlsServerName } from './sniff.js'

/** An entry of an address. */
export interface TableEntry {
  /** Undefined: it takes what no other takes. */
  readonly serverName: readonly Pattern[] | undefined
  readonly acceptProxyProtocol: boolean
  readonly pool: TcpPool
}

interface Ranked {
  /** Its place among the entries. */
  readonly rank: number
  readonly pool: TcpPool
}

export class EntryTable {
  /** The same for all entries of an address. */
  readonly acceptProxyProtocol: boolean
  /** Somebody has to look at the first bytes. */
  readonly needsName: boolean
  /** Names without `*`, by themselves: there may be thousands. */
  readonly #names = new Map<string, Ranked>()
  readonly #globs: (Ranked & { readonly pattern: Pattern })[] = []
  readonly #rest: TcpPool | undefined

  /** `entries`: in the order in which they are tried. */
  constructor(entries: readonly TableEntry[]) {
    this.acceptProxyProtocol = entries.some(({ acceptProxyProtocol }) => acceptProxyProtocol)
    this.needsName = entries.some(({ serverName }) => serverName !== undefined)
    this.#rest = entries.find(({ serverName }) => serverName === undefined)?.pool
    entries.forEach(({ serverName = [], pool }, rank) => {
      for (const pattern of serverName) {
        if (pattern.shape?.type !== 'exact') this.#globs.push({ rank, pool, pattern })
        else if (!this.#names.has(pattern.shape.text)) this.#names.set(pattern.shape.text, { rank, pool })
      }
    })
  }

  /** The first entry that takes a name; undefined: the client has asked for none. */
  choose(name: string | undefined): TcpPool | undefined {
    if (name === undefined) return this.#rest
    const exact = this.#names.get(name)
    const before = exact?.rank ?? Number.POSITIVE_INFINITY
    const glob = this.#globs.find(({ rank, pattern }) => rank < before && pattern.matches(name))
    return (glob ?? exact)?.pool ?? this.#rest
  }

  readonly route: Route = (data) => {
    const name = this.needsName ? tlsServerName(data) : undefined
    if (name === 'more') return { noop: true }
    const remote = this.choose(name)
    return remote === undefined ? { close: true } : { remote }
  }
}
