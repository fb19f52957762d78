/** The command line with all that one needs to run it in production, against itself without. */

import { writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child, listening } from '../harness/children.mjs'
import { askOnce, measureLoad } from '../harness/load.mjs'
import { freePort } from '../harness/ports.mjs'
import { smallBody } from '../harness/upstream.mjs'
import { wrk } from '../harness/wrk.mjs'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const path = '/small'

/** @type {import('./case.mjs').Case} */
export const managedCase = {
  name: 'managed',
  title: 'Management on',
  about: () =>
    'Small GET, 64 connections, to `pointsman start`; with active checks of each server once a second, an access log to a file, the management API with `/metrics` asked for each second and one listener to `/events`, instead of none of these.',
  columns: /** @type {const} */ (['cost', 'throughput', 'p50', 'p99', 'memory']),
  ratio: { column: 'cost', label: '× plain' },
  async run(context) {
    const plain = variant(context, 'plain', () => '')
    const all = variant(
      context,
      'all on',
      (management) => `
HealthCheck ${path}
HealthInterval 1
[MANAGEMENT]
Listen 127.0.0.1:${management}
[LOG]
AccessLog ${join(context.temp, 'access.log')}`,
    )
    return measureLoad([plain, all], context.plan, context.note)
  },
}

/** @param {(management: number) => string} more further settings of the only entry, and further sections */
function variant({ servers, programs, temp }, name, more) {
  return {
    name,
    base: 'plain',
    async start() {
      const [port, management] = [await freePort(), await freePort()]
      const file = join(temp, `managed-${port}.conf`)
      const sections = `[LISTEN]\nAddress 127.0.0.1:${port}\n[PROXY_ENTRY web]\nMatch /*\nServerList ${servers.join(' ')}`
      writeFileSync(file, `${sections}\n${more(management)}\n`)
      const child = new Child(process.execPath, [program, 'start', '-c', file])
      await listening(child, port)
      return { child, port, management: more(management) === '' ? undefined : management }
    },
    check: ({ port }) => askOnce(port, { path, length: smallBody.length }),
    async drive({ port, management }, duration) {
      const watching = management === undefined ? () => {} : watch(management)
      try {
        const result = await wrk(programs.wrk, `http://127.0.0.1:${port}${path}`, { connections: 64, duration })
        return { ...result, count: result.requests }
      } finally {
        watching()
      }
    },
  }
}

/** What a monitoring system and an open dashboard do; returns how to end it. */
function watch(port) {
  const at = (/** @type {string} */ path) =>
    get({ port, host: '127.0.0.1', path }, (res) => res.resume()).on('error', () => {})
  const events = at('/events')
  const scrapes = setInterval(() => at('/metrics'), 1000)
  return () => {
    clearInterval(scrapes)
    events.destroy()
  }
}
