/** Every balancer under its names: one line a strategy. */

import type { BalancerFactory } from './balancer.js'
import { createConsistentHash } from './consistent-hash.js'
import { createFirstAlive } from './first-alive.js'
import { createHash } from './hash.js'
import { createLeastConnections } from './least-connections.js'
import { createNaive } from './naive.js'
import { createPeakEwma } from './peak-ewma.js'
import { createRandom } from './random.js'
import { createRandomTwo } from './random-two.js'
import { createRoundRobin } from './round-robin.js'
import { createSourceHash } from './source-hash.js'
import { createWeighted } from './weighted.js'

interface Registration {
  /** The name to show. */
  readonly name: string
  readonly aliases: readonly string[]
  readonly factory: BalancerFactory
}

/** In the order in which they were registered. */
const registrations: Registration[] = []
/** By each name and alias, without case, spaces, `-` and `_`. */
const byKey = new Map<string, Registration>()

add('Naive', createNaive)
add('First-Alive', createFirstAlive)
add('Round-Robin', createRoundRobin, ['Lockless-Round-Robin', 'Locking-Round-Robin'])
add('Least-Connections', createLeastConnections)
add('Weighted', createWeighted, ['Weighted-Round-Robin'])
add('Random', createRandom)
add('Random-Two', createRandomTwo)
add('Peak-EWMA', createPeakEwma)
add('Source-Hash', createSourceHash)
add('Hash', createHash)
add('Consistent-Hash', createConsistentHash)

/**
 * Adds a balancer of your own, which `LoadBalance` can then name. The factory is called once for every pool that uses
 * it. Names are compared without case, spaces, `-` and `_`, and a name that is taken cannot be given again.
 *
 * Throws a `TypeError` for a name that a configuration could not contain and for a factory that is no function, and
 * an `Error` for a name that is taken.
 *
 * @example
 * registerBalancer('Last', () => ({ pick: (candidates) => candidates.at(-1) }))
 */
export function registerBalancer(name: string, factory: BalancerFactory): void {
  if (typeof name !== 'string' || !/^[a-z][a-z0-9 _-]*$/i.test(name)) {
    throw new TypeError(
      `a balancer's name begins with a letter and consists of letters, digits, spaces, "-" and "_": ${display(name)}`,
    )
  }
  if (typeof factory !== 'function') {
    throw new TypeError(`the balancer "${name}" needs a factory, a function that returns an object with "pick"`)
  }
  add(name, factory)
}

/** The factory of the balancer with this name or alias. */
export function findBalancer(name: string): BalancerFactory | undefined {
  return byKey.get(keyOf(name))?.factory
}

/** The name under which a balancer is shown, for any spelling of its name or of an alias: `round robin` → `Round-Robin`. */
export function canonicalBalancerName(name: string): string | undefined {
  return byKey.get(keyOf(name))?.name
}

/** The names of all balancers, without their aliases, in the order in which they were registered. */
export function balancerNames(): string[] {
  return registrations.map((registration) => registration.name)
}

/** The further names of a balancer. */
export function balancerAliases(name: string): string[] {
  return [...(byKey.get(keyOf(name))?.aliases ?? [])]
}

function add(name: string, factory: BalancerFactory, aliases: readonly string[] = []): void {
  const taken = byKey.get(keyOf(name))
  if (taken !== undefined) throw new Error(`the balancer name "${name}" is taken by "${taken.name}"`)
  const registration: Registration = { name, aliases, factory }
  registrations.push(registration)
  for (const each of [name, ...aliases]) byKey.set(keyOf(each), registration)
}

function keyOf(name: string): string {
  return name.toLowerCase().replace(/[ _-]+/g, '')
}

function display(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value)
}
