/** What is wrong with a change, told before anything is touched. */

import { balancerNames, canonicalBalancerName, findBalancer } from '../balancers/registry.js'
import { unknown } from '../config/suggest.js'
import { parseServer, type ServerSpec } from '../pool/address.js'
import { changedHealth, type HealthOptions } from '../pool/health-options.js'
import type { Member } from '../pool/member.js'
import type { NamedBalancer } from '../pool/options.js'
import type { Found } from '../pool/source.js'
import type { Upstream } from '../transports/transport.js'
import { type Change, ChangeError, type FoundServer, type HealthSettings } from './control.js'

export function serverSpec(url: string, weight: number | undefined): ServerSpec {
  const spec = checked(() => parseServer(url.replace(/(?<=^[a-z]+:\/\/[^/]*)\/$/i, '')))
  if (weight === undefined) return spec
  checkWeight(weight)
  return { ...spec, weight }
}

/** `before`: how the servers of the pool are checked. */
export function foundServer(before: HealthOptions, { url, weight, backup, state, health }: FoundServer): Found {
  const spec = serverSpec(url, weight)
  return {
    address: spec.address,
    weight: weight ?? (url.includes('*') ? spec.weight : undefined),
    backup,
    admin: state,
    health: health === undefined ? undefined : healthOptions(before, health),
  }
}

export function healthOptions(before: HealthOptions, settings: HealthSettings): HealthOptions {
  return checked(() => changedHealth(before, settings))
}

export function checkRemovable({ id, source }: Member<Upstream>): void {
  if (source !== undefined) throw comesBack(id, source)
}

/** A server cannot be removed, because its source would tell of it again. */
export function comesBack(server: string, source: string): ChangeError {
  const way = source.startsWith('worker:') ? 'stop the worker' : 'take it out there'
  return new ChangeError('invalid', `${server} comes from ${source}: ${way}, or set its state to disabled`)
}

export function checkWeight(weight: number): void {
  if (Number.isInteger(weight) && weight >= 1 && weight <= 1000) return
  throw new ChangeError('invalid', `bad weight ${weight}; a weight is a whole number from 1 to 1000`)
}

/** What a change sets. `before`: how the servers of the pool are checked. */
export function poolSettings(
  { loadBalance, health }: Change & { kind: 'pool' },
  before: HealthOptions,
): { loadBalance?: NamedBalancer; health?: HealthOptions } {
  return {
    ...(loadBalance === undefined ? {} : { loadBalance: namedBalancer(loadBalance) }),
    ...(health === undefined ? {} : { health: healthOptions(before, health) }),
  }
}

function namedBalancer(name: string): NamedBalancer {
  const factory = findBalancer(name)
  if (factory === undefined) throw new ChangeError('invalid', unknown('balancer', name, balancerNames()))
  return { name: canonicalBalancerName(name) ?? name, factory }
}

/** What the configuration's own checks find wrong is what is wrong with the change. */
export function checked<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw new ChangeError('invalid', (error as Error).message)
  }
}
