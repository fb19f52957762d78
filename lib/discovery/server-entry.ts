/**
 * A server as it stands in a registry: what proxies write there, and what people and scripts may.
 *
 * The value of its key is a JSON object, or the URL alone, or nothing where the name of the key is the URL.
 */

import type { FoundServer, HealthSettings } from '../forward/control.js'
import { parseServer, type ServerAddress } from '../pool/address.js'
import { checkHealth, parseObject } from './pool-settings.js'

type AdminState = 'up' | 'draining' | 'disabled'

export interface ServerEntry {
  readonly address: ServerAddress
  /** Undefined: what the file says, or 1. */
  readonly weight: number | undefined
  /** Undefined: what the file says, or no. */
  readonly backup: boolean | undefined
  readonly state: AdminState | undefined
  readonly health: HealthSettings | undefined
  /** It says something of a server that proxies have in their files, and adds it to none that has not. */
  readonly override: boolean
  /** It is being removed, and stays only until its requests are over. */
  readonly leaving: boolean
  /** Fields that mean nothing to proxies. */
  readonly notes: Readonly<Record<string, unknown>>
}

const states: readonly unknown[] = ['up', 'draining', 'disabled']

/**
 * `id`: the name of its key.
 *
 * @throws Error with the reason why the value makes no sense.
 */
export function parseServerEntry(id: string, value: string): ServerEntry {
  const text = value.trim()
  const fields = text.startsWith('{') ? parseObject(text) : { url: text === '' ? id : text }
  const { url = id, weight, backup, state, health, override, leaving, ...notes } = fields
  if (typeof url !== 'string') throw new Error('"url" is not a text')
  const { address, weight: written } = parseServer(url)
  if (address.scheme === 'worker') throw new Error(`${address.id} dials in to each proxy by itself`)
  if (weight !== undefined) checkWeight(weight)
  for (const [name, given] of Object.entries({ backup, override, leaving })) {
    if (given !== undefined && typeof given !== 'boolean') throw new Error(`"${name}" is neither true nor false`)
  }
  if (state !== undefined && !states.includes(state)) throw new Error('"state" is none of up, draining, disabled')
  if (health !== undefined) checkHealth(health)
  return {
    address,
    weight: (weight as number | undefined) ?? (url.includes('*') ? written : undefined),
    backup: backup as boolean | undefined,
    state: state as AdminState | undefined,
    health: health as HealthSettings | undefined,
    override: override === true,
    leaving: leaving === true,
    notes,
  }
}

/** @throws Error */
export function checkWeight(weight: unknown): asserts weight is number {
  if (Number.isInteger(weight) && Number(weight) >= 1 && Number(weight) <= 1000) return
  throw new Error(`bad weight ${JSON.stringify(weight)}; a weight is a whole number from 1 to 1000`)
}

/** The value of a key. */
export function formatServerEntry({ address, override, leaving, notes, ...rest }: ServerEntry): string {
  const flags = { ...(override ? { override } : {}), ...(leaving ? { leaving } : {}) }
  return JSON.stringify({ url: address.id, ...rest, ...flags, ...notes })
}

/** A server of which nothing is said. */
export function plainEntry(address: ServerAddress): ServerEntry {
  const nothing = { weight: undefined, backup: undefined, state: undefined, health: undefined }
  return { address, ...nothing, override: false, leaving: false, notes: {} }
}

/** As pools are told of it. */
export function foundServer({ address, weight, backup, state, health }: ServerEntry): FoundServer {
  return { url: address.id, weight, backup, state, health }
}
