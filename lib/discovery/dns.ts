import dns from 'node:dns'
import type { Clock } from '../clock.js'
import type { Logger } from '../forward/events.js'
import type { Source } from '../pool/source.js'
import type { Random } from '../random.js'
import { DnsClient } from './client.js'
import { type Endpoint, parseEndpoint } from './exchange.js'
import { SourceLookup } from './lookup.js'
import type { Discovery, OnFound } from './source.js'
import { type SystemFiles, SystemNamesReader, systemFiles } from './system-names.js'
import { SourceWatch } from './watch.js'

export interface DnsDiscoveryParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Told which servers a source has, when they change. */
  readonly found: OnFound
  /**
   * DNS servers, each `address` or `address:port` (`[address]:port` for IPv6). Default: those that Node knows of the
   * system, `dns.getServers()`, looked at for each question.
   */
  readonly servers?: readonly string[]
  /** Default: `/etc/hosts` and `/etc/resolv.conf`, or what the system has in their place. */
  readonly files?: SystemFiles
}

/**
 * Finds the servers of `dns:` and `srv:` sources by DNS, and asks again by TTL: from 1 s to 1 h, up to a tenth earlier.
 *
 * `dns:` takes A and AAAA records, `srv:` SRV records (RFC 2782) and the addresses of their targets. Names go through
 * `/etc/hosts` and the search list of `/etc/resolv.conf` first, as in any program of the machine. Failures keep what is
 * known; a name that is gone keeps its servers for 30 s.
 */
export class DnsDiscovery implements Discovery {
  readonly #parts: DnsDiscoveryParts
  readonly #client: DnsClient
  readonly #names: SystemNamesReader
  readonly #watches = new Map<string, SourceWatch>()
  #closed = false

  /** @throws Error when one of `servers` is no address. */
  constructor(parts: DnsDiscoveryParts) {
    const { clock, random, servers } = parts
    const given = servers?.map(parseEndpoint)
    this.#parts = parts
    this.#names = new SystemNamesReader(parts.files ?? systemFiles)
    this.#client = new DnsClient({ clock, random, servers: () => given ?? systemServers() })
  }

  want(sources: readonly Source[]): void {
    if (this.#closed) return
    const wanted = new Map(sources.filter(({ kind }) => kind !== 'worker').map((source) => [source.id, source]))
    for (const [id, watch] of this.#watches) {
      if (wanted.has(id)) continue
      watch.stop()
      this.#watches.delete(id)
    }
    for (const [id, source] of wanted) {
      if (!this.#watches.has(id)) this.#watches.set(id, this.#watch(source))
    }
  }

  close(): void {
    this.#closed = true
    for (const watch of this.#watches.values()) watch.stop()
    this.#watches.clear()
    this.#client.close()
  }

  #watch(source: Source): SourceWatch {
    const { clock, random, logger, found } = this.#parts
    const lookup = new SourceLookup(source, this.#client, this.#names)
    return new SourceWatch(source, { clock, random, logger, found, lookup: () => lookup.run() })
  }
}

function systemServers(): readonly Endpoint[] {
  // Not imported by name: `dns.setServers` exchanges the function, and the name would go on meaning the old one.
  return dns.getServers().map(parseEndpoint)
}
