/** Pointsman against itself: what its size and its features cost. */

import { entryRow, manyEntries, shapes } from '../entries.mjs'
import { askOnce, measureLoad } from '../harness/load.mjs'
import { smallBody, startManyUpstreams } from '../harness/upstream.mjs'
import { wrk } from '../harness/wrk.mjs'
import { written } from '../report/columns.mjs'

const columns = /** @type {const} */ (['cost', 'throughput', 'p50', 'p99', 'memory'])

/** @type {import('./case.mjs').Case} */
export const entriesCase = {
  name: 'entries',
  title: 'Many entries',
  about: ({ entries }) =>
    `Small GET, 64 connections; ${written(entries, 0)} entries, of which the last one matches, instead of that one alone. One entry in 500 is a glob or a regular expression of no usual shape.`,
  columns,
  ratio: { column: 'cost', label: '× one entry' },
  run(context) {
    const variants = Object.entries(shapes).flatMap(([shape, { title }]) =>
      [1, context.plan.entries].map((count) => {
        const { patterns, path } = manyEntries(shape, count)
        const entries = patterns.map((match) => ({ match, serverList: context.servers }))
        return variant(context, entryRow(title, count), entryRow(title, 1), { entries }, path)
      }),
    )
    return measureLoad(variants, context.plan, context.note)
  },
}

/** @type {import('./case.mjs').Case} */
export const serversCase = {
  name: 'servers',
  title: 'Many servers',
  about: ({ servers }) =>
    `Small GET, 64 connections; ${written(servers, 0)} servers in one entry instead of 3. All that such a pool brings with it counts, the connections to each of its servers too.`,
  columns,
  ratio: { column: 'cost', label: '× 3 servers' },
  async run(context) {
    const { plan, programs, temp, note } = context
    const { child, addresses } = await startManyUpstreams(programs.nginx, temp, plan.servers)
    try {
      const variants = ['Round-Robin', 'Least-Connections', 'Weighted', 'Peak-EWMA'].flatMap((loadBalance) =>
        [3, plan.servers].map((count) => {
          // Weights from 1 to 3, where they mean something.
          const weight = (at) => (loadBalance === 'Weighted' ? `*${1 + (at % 3)}` : '')
          const serverList = addresses.slice(0, count).map((address, at) => address + weight(at))
          const entries = [{ match: '/*', serverList, loadBalance }]
          return variant(context, row(loadBalance, count), row(loadBalance, 3), { entries }, '/small')
        }),
      )
      return await measureLoad(variants, plan, note)
    } finally {
      await child.stop()
    }
  },
}

function row(balancer, count) {
  return `${balancer}, ${written(count, 0)}`
}

/** @type {import('./case.mjs').Case} */
export const featuresCase = {
  name: 'features',
  title: 'All features on',
  about: () =>
    'Small GET, 64 connections; with StickyCookie, active checks once a second, TrustProxy, fields set and removed both ways, and a listener of `requestEnd`, instead of none of these. Both get the same requests, with the cookie and an X-Forwarded-For.',
  columns,
  ratio: { column: 'cost', label: '× plain' },
  async run(context) {
    const entry = { match: '/*', serverList: context.servers, loadBalance: 'Round-Robin' }
    const rich = {
      ...entry,
      stickyCookie: 'server',
      healthCheck: '/small',
      healthInterval: 1,
      trustProxy: '127.0.0.0/8',
      setRequestHeader: { 'X-Request-Source': 'bench' },
      removeRequestHeader: 'X-Internal',
      setResponseHeader: { 'X-Content-Type-Options': 'nosniff' },
      removeResponseHeader: 'Server',
    }
    const cookie = await stickyCookie(context, { entries: [rich] })
    const headers = [`Cookie: ${cookie}`, 'X-Forwarded-For: 192.0.2.7', 'X-Internal: 1']
    const variants = [
      variant(context, 'plain', 'plain', { entries: [entry] }, '/small', { headers }),
      variant(context, 'all on', 'plain', { entries: [rich] }, '/small', { headers, observed: true }),
    ]
    return measureLoad(variants, context.plan, context.note)
  },
}

/** The cookie that clients of this configuration have, from the second request on. */
async function stickyCookie(context, config) {
  const running = await product(context).start({ servers: context.servers, config })
  try {
    const { 'set-cookie': cookies = [] } = await askOnce(running.port, { path: '/small', length: smallBody.length })
    return cookies.map((cookie) => cookie.split(';')[0]).join('; ')
  } finally {
    await running.child.stop()
  }
}

function variant(context, name, base, config, path, { headers = [], observed = false } = {}) {
  return {
    name,
    base,
    start: () => product(context).start({ servers: context.servers, config, observed }),
    check: ({ port }) => askOnce(port, { path, length: smallBody.length }),
    drive: async ({ port }, duration) => {
      const load = { connections: 64, duration, headers }
      const result = await wrk(context.programs.wrk, `http://127.0.0.1:${port}${path}`, load)
      return { ...result, count: result.requests }
    },
  }
}

function product({ rivals }) {
  return rivals.find(({ name }) => name === 'pointsman')
}
