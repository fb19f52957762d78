import { written } from '../../bench/report/columns.mjs'
import { lively, simulated, valuesOf } from './scenario.mjs'

const counts = [1, 4, 20, 100]

/** @type {import('./scenario.mjs').Scenario} */
export const proxies = {
  name: 'proxies',
  title: 'More proxies, the same load',
  about: () =>
    'Load 85 %, log-normal service times. Each proxy counts only its own requests: the more there are, the less each of ' +
    'them knows. Several processes of one machine are several proxies in this.',
  labels: ['proxies', ''],
  columns: ['p50', 'p99', 'p999', 'longest'],
  *run(plan) {
    for (const proxies of counts.filter((count) => count <= plan.proxies)) {
      for (const balancer of lively) {
        const measured = simulated({ ...plan, proxies }, { balancer, load: 0.85, requests: 300_000, warmUp: 0.4 })
        yield { labels: [`${proxies}`, balancer], values: valuesOf(measured) }
      }
    }
  },
}

/** Parts of all servers. */
const parts = [0.2, 0.05, 0.02]
/** By how many proxies each server has to be listed. */
const least = 2

/** @type {import('./scenario.mjs').Scenario} */
export const lists = {
  name: 'lists',
  title: 'Shorter lists',
  about: ({ proxies, servers }) =>
    `The same with ${proxies} proxies, each of which lists only some of the ${written(servers, 0)} servers, its own part of a ring, so ` +
    'that each server is listed by equally many. A proxy then has more requests under way at each server that it knows.',
  labels: ['servers a list', ''],
  columns: ['p50', 'p99', 'p999', 'longest'],
  *run(plan) {
    for (const listed of parts.map((part) => Math.round(part * plan.servers))) {
      if (listed * plan.proxies < least * plan.servers) continue
      for (const balancer of lively) {
        const measured = simulated(plan, { balancer, listed, load: 0.85, requests: 300_000, warmUp: 0.4 })
        yield { labels: [`${listed}`, balancer], values: valuesOf(measured) }
      }
    }
  },
}
