/** The model against what is known about queues, worked out here once more. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

interface Measured {
  readonly mean: number
  readonly atLeast: readonly number[]
}

// A program, not part of the library: it has no types.
const file = new URL('../../simulate/model/simulation.mjs', import.meta.url).href
const { simulate } = (await import(file)) as { simulate: (settings: object) => Measured }

const load = 0.8
/** Servers and lines without an end, and nothing else; times are in service times. */
const plain = { service: 'exponential', mean: 1, delay: 0, line: Number.POSITIVE_INFINITY, load, warmUp: 0.3 }
const size = { servers: 200, listed: 200, requests: 500_000 }

function assertNear(actual: number, expected: number, tolerance: number, what: string): void {
  const text = `${what}: ${actual}, expected ${expected} within ${tolerance * 100} %`
  assert.ok(Math.abs(actual / expected - 1) <= tolerance, text)
}

test('a Poisson stream split at random: every server is M/M/1', () => {
  const { mean, atLeast } = simulate({ ...plain, ...size, balancer: 'Random', proxies: 10, workers: 1 })
  assertNear(mean, 1 / (1 - load), 0.06, 'time at the server')
  for (const count of [1, 2, 3, 4]) assertNear(atLeast[count]!, load ** count, 0.06, `at least ${count}`)
})

test('with several workers it is M/M/c: Erlang C', () => {
  const { mean } = simulate({ ...plain, ...size, balancer: 'Random', proxies: 10, workers: 2 })
  // For two workers the formula is short: 1 / (1 - ρ²).
  assertNear(mean, 1 / (1 - load ** 2), 0.05, 'time at the server')
})

test('service times that do not vary halve the waiting: Pollaczek and Khinchine', () => {
  const { mean } = simulate({ ...plain, ...size, service: 'constant', balancer: 'Random', proxies: 10, workers: 1 })
  assertNear(mean - 1, load / (2 * (1 - load)), 0.06, 'waiting')
})

test('two choices: lines fall doubly exponentially', () => {
  const { mean, atLeast } = simulate({ ...plain, ...size, balancer: 'Random-Two', proxies: 1, workers: 1 })
  const time = [1, 2, 3, 4, 5, 6].reduce((sum, i) => sum + load ** (2 ** i - 2), 0)
  assertNear(mean, time, 0.03, 'time at the server')
  for (const count of [1, 2, 3]) assertNear(atLeast[count]!, load ** (2 ** count - 1), 0.08, `at least ${count}`)
  assert.ok(atLeast[5]! < 0.005, 'at random it would be 0.33')
})
