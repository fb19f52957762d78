import { messageOf } from '../config/section.js'
import { networkAddress } from '../pool/address.js'
import type { Found, Source } from '../pool/source.js'
import {
  AddressLookup,
  compareAddresses,
  followAliases,
  type KnownAddresses,
  leastTtl,
  type NameAddresses,
} from './addresses.js'
import type { DnsClient } from './client.js'
import { type Answer, isDnsName, type SrvRecord } from './message.js'
import { rankRecords } from './srv.js'
import { completions, type SystemNamesReader } from './system-names.js'

/** What a look-up came to. A failure is thrown. */
export type Outcome =
  | {
      readonly kind: 'found'
      /** At least one, in an order that is the same everywhere. */
      readonly servers: readonly Found[]
      /** Seconds for which this holds. */
      readonly ttl: number
      /** Why some of the servers are missing, or from before. */
      readonly failure: string | undefined
    }
  | { readonly kind: 'none'; readonly reason: string }

/** What one of the completions of a name came to. */
interface Candidate<T> {
  readonly found?: T
  readonly failure?: string | undefined
  readonly absence?: string | undefined
}

interface SrvRecords {
  readonly records: readonly SrvRecord[]
  readonly ttl: number
  readonly additional: Answer['additional']
}

/** Looks up one source, again and again. */
export class SourceLookup {
  readonly #source: Source
  readonly #client: DnsClient
  readonly #names: SystemNamesReader
  #known: KnownAddresses = new Map()
  /** The completion of the name that was found last. */
  #settled: string | undefined

  constructor(source: Source, client: DnsClient, names: SystemNamesReader) {
    this.#source = source
    this.#client = client
    this.#names = names
  }

  /** @throws Error when nothing can be said: the servers known so far go on. */
  async run(): Promise<Outcome> {
    const { hosts, search } = await this.#names.read()
    const lookup = new AddressLookup(this.#client, hosts, this.#known)
    const names = completions(this.#source.name, search)
    const outcome = await (this.#source.kind === 'srv' ? this.#services(names, lookup) : this.#hosts(names, lookup))
    this.#known = lookup.known
    return outcome
  }

  async #hosts(names: readonly string[], lookup: AddressLookup): Promise<Outcome> {
    const named = lookup.ofHosts(this.#source.name)
    const result = named ?? (await this.#search(names, async (name) => asCandidate(await lookup.ofName(name))))
    if ('reason' in result) return { kind: 'none', reason: result.reason }
    const servers = result.addresses.map((host) => this.#server(host, this.#source.port, 1, false))
    return { kind: 'found', servers, ttl: result.ttl, failure: result.failure }
  }

  async #services(names: readonly string[], lookup: AddressLookup): Promise<Outcome> {
    const result = await this.#search(names, (name) => this.#records(name))
    if ('reason' in result) return { kind: 'none', reason: result.reason }
    const records = result.records.filter(({ target, port }) => target !== '' && port > 0)
    if (records.length === 0) return { kind: 'none', reason: 'the service is not available ("." in its SRV record)' }
    const targets = await this.#targets(records, result.additional, lookup)
    const known = [...targets.values()]
    const servers = this.#serversOf(records, targets)
    const failure = known.find((target) => target.failure !== undefined)?.failure
    if (servers.length > 0) return { kind: 'found', servers, ttl: Math.min(result.ttl, leastTtl(known)), failure }
    if (failure !== undefined) throw new Error(failure)
    return { kind: 'none', reason: `the targets of its SRV records have no addresses (${known[0]!.absence})` }
  }

  /**
   * The first completion of the name of which anything is found. One that cannot be asked for is passed over, as in every
   * resolver, but not when that would lead to other servers than before: then it is a failure.
   */
  async #search<T>(
    names: readonly string[],
    ask: (name: string) => Promise<Candidate<T>>,
  ): Promise<T | { readonly reason: string }> {
    let failure: string | undefined
    let absence = ''
    for (const name of names) {
      const candidate = await ask(name)
      if (candidate.found !== undefined) {
        if (failure !== undefined && this.#settled !== undefined && this.#settled !== name) break
        this.#settled = name
        return candidate.found
      }
      failure ??= candidate.failure
      absence ||= candidate.absence ?? ''
    }
    if (failure !== undefined) throw new Error(failure)
    this.#settled = undefined
    return { reason: absence }
  }

  async #records(name: string): Promise<Candidate<SrvRecords>> {
    if (!isDnsName(name)) return { absence: `"${name}" is no name that DNS can have` }
    try {
      const { code, records, additional } = await this.#client.ask(name, 'SRV')
      const found = followAliases(records, name).filter((record) => record.type === 'SRV')
      if (found.length > 0) return { found: { records: found, ttl: leastTtl(found), additional } }
      return { absence: code === 'NXDOMAIN' ? code : 'no SRV records' }
    } catch (error) {
      return { failure: messageOf(error) }
    }
  }

  /** The addresses of the targets: those that came with the records, and what is missing is asked for. */
  async #targets(
    records: readonly SrvRecord[],
    additional: Answer['additional'],
    lookup: AddressLookup,
  ): Promise<ReadonlyMap<string, NameAddresses>> {
    const targets = [...new Set(records.map(({ target }) => target))]
    const found = targets.map(async (target): Promise<[string, NameAddresses]> => {
      const given = lookup.ofRecords(target, additional) ?? lookup.ofHosts(target)
      return [target, given ?? (await lookup.ofName(target))]
    })
    return new Map(await Promise.all(found))
  }

  #serversOf(records: readonly SrvRecord[], targets: ReadonlyMap<string, NameAddresses>): readonly Found[] {
    const ranked = rankRecords(records).flatMap(({ record, weight, backup }) =>
      targets.get(record.target)!.addresses.map((host) => ({ ...record, host, weight, backup })),
    )
    ranked.sort(
      (a, b) => a.priority - b.priority || compareAddresses(a.host, b.host) || a.port - b.port || b.weight - a.weight,
    )
    const servers = new Map<string, Found>()
    for (const { host, port, weight, backup } of ranked) {
      const server = this.#server(host, port, weight, backup)
      // Of several records for one server the most preferred counts.
      if (!servers.has(server.address.id)) servers.set(server.address.id, server)
    }
    return [...servers.values()]
  }

  #server(host: string, port: number, weight: number, backup: boolean): Found {
    const { scheme, id } = this.#source
    const written = host.includes(':') ? `[${host}]` : host
    return { address: networkAddress(`${scheme}://${written}:${port}`, id), weight, backup }
  }
}

function asCandidate(result: NameAddresses): Candidate<NameAddresses> {
  return result.addresses.length > 0 ? { found: result } : result
}
