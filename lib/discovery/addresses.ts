import { isIPv4 } from 'node:net'
import { messageOf } from '../config/section.js'
import type { DnsClient } from './client.js'
import { type AddressRecord, type DnsRecord, isDnsName, type SrvRecord } from './message.js'
import { type Hosts, hostAddresses } from './system-names.js'

/** Seconds until `/etc/hosts` is looked at again. */
const hostsTtl = 10

/** What is known of a name. */
export interface NameAddresses {
  /** IP addresses, sorted, so that every process and every proxy has them in one order. */
  readonly addresses: readonly string[]
  /** Seconds; the least of the records that led to the addresses, Infinity when there are none. */
  readonly ttl: number
  /** Why what is unknown is unknown. The addresses, if any, are those known from before, at least in part. */
  readonly failure?: string
  /** Why there are no addresses, when that is certain. */
  readonly absence?: string
}

/** Addresses by type and name, as they were told last. */
export type KnownAddresses = ReadonlyMap<string, readonly string[]>

/** What the question for one type came to. */
interface Family {
  readonly addresses: readonly string[]
  readonly ttl: number
  /** `fresh`: told just now, `none`: there are none of this type, `absent`: there is no such name. */
  readonly outcome: 'fresh' | 'none' | 'absent' | 'failed'
  readonly failure: string
}

/** Looks up the addresses of names for one look-up of a source. */
export class AddressLookup {
  readonly #client: DnsClient
  readonly #hosts: Hosts
  readonly #before: KnownAddresses
  readonly #now = new Map<string, readonly string[]>()

  /** `before`: what the last look-up of the source has come to know. */
  constructor(client: DnsClient, hosts: Hosts, before: KnownAddresses) {
    this.#client = client
    this.#hosts = hosts
    this.#before = before
  }

  /** What this look-up has come to know, for the next one. */
  get known(): KnownAddresses {
    return this.#now
  }

  /** What the machine itself says of a name, which goes before DNS (nsswitch.conf(5): `files dns`). */
  ofHosts(name: string): NameAddresses | undefined {
    const addresses = hostAddresses(name, this.#hosts)
    return addresses === undefined ? undefined : { addresses: sortAddresses(addresses), ttl: hostsTtl }
  }

  /** What came unasked for; undefined when nothing did. It spares the question, also for the other family. */
  ofRecords(name: string, records: readonly DnsRecord[]): NameAddresses | undefined {
    const found = addressRecords(records, name)
    if (found.length === 0) return undefined
    for (const type of ['A', 'AAAA'] as const) {
      const addresses = found.filter((record) => record.type === type).map(({ address }) => address)
      this.#now.set(`${type} ${name}`, addresses)
    }
    return { addresses: sortAddresses(found.map(({ address }) => address)), ttl: leastTtl(found) }
  }

  /**
   * A and AAAA of a complete name. One family is enough: servers that cannot answer for AAAA are common. What was known
   * of a family goes on while it cannot be asked for, so that half of the servers do not go with one lost packet.
   */
  async ofName(name: string): Promise<NameAddresses> {
    if (!isDnsName(name)) return { addresses: [], ttl: Infinity, absence: `"${name}" is no name that DNS can have` }
    const families = await Promise.all([this.#family(name, 'A'), this.#family(name, 'AAAA')])
    const addresses = sortAddresses(families.flatMap((family) => family.addresses))
    const ttl = Math.min(...families.map((family) => family.ttl))
    const failed = families.find(({ outcome }) => outcome === 'failed')
    if (families.some(({ outcome }) => outcome === 'fresh')) {
      const isPartlyOld = failed !== undefined && failed.addresses.length > 0
      return { addresses, ttl, ...(isPartlyOld && { failure: failed.failure }) }
    }
    if (families.some(({ outcome }) => outcome === 'absent')) return { addresses: [], ttl, absence: 'NXDOMAIN' }
    if (failed !== undefined) return { addresses, ttl, failure: failed.failure }
    return { addresses: [], ttl, absence: 'no addresses' }
  }

  async #family(name: string, type: 'A' | 'AAAA'): Promise<Family> {
    const key = `${type} ${name}`
    try {
      const { code, records } = await this.#client.ask(name, type)
      const found = addressRecords(records, name).filter((record) => record.type === type)
      const addresses = found.map(({ address }) => address)
      this.#now.set(key, addresses)
      const outcome = addresses.length > 0 ? 'fresh' : code === 'NXDOMAIN' ? 'absent' : 'none'
      return { addresses, ttl: leastTtl(found), outcome, failure: '' }
    } catch (error) {
      const addresses = this.#before.get(key) ?? []
      this.#now.set(key, addresses)
      return { addresses, ttl: Infinity, outcome: 'failed', failure: messageOf(error) }
    }
  }
}

function addressRecords(records: readonly DnsRecord[], name: string): readonly AddressRecord[] {
  return followAliases(records, name).flatMap((record) => (record.type === 'SRV' ? [] : [record]))
}

/** The records of a name that are no aliases; each with the least TTL on the way to it (RFC 1034 §3.6.2). */
export function followAliases(records: readonly DnsRecord[], name: string): readonly (AddressRecord | SrvRecord)[] {
  const passed = new Set<string>()
  let ttl = Infinity
  for (let owner = name.toLowerCase(); !passed.has(owner); ) {
    passed.add(owner)
    const owned = records.filter((record) => record.name === owner)
    const alias = owned.find((record) => record.type === 'CNAME')
    if (alias === undefined) {
      return owned.flatMap((record) => (record.type === 'CNAME' ? [] : [{ ...record, ttl: Math.min(ttl, record.ttl) }]))
    }
    ttl = Math.min(ttl, alias.ttl)
    owner = alias.target
  }
  return []
}

/** Seconds; Infinity without records. */
export function leastTtl(records: readonly { readonly ttl: number }[]): number {
  return records.reduce((least, { ttl }) => Math.min(least, ttl), Infinity)
}

/** In their order, each once. */
export function sortAddresses(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)].sort(compareAddresses)
}

/** IPv4 by number, then IPv6. */
export function compareAddresses(a: string, b: string): number {
  const [first, second] = [sortKey(a), sortKey(b)]
  return first < second ? -1 : first > second ? 1 : 0
}

function sortKey(address: string): string {
  const octets = address.split('.').map((octet) => octet.padStart(3, '0'))
  return isIPv4(address) ? `4 ${octets.join('.')}` : `6 ${address}`
}
