/** Which pool and which server a change is about. */

import { messageOf } from '../config/section.js'
import { unknown } from '../config/suggest.js'
import { type Change, ChangeError, type PoolSnapshot, type Snapshot } from '../forward/control.js'
import { parseServer, type ServerAddress } from '../pool/address.js'
import { checkHealth } from './pool-settings.js'
import { checkWeight, plainEntry, type ServerEntry } from './server-entry.js'

/** A server in a pool. */
export interface Place {
  readonly pool: string
  readonly id: string
  readonly address: ServerAddress
  readonly weight: number
  readonly backup: boolean
  /** What has told of it; null: the file. */
  readonly source: string | null
}

/** The pool of a name; without one, the only pool there is. @throws ChangeError */
export function onlyPool({ pools }: Snapshot, name: string | undefined): PoolSnapshot {
  const names = pools.map((pool) => pool.name)
  const pool = pools.find((each) => (name === undefined ? pools.length === 1 : each.name === name))
  if (pool !== undefined) return pool
  if (name !== undefined) throw new ChangeError('not-found', unknown('pool', name, names))
  throw new ChangeError('invalid', `there are ${names.length} pools: say which one: ${names.join(', ')}`)
}

/** Every place of a server, or that in one pool; at least one. @throws ChangeError */
export function findPlaces(snapshot: Snapshot, server: string, pool: string | undefined): Place[] {
  const { address } = checked(() => parseServer(server))
  const pools = pool === undefined ? snapshot.pools : [onlyPool(snapshot, pool)]
  const places = pools.flatMap(({ name, servers }) =>
    servers
      .filter(({ id }) => id === address.id)
      .map(({ weight, backup, source }) => ({ pool: name, id: address.id, address, weight, backup, source })),
  )
  if (places.length > 0) return places
  throw new ChangeError('not-found', `no server ${server} in ${pool === undefined ? 'any pool' : `the pool ${pool}`}`)
}

/** The server that is to be added. @throws ChangeError */
export function wantedServer({ url, weight, backup, health, lease }: Change & { kind: 'add' }): ServerEntry {
  return checked(() => {
    const text = url.replace(/(?<=^[a-z0-9]+:\/\/[^/]*)\/$/i, '')
    const { address, weight: written } = parseServer(text)
    if (address.scheme === 'worker') throw new Error(`${address.id} dials in to each proxy by itself`)
    if (weight !== undefined) checkWeight(weight)
    if (health !== undefined) checkHealth(health)
    if (lease !== undefined && !(Number.isInteger(lease) && lease >= 2 && lease <= 1e9)) {
      throw new Error(`bad lease ${lease}; a lease is a whole number of seconds, 2 or more`)
    }
    return { ...plainEntry(address), weight: weight ?? (text.includes('*') ? written : undefined), backup, health }
  })
}

/** What is found wrong is what is wrong with the change. */
function checked<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw new ChangeError('invalid', messageOf(error))
  }
}
