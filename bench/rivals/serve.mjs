/** What every proxy of a run has in common: where it gets its settings from, and how it listens. */

import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'

/**
 * @typedef {object} Settings
 * @property {number} port where it listens
 * @property {readonly string[]} servers `host:port`; who has only one takes the first
 * @property {boolean} [keepIdle] clients may be idle for long
 * @property {object} [config] of Pointsman, in place of one entry with `servers`
 * @property {number} [workersPort] Pointsman: workers dial in there
 * @property {boolean} [observed] Pointsman: somebody listens to the end of every request
 */

/** @type {Settings} */
export const settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))

/** The only server of those who have no balancer. */
export const target = `http://${settings.servers[0]}`

/** Connections to servers are kept, as many as are needed. */
export const keepAliveAgent = () => new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })

/** @param {import('node:http').Server} server */
export function tune(server) {
  if (settings.keepIdle) server.keepAliveTimeout = 0
}

/** @param {import('node:http').Server} server */
export function listen(server) {
  tune(server)
  server.listen({ port: settings.port, host: '127.0.0.1', backlog: 4096 })
}

/**
 * A failed request of a package that leaves the answer to us.
 *
 * @param {unknown} _error
 * @param {unknown} _req
 * @param {any} res a response, or the socket of an upgrade
 */
export function answerFailure(_error, _req, res) {
  if (typeof res?.writeHead !== 'function') return res?.destroy?.()
  if (!res.headersSent) res.writeHead(502)
  res.end()
}

process.on('message', (message) => {
  if (message === null || typeof message !== 'object' || !('collect' in message)) return
  for (let times = 0; times < 3; times++) globalThis.gc?.()
  process.send?.({ collected: true })
})
process.once('disconnect', () => process.exit())
