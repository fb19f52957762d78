/** The TCP entries of a configuration at work: their pools, and what outlives a reload. */

import type { Clock } from '../clock.js'
import { ConnectionNumbers } from '../forward/connection-numbers.js'
import type { Logger } from '../forward/events.js'
import { ActiveHealth } from '../pool/active-health.js'
import { ServerDirectory, type ServerStateChange } from '../pool/server.js'
import type { Random } from '../random.js'
import { carriageOf, type TcpEntryOptions } from './entry-options.js'
import { EntryTable, type TableEntry } from './entry-table.js'
import { listenKey, type TcpListenAddress } from './listen-address.js'
import { TcpPool } from './pool.js'

/** One entry, checked. */
export interface TcpEntry {
  readonly name: string
  readonly options: TcpEntryOptions
}

export interface TcpEntriesParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** An address, and who takes what comes in there. */
export interface TcpSite {
  readonly address: TcpListenAddress
  readonly table: EntryTable
}

/** Entries whose pools are made, and take connections if anybody asks them. */
export interface TcpPlan {
  /** By the keys of the addresses. */
  readonly sites: ReadonlyMap<string, TcpSite>
  /** These entries count from now on, and those before them no more. */
  commit(): void
  /** They do not count after all. */
  undo(): void
}

export class TcpEntries {
  /** One row of numbers for all addresses. */
  readonly numbers: ConnectionNumbers = new ConnectionNumbers()
  readonly #parts: TcpEntriesParts
  readonly #directory: ServerDirectory
  readonly #checks: ActiveHealth
  #pools: readonly TcpPool[] = []
  /** What was logged last about a state, and when. */
  #lastLine = ''

  constructor(parts: TcpEntriesParts) {
    const { clock, random } = parts
    this.#parts = parts
    this.#directory = new ServerDirectory(clock, (change) => this.#tell(change))
    this.#checks = new ActiveHealth({ clock, random, asks: () => true })
  }

  /** Makes the pools of entries. Servers that other pools have too keep their states. */
  plan(entries: readonly TcpEntry[]): TcpPlan {
    const pools: TcpPool[] = []
    try {
      for (const entry of entries) pools.push(this.#pool(entry))
    } catch (error) {
      // A balancer's factory, which may be anybody's, has thrown.
      this.#letGo(pools)
      throw error
    }
    return {
      sites: sitesOf(entries, pools),
      commit: () => {
        const before = this.#pools
        this.#pools = pools
        this.#letGo(before)
      },
      undo: () => this.#letGo(pools),
    }
  }

  /** Ends the checks. Connections go on. */
  close(): void {
    this.#checks.close()
    this.#letGo(this.#pools)
    this.#pools = []
  }

  #pool({ name, options }: TcpEntry): TcpPool {
    return new TcpPool({
      ...this.#parts,
      name,
      options,
      carriage: carriageOf(options),
      directory: this.#directory,
      checks: this.#checks,
      onChange: (change) => this.#tell(change),
    })
  }

  #letGo(pools: readonly TcpPool[]): void {
    for (const pool of pools) pool.close()
    this.#checks.sweep()
    this.#directory.sweep()
  }

  #tell({ server, from, to, reason }: ServerStateChange): void {
    const { clock, logger } = this.#parts
    const message = `${server} is ${to}, was ${from}: ${reason}`
    // Of a check that several entries share each of them tells, at the same moment.
    const line = `${clock.now()} ${message}`
    if (line === this.#lastLine) return
    this.#lastLine = line
    if (to === 'up') logger.info(message)
    else logger.warn(message)
  }
}

function sitesOf(entries: readonly TcpEntry[], pools: readonly TcpPool[]): Map<string, TcpSite> {
  const addresses = new Map<string, TcpListenAddress>()
  const members = new Map<string, TableEntry[]>()
  entries.forEach(({ options: { listen, serverName, acceptProxyProtocol } }, at) => {
    for (const address of listen) {
      const key = listenKey(address)
      addresses.set(key, address)
      members.set(key, [...(members.get(key) ?? []), { serverName, acceptProxyProtocol, pool: pools[at]! }])
    }
  })
  return new Map([...addresses].map(([key, address]) => [key, { address, table: new EntryTable(members.get(key)!) }]))
}
