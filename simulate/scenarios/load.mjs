import { spread } from '../model/chance.mjs'
import { usual } from '../model/simulation.mjs'
import { lively, percent, sharing, simulated, valuesOf } from './scenario.mjs'

/** More requests where lines take longer to come to their length. */
const loads = [
  { load: 0.5, requests: 80_000 },
  { load: 0.7, requests: 120_000 },
  { load: 0.85, requests: 250_000 },
  { load: 0.95, requests: 350_000 },
]
const services = /** @type {const} */ ({ 'log-normal': sharing, exponential: lively })
/** Above this Naive's first servers refuse most of what they get. */
const mostForNaive = 0.85
/** Of the standard normal distribution, at 50, 99 and 99.9 %. */
const normal = [0, 2.3263, 3.0902]

/** @type {import('./scenario.mjs').Scenario} */
export const load = {
  name: 'load',
  title: 'Equal servers',
  about: () =>
    'Servers that are alike, at four loads. “No waiting” is the work and the network alone, which no balancer can beat. ' +
    'Naive is left out at 95 %, where its first servers refuse most requests.',
  labels: ['service time', 'load', ''],
  columns: ['p50', 'p99', 'p999', 'longest', 'most', 'variation', 'refused'],
  *run(plan) {
    const rows = new Map()
    // One balancer after the other, whose proxies can then be used again.
    for (const balancer of sharing) {
      for (const [service, balancers] of Object.entries(services)) {
        if (!balancers.includes(balancer)) continue
        for (const { load, requests } of loads) {
          if (balancer === 'Naive' && load > mostForNaive) continue
          const settings = { balancer, service, load, requests, warmUp: 0.4 }
          rows.set([service, load, balancer].join(), valuesOf(simulated(plan, settings)))
        }
      }
    }
    for (const [service, balancers] of Object.entries(services)) {
      yield { labels: [service, '', 'No waiting'], values: noWaiting(service) }
      for (const { load } of loads) {
        for (const balancer of balancers) {
          const values = rows.get([service, load, balancer].join())
          if (values !== undefined) yield { labels: [service, percent(load), balancer], values }
        }
      }
    }
  },
}

function noWaiting(service) {
  const { mean, delay } = usual
  const at = (part, normal) => {
    const work =
      service === 'exponential' ? -mean * Math.log(1 - part) : mean * Math.exp(spread * normal - spread ** 2 / 2)
    return work + 2 * delay
  }
  return { p50: at(0.5, normal[0]), p99: at(0.99, normal[1]), p999: at(0.999, normal[2]) }
}
