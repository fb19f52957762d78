/** What a scenario is, and what those that simulate requests have in common. */

import { balancerNames } from '../../dist/balancers/registry.js'
import { simulate } from '../model/simulation.mjs'

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {(plan: import('../plan.mjs').Plan) => string} about
 * @property {readonly string[]} labels heads of the columns that say which row it is
 * @property {readonly (keyof typeof columns)[]} columns
 * @property {(plan: import('../plan.mjs').Plan) => Iterable<Row>} run
 *
 * @typedef {object} Row
 * @property {readonly string[]} labels
 * @property {Readonly<Partial<Record<keyof typeof columns, number>>>} values
 * @property {readonly import('../model/measurement.mjs').Look[]} [looks] for a picture over time
 */

/** What is reported, and how it is written. @satisfies {Record<string, { label: string, digits: number }>} */
export const columns = /** @type {const} */ ({
  p50: { label: 'p50 ms', digits: 1 },
  p99: { label: 'p99 ms', digits: 0 },
  p999: { label: 'p99.9 ms', digits: 0 },
  longest: { label: 'fullest server', digits: 1 },
  most: { label: 'most ÷ mean', digits: 2 },
  variation: { label: 'variation %', digits: 1 },
  failed: { label: 'failed %', digits: 3 },
  refused: { label: 'refused %', digits: 3 },
  share: { label: '× an equal share', digits: 3 },
  capacity: { label: 'load of these %', digits: 0 },
  picks: { label: 'sent to it', digits: 0 },
  resting: { label: 'offline %', digits: 1 },
  before: { label: 'p99 ms before', digits: 0 },
  after: { label: 'p99 ms in the second after', digits: 0 },
  longestAfter: { label: 'fullest server after', digits: 0 },
  hottest: { label: 'hottest key %', digits: 0 },
  moved: { label: 'keys moved %', digits: 2 },
  heirs: { label: 'to servers', digits: 0 },
  expected: { label: 'theory', digits: 3 },
  simulated: { label: 'simulated', digits: 3 },
  difference: { label: 'difference %', digits: 1 },
})

/** Those that share the load; First-Alive does not. */
export const sharing = balancerNames().filter((name) => name !== 'First-Alive')

/** Those that look at more than the list or a key. */
export const lively = ['Round-Robin', 'Least-Connections', 'Random', 'Random-Two', 'Peak-EWMA']

/**
 * @param {import('../plan.mjs').Plan} plan
 * @param {Partial<import('../model/simulation.mjs').Settings> & { requests: number }} settings
 */
export function simulated({ seed, proxies, servers, requests }, settings) {
  const fleet = { seed, proxies, servers, listed: servers, connections: 1.5 * servers, keys: 100 * servers }
  return simulate({ ...fleet, ...settings, requests: requests(settings.requests) })
}

/** @param {import('../model/measurement.mjs').Measured} measured */
export function valuesOf({ p50, p99, p999, longest, most, variation, failed, refusals, requests }) {
  return {
    p50,
    p99,
    p999,
    longest,
    most,
    variation: variation * 100,
    failed: (failed / requests) * 100,
    refused: (refusals / requests) * 100,
  }
}

/** @param {number} part */
export function percent(part) {
  return `${Math.round(part * 1000) / 10} %`
}
