/** The settings of a pool as they stand in a registry: a JSON object. */

import { balancerNames, canonicalBalancerName, findBalancer } from '../balancers/registry.js'
import type { OptionType } from '../config/section.js'
import { unknown } from '../config/suggest.js'
import type { HealthSettings } from '../forward/control.js'
import { changedHealth, type HealthOptions, healthTable } from '../pool/health-options.js'

export interface PoolSettings {
  /** Name of a balancer. */
  readonly loadBalance?: string | undefined
  readonly health?: HealthSettings | undefined
}

/** @throws Error with the reason why the value makes no sense. */
export function parsePoolSettings(value: string): PoolSettings {
  const { loadBalance, health } = parseObject(value)
  if (health !== undefined) checkHealth(health)
  if (loadBalance === undefined) return { health: health as HealthSettings | undefined }
  if (typeof loadBalance !== 'string') throw new Error('"loadBalance" is not a text')
  return { loadBalance: checkedBalancer(loadBalance), health: health as HealthSettings | undefined }
}

/** The name of a balancer in its usual spelling. @throws Error */
export function checkedBalancer(name: string): string {
  if (findBalancer(name) === undefined) throw new Error(unknown('balancer', name, balancerNames()))
  return canonicalBalancerName(name) ?? name
}

/** @throws Error naming the setting that makes no sense. */
export function checkHealth(health: unknown): asserts health is HealthSettings {
  if (typeof health !== 'object' || health === null || Array.isArray(health)) throw new Error('"health" is no object')
  changedHealth(defaultHealth(), health)
}

/** What a check is that nobody has set. */
function defaultHealth(): HealthOptions {
  const noFiles = {
    readFile: (): never => {
      throw new Error('no file can be named here')
    },
  }
  const resolved = Object.entries(healthTable).map(([name, { type, default: given }]) => {
    const { resolve } = type as OptionType<unknown, unknown>
    return [name, given === undefined ? undefined : resolve(given, noFiles)]
  })
  return Object.fromEntries(resolved) as HealthOptions
}

/** @throws Error */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('it is no JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Error('it is no JSON object')
}
