import type { ServerSpec } from './address.js'
import type { Member } from './member.js'
import { type Found, isSource, type Listed } from './source.js'

/** A place of a list: a server that was named, or all that a source has told of. */
type Place = ServerSpec | SourcePlace

interface SourcePlace {
  readonly source: string
  /** What the weights of its servers are multiplied with. */
  readonly factor: number
  found: readonly Found[]
}

/** A server's place in the list, as far as it counts. */
export interface ListedServer extends ServerSpec {
  /** What has told of it; undefined where it was named, or is as well. */
  readonly source: string | undefined
  /** What a source says of it. */
  readonly told: Found | undefined
}

/** The highest weight that a server can have. */
const heaviest = 1000

/**
 * The servers of one of the two lists of a pool, in order: those that were named, and where a source was named those that
 * it has told of. What a source tells of a server that is named as well takes the place of what was written there.
 */
export class List<Carrier> {
  #places: Place[]
  /** Weights that were set by hand. */
  readonly #weights = new Map<string, number>()
  members: readonly Member<Carrier>[] = []
  /** How many slots the list has. */
  slots = 0

  constructor(listed: readonly Listed[]) {
    this.#places = listed.map((item) =>
      isSource(item) ? { source: item.source.id, factor: item.weight, found: [] } : item,
    )
  }

  /** What decides about each slot: every server of the list, those that are named twice twice. */
  get servers(): readonly ListedServer[] {
    const tellers = new Map<string, ListedServer>()
    const named = this.#named
    for (const place of this.#places) {
      if (!('source' in place)) continue
      for (const told of place.found) {
        const { address } = told
        const written = named.get(address.id)
        const weight = told.weight === undefined && written !== undefined ? written : (told.weight ?? 1) * place.factor
        const source = written === undefined ? place.source : undefined
        tellers.set(address.id, { address, weight: Math.min(heaviest, weight), told, source })
      }
    }
    const seen = new Set<string>()
    const servers: ListedServer[] = []
    for (const place of this.#places) {
      for (const { address } of 'source' in place ? place.found : [place]) {
        const teller = tellers.get(address.id)
        if (!teller && !('source' in place)) servers.push({ ...place, told: undefined, source: undefined })
        // Once, at its first place, whoever tells of it.
        if (teller && !seen.has(address.id)) servers.push(teller)
        seen.add(address.id)
      }
    }
    return servers
  }

  /** The weights of the servers that are named by themselves, of those that are named twice in all. */
  get #named(): ReadonlyMap<string, number> {
    const named = new Map<string, number>()
    for (const place of this.#places) {
      if (!('source' in place)) named.set(place.address.id, (named.get(place.address.id) ?? 0) + place.weight)
    }
    return named
  }

  names(source: string): boolean {
    return this.#places.some((place) => 'source' in place && place.source === source)
  }

  /** Whether the server is named by itself. */
  has(id: string): boolean {
    return this.#named.has(id)
  }

  add(spec: ServerSpec): void {
    this.#places.push(spec)
  }

  /** A server that was named is no more. */
  remove(id: string): void {
    this.#weights.delete(id)
    this.#places = this.#places.filter((place) => 'source' in place || place.address.id !== id)
  }

  /** The server stands in the list once, at its first place, with this weight. */
  reweigh(id: string, weight: number): void {
    this.#weights.set(id, weight)
  }

  /** What a source tells, in place of what it told before. One that was not named stands at the end. */
  tell(source: string, found: readonly Found[]): void {
    const places = this.#places.filter((place): place is SourcePlace => 'source' in place && place.source === source)
    for (const place of places) place.found = found
    if (places.length === 0 && found.length > 0) this.#places.push({ source, factor: 1, found })
  }

  /** Takes `members`, which are those of `servers`, and numbers their slots anew. */
  arrange(servers: readonly ListedServer[], members: readonly Member<Carrier>[]): void {
    const slots = new Map<string, number[]>()
    this.slots = 0
    for (const { address, weight } of servers) {
      const own = this.#weights.get(address.id)
      const known = slots.get(address.id) ?? []
      if (own !== undefined && known.length > 0) continue
      for (let i = 0; i < (own ?? weight); i++) known.push(this.slots++)
      slots.set(address.id, known)
    }
    this.members = members
    for (const member of members) member.place(slots.get(member.id) ?? [])
    for (const id of this.#weights.keys()) if (!slots.has(id)) this.#weights.delete(id)
  }
}
