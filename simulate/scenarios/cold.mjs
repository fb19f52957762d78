import { lively, percent, simulated } from './scenario.mjs'

/** Those that go through the list. */
const turning = ['Round-Robin', 'Least-Connections']

/** @type {import('./scenario.mjs').Scenario} */
export const cold = {
  name: 'cold',
  title: 'Proxies that start together',
  about: () =>
    'Some of the proxies are restarted at the same moment, and begin as a new proxy does: at the first server of the list, ' +
    'with no latency known. Load 70 %, log-normal service times. Weighted does as Round-Robin; the hash balancers ' +
    'have nothing to forget.',
  labels: ['restarted', ''],
  columns: ['before', 'after', 'longestAfter', 'refused'],
  *run(plan) {
    for (const part of [0.1, 0.5, 1]) {
      for (const balancer of part < 0.5 ? turning : lively) {
        const restarted = Math.round(part * plan.proxies)
        let at = 0
        const prepare = ({ clock, fleet, duration, warm }) => {
          at = (duration - warm) / 3
          clock.setTimeout(() => {
            for (let proxy = 0; proxy < restarted; proxy++) fleet.restart(proxy)
          }, warm + at)
        }
        const measured = simulated(plan, { balancer, prepare, load: 0.7, requests: 250_000 })
        const { looks, quantileOf, refusals, requests } = measured
        const later = looks.filter(({ time }) => time >= at)
        const values = {
          before: quantileOf(0, at, 0.99),
          after: quantileOf(at, at + 1000, 0.99),
          longestAfter: Math.max(...later.map(({ longest }) => longest)),
          refused: (refusals / requests) * 100,
        }
        const shifted = looks.map(({ time, longest }) => ({ time: time - at, longest }))
        yield { labels: [percent(part), balancer], values, looks: shifted }
      }
    }
  },
}
