/** WebSockets: what a message costs, and what a pair of connections that does nothing holds. */

import { withinFileLimit } from '../harness/limits.mjs'
import { measureLoad } from '../harness/load.mjs'
import { written } from '../report/columns.mjs'
import { startClient, startServer } from './case.mjs'
import { heldMemory } from './memory.mjs'

const connections = 64

/** @type {import('./case.mjs').Case} */
export const messagesCase = {
  name: 'messages',
  title: 'WebSocket messages',
  about: () =>
    `${connections} clients, each of which sends 128 bytes, waits for the echo, and sends the next. A message is counted once for its way there and back.`,
  columns: ['messageCost', 'messages', 'p50', 'p99', 'memory'],
  ratio: { column: 'messageCost', label: '× http-proxy' },
  async run({ rivals, plan, note }) {
    const echo = await startServer('upstreams/echo.mjs')
    try {
      const able = rivals.filter(({ webSocket }) => webSocket)
      const base = able.some(({ name }) => name === 'http-proxy') ? { base: 'http-proxy' } : {}
      const variants = able.map((rival) => ({
        name: rival.name,
        ...base,
        start: () => rival.start({ servers: [echo.address] }),
        drive: ({ port }, duration, meter) => converse(port, duration, meter),
      }))
      const rows = await measureLoad(variants, plan, note)
      return rows.map((row) => {
        const { cost, throughput, ...others } = row.values
        return { ...row, values: { messageCost: cost, messages: throughput, ...others } }
      })
    } finally {
      await echo.child.stop()
    }
  },
}

async function converse(port, duration, meter) {
  const client = startClient('clients/websocket.mjs', [port, connections, duration])
  try {
    await client.message('ready')
    meter.start()
    client.send({ go: true })
    const result = await client.message('result')
    meter.stop()
    return result
  } finally {
    await client.stop()
  }
}

/** @type {import('./case.mjs').Case} */
export const webSocketsCase = {
  name: 'websockets',
  title: 'Idle WebSockets',
  about: ({ webSockets }) =>
    `What ${written(webSockets, 0)} pairs that say nothing add to the resident memory, per pair. Node has collected its garbage before both looks.`,
  columns: ['pairMemory', 'memory'],
  ratio: { column: 'pairMemory', label: '× http-proxy' },
  async run({ rivals, plan, note }) {
    const count = withinFileLimit(plan.webSockets, 2, note)
    const echo = await startServer('upstreams/echo.mjs')
    try {
      const able = rivals.filter(({ webSocket }) => webSocket)
      const memory = /** @type {const} */ ({ what: 'websocket', count, column: 'pairMemory', rounds: plan.rounds })
      return await heldMemory(able, { servers: [echo.address] }, memory, note)
    } finally {
      await echo.child.stop()
    }
  },
}
