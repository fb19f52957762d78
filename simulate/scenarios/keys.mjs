import { written } from '../../bench/report/columns.mjs'
import { zipfShares } from '../model/chance.mjs'
import { VirtualClock } from '../model/clock.mjs'
import { Fleet } from '../model/fleet.mjs'
import { Request } from '../model/request.mjs'
import { usual } from '../model/simulation.mjs'
import { keyNames } from '../model/traffic.mjs'
import { simulated, valuesOf } from './scenario.mjs'

const hashing = ['Source-Hash', 'Hash', 'Consistent-Hash']
const skews = [0, 0.3, 0.6]
const load = 0.7

/** @type {import('./scenario.mjs').Scenario} */
export const keys = {
  name: 'keys',
  title: 'Keys that are asked for more often than others',
  about: ({ servers }) =>
    `${written(100 * servers, 0)} keys (for Source-Hash: clients); the k-th is asked for in proportion to 1/k^s (Zipf). Load 70 %, ` +
    'log-normal service times. “Hottest key” is the load that the first key alone is for its server, in percent of what ' +
    'that can do: above 100 no balancer that keeps a key at one server can help.',
  labels: ['s', ''],
  columns: ['hottest', 'most', 'variation', 'p50', 'p99', 'refused'],
  *run(plan) {
    const rows = new Map()
    for (const balancer of hashing) {
      for (const skew of skews) {
        const measured = simulated(plan, { balancer, skew, load, requests: 100_000 })
        rows.set(`${skew} ${balancer}`, valuesOf(measured))
      }
    }
    for (const skew of skews) {
      const hottest = zipfShares(100 * plan.servers, skew)[0] * plan.servers * load * 100
      for (const balancer of hashing) {
        yield { labels: [`${skew}`, balancer], values: { hottest, ...rows.get(`${skew} ${balancer}`) } }
      }
    }
  },
}

/** @type {Record<string, (pool: import('../../dist/pool/pool.js').Pool<number>) => void>} */
const changes = {
  'rests, or is disabled': (pool) => pool.setAdmin(pool.members[middleOf(pool)], 'disabled'),
  'is taken off the list': (pool) => pool.remove(pool.members[middleOf(pool)]),
}

/** @type {import('./scenario.mjs').Scenario} */
export const moves = {
  name: 'moves',
  title: 'Keys that move when a server leaves',
  about: ({ servers }) =>
    `One of ${written(servers, 0)} servers leaves, in the middle of the list. How many of ${written(100 * servers, 0)} keys have another server ` +
    `then, and how many servers share them. An equal share of one server is ${100 / servers} %.`,
  labels: ['the server', ''],
  columns: ['moved', 'heirs'],
  *run({ seed, servers }) {
    const names = keyNames(100 * servers)
    for (const [label, change] of Object.entries(changes)) {
      for (const balancer of hashing) {
        const settings = { ...usual, seed, balancer, servers, listed: servers, proxies: 1 }
        const [pool] = new Fleet(settings, new VirtualClock()).pools
        const before = ownersOf(pool, names)
        change(pool)
        const after = ownersOf(pool, names)
        const moved = after.filter((owner, key) => owner !== before[key])
        const values = { moved: (moved.length / after.length) * 100, heirs: new Set(moved).size }
        yield { labels: [label, balancer], values }
      }
    }
  },
}

function middleOf(pool) {
  return pool.members.length >> 1
}

function ownersOf(pool, { keys, clients }) {
  const request = new Request()
  return keys.map((key, at) => {
    request.key = key
    request.client = clients[at]
    const lease = pool.lease(request, request.tried)
    lease.release()
    return lease.member.carrier
  })
}
