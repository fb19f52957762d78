import { written } from '../../bench/report/columns.mjs'
import { balancerNames } from '../../dist/balancers/registry.js'
import { lively, simulated, valuesOf } from './scenario.mjs'

/** @param {number} status */
const serverError = (status) => status >= 500
const entries = {
  defaults: {},
  'FailStatus, HighAvailability Off': { failStatus: serverError, highAvailability: false },
  FailStatus: { failStatus: serverError },
}
const small = { proxies: 10, servers: 100 }
/** Where a proxy has many requests under way at each server. */
const single = { proxies: 1, servers: 10 }

/** @type {import('./scenario.mjs').Scenario} */
export const broken = {
  name: 'broken',
  title: 'A server that fails fast',
  about: () =>
    'One of the servers begins to answer everything with 500 within 1 ms. By default a 500 is an answer like any other. ' +
    'With `FailStatus 500-599` it is a failure, from which Peak-EWMA learns; and after two in a row, unless ' +
    '`HighAvailability` is `Off`, the proxy leaves the server alone: each proxy needs two failures for that, or some more while answers to ' +
    'earlier requests still come from the server. Load 85 %.',
  labels: ['', 'proxies × servers', 'entry'],
  columns: ['picks', 'share', 'failed', 'p99'],
  *run(plan) {
    for (const [label, options] of Object.entries(entries)) {
      for (const balancer of balancerNames()) yield rowOf(plan, single, label, options, balancer)
      for (const balancer of lively) yield rowOf(plan, small, label, options, balancer)
    }
    for (const balancer of lively) yield rowOf(plan, plan, 'defaults', entries.defaults, balancer)
  },
}

function rowOf(plan, { proxies, servers }, label, options, balancer) {
  const server = Math.floor(servers / 2)
  const prepare = ({ clock, stations, warm }) => {
    clock.setTimeout(() => {
      stations.broken[server] = 1
    }, warm)
  }
  const settings = { balancer, options, prepare, load: 0.85, requests: 200_000, warmUp: 0.5 }
  const measured = simulated({ ...plan, proxies, servers }, settings)
  const { sent } = measured
  const all = sent.reduce((a, b) => a + b, 0)
  const values = { ...valuesOf(measured), picks: sent[server], share: (sent[server] / all) * sent.length }
  return { labels: [balancer, `${proxies} × ${written(servers, 0)}`, label], values }
}
