import { sharing, simulated, valuesOf } from './scenario.mjs'

/** @param {number} status */
const serverError = (status) => status >= 500
const settings = [
  { label: 'defaults', options: {} },
  { label: 'FailStatus, HighAvailability Off', options: { failStatus: serverError, highAvailability: false } },
  { label: 'FailStatus 500-599', options: { failStatus: serverError } },
]

/** @type {import('./scenario.mjs').Scenario} */
export const broken = {
  name: 'broken',
  title: 'A server that fails fast',
  about: ({ proxies }) =>
    'One of the servers begins to answer everything with 500 within 1 ms. By default a 500 is an answer like any other; ' +
    'with `FailStatus` it is a failure, from which the balancer may learn, and after two in a row the proxy leaves the ' +
    `server alone: ${proxies} proxies need ${2 * proxies} failures for that. Load 70 %.`,
  labels: ['', 'entry'],
  columns: ['picks', 'share', 'failed', 'p99'],
  *run(plan) {
    const server = Math.floor(plan.servers / 2)
    const prepare = ({ clock, stations, warm }) => {
      clock.setTimeout(() => {
        stations.broken[server] = 1
      }, warm)
    }
    for (const { label, options } of settings) {
      for (const balancer of sharing) {
        const measured = simulated(plan, { balancer, options, prepare, load: 0.7, requests: 300_000, warmUp: 0.5 })
        const { sent } = measured
        const all = sent.reduce((a, b) => a + b, 0)
        const values = { ...valuesOf(measured), picks: sent[server], share: (sent[server] / all) * sent.length }
        yield { labels: [balancer, label], values }
      }
    }
  },
}
