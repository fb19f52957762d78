/** What many servers cost a proxy that sends them nothing: memory, kept connections, active checks. */

import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { withinFileLimit } from '../harness/limits.mjs'
import { median } from '../harness/statistics.mjs'
import { startManyUpstreams } from '../harness/upstream.mjs'
import { cpuTime, processTree, residentMemory } from '../harness/usage.mjs'
import { written } from '../report/columns.mjs'

const few = 3
/** Seconds over which the checks are counted. */
const checked = 10

/** @type {import('./case.mjs').Case} */
export const fleetCase = {
  name: 'fleet',
  title: 'Many servers, nothing to do',
  about: ({ fleet }) =>
    `What each of ${written(fleet, 0)} servers in one entry adds to the resident memory; what a kept connection to each of them adds to that; and the CPU time of an active check, a GET over a connection of its own, with one check of each server every ${interval} s. Node has collected its garbage before each look.`,
  columns: ['serverMemory', 'keptMemory', 'checkCost', 'memory'],
  async run(context) {
    const { plan, programs, temp, note } = context
    const count = withinFileLimit(plan.fleet, 1, note)
    const { child, addresses } = await startManyUpstreams(programs.nginx, temp, count)
    try {
      const looks = []
      for (let round = 0; round < Math.min(plan.rounds, 3); round++) {
        looks.push({ ...(await held(context, addresses, note)), checkCost: await checkCost(context, addresses) })
      }
      const value = (name) => median(looks.map((look) => look[name]))
      const names = ['serverMemory', 'keptMemory', 'checkCost', 'memory']
      return [{ name: 'pointsman', values: Object.fromEntries(names.map((name) => [name, value(name)])) }]
    } finally {
      await child.stop()
    }
  },
}

/** Seconds from one check of a server to the next. */
const interval = 5

async function held(context, addresses, note) {
  const before = await memoryOf(context, addresses.slice(0, few), () => Promise.resolve())
  const idle = await memoryOf(context, addresses, () => Promise.resolve())
  const kept = await memoryOf(context, addresses, async (port, { child, servers }) => {
    // In turn, so each server gets one, and its connection is kept.
    for (let at = 0; at < servers.length; at++) await get(port)
    const open = connectionsOf(child)
    if (open < servers.length) note(`only ${open} of ${servers.length} connections were kept`)
  })
  const [each, connection] = [(idle - before) / (addresses.length - few), (kept - idle) / addresses.length]
  return { serverMemory: each / 1024, keptMemory: connection / 1024, memory: kept / 2 ** 20 }
}

async function memoryOf(context, servers, prepare) {
  const entries = [{ match: '/*', serverList: servers, loadBalance: 'Round-Robin', keepAliveTimeout: 600 }]
  const { child, port } = await start(context, entries, { collectable: true })
  try {
    // What is made at the first requests is there in each of them.
    for (let i = 0; i < few; i++) await get(port)
    await prepare(port, { child, servers })
    await sleep(500)
    child.send({ collect: true })
    await child.message('collected')
    await sleep(200)
    return residentMemory(processTree(child.pid))
  } finally {
    await child.stop()
  }
}

async function checkCost(context, servers) {
  const entry = { match: '/*', serverList: servers }
  const plain = await idleCost(context, [entry])
  const all = await idleCost(context, [{ ...entry, healthCheck: '/small', healthInterval: interval }])
  return (all - plain) / ((checked / interval) * servers.length)
}

/** CPU time in microseconds of a proxy that nobody asks. */
async function idleCost(context, entries) {
  const { child } = await start(context, entries, {})
  try {
    // The first checks come at once.
    await sleep(interval * 1000)
    const pids = processTree(child.pid)
    const from = cpuTime(pids)
    await sleep(checked * 1000)
    return cpuTime(pids) - from
  } finally {
    await child.stop()
  }
}

/** Open files of the proxy that are sockets; a few more than its connections. */
function connectionsOf({ pid }) {
  return readdirSync(`/proc/${pid}/fd`).length
}

function start({ rivals, servers }, entries, options) {
  const product = rivals.find(({ name }) => name === 'pointsman')
  return product.start({ servers, config: { entries } }, options)
}

function get(port) {
  return new Promise((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', path: '/small', agent: false }, (res) => {
      res.resume().once('end', resolve).once('error', reject)
    })
    req.once('error', reject).end()
  })
}
