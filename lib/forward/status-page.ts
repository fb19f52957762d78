/** The page at `StatisticsURL`: every entry, its servers, and how they stand. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Member } from '../pool/member.js'
import type { Upstream } from '../transports/transport.js'
import type { ServerSnapshot, Snapshot } from './control.js'
import type { Route } from './route.js'

/** One server of an entry, for those who look at it. */
export interface ServerStatus {
  readonly url: string
  readonly state: string
  /** Why it is in its state; empty when nothing ever happened. */
  readonly reason: string
  readonly weight: number
  readonly backup: boolean
  /** Requests under way, of all pools that have the server. */
  readonly connections: number
  readonly consecutiveFailures: number
  readonly succeeded: number
  readonly failed: number
}

/** The servers of an entry. */
export interface PoolStatus {
  readonly name: string
  readonly balancer: string
  readonly servers: readonly ServerStatus[]
}

export function poolStatus({ name, pool }: Route): PoolStatus {
  return { name, balancer: pool.loadBalance.name, servers: pool.members.map(serverStatus) }
}

function serverStatus({ server, id, slots, backup, state, reason }: Member<Upstream>): ServerStatus {
  return {
    url: id,
    state,
    reason,
    weight: slots.length,
    backup,
    connections: server.active,
    consecutiveFailures: server.health.consecutiveFailures,
    succeeded: server.succeeded,
    failed: server.failed,
  }
}

/** The same from a snapshot, which may be that of several processes. */
export function statusOf({ pools }: Snapshot): PoolStatus[] {
  const all = pools.flatMap(({ servers }) => servers)
  const connections = new Map<string, number>()
  for (const server of all) connections.set(server.id, (connections.get(server.id) ?? 0) + server.connections)
  return pools.map(({ name, balancer, servers }) => ({
    name,
    balancer,
    servers: servers.map((server) => statusOfServer(server, connections.get(server.id) ?? 0)),
  }))
}

function statusOfServer(server: ServerSnapshot, connections: number): ServerStatus {
  const { id, state, reason, weight, backup, consecutiveFailures, success, failed } = server
  return { url: id, state, reason, weight, backup, connections, consecutiveFailures, succeeded: success, failed }
}

/** Sends what `statistics` resolves with, and where it rejects `own`, with a line that says so. Never rejects. */
export async function sendStatusPageOnceKnown(
  req: IncomingMessage,
  res: ServerResponse,
  statistics: () => Promise<readonly PoolStatus[]>,
  own: () => readonly PoolStatus[],
): Promise<void> {
  let pools: readonly PoolStatus[] | undefined
  try {
    pools = await statistics()
  } catch {
    // Said on the page.
  }
  // The client has gone meanwhile.
  if (res.destroyed) return
  if (pools !== undefined) sendStatusPage(req, res, pools)
  else sendStatusPage(req, res, own(), `Counts of process ${process.pid} alone: those of all could not be had in time.`)
}

/** JSON where the client asks for it, HTML otherwise. `note`: what is to be known of the counts. */
export function sendStatusPage(
  req: IncomingMessage,
  res: ServerResponse,
  pools: readonly PoolStatus[],
  note?: string,
): void {
  const json = String(req.headers.accept ?? '').includes('application/json')
  const body = json ? `${JSON.stringify({ note, pools }, null, 2)}\n` : page(pools, note)
  res.statusCode = req.method === 'GET' || req.method === 'HEAD' ? 200 : 405
  res.setHeader('Content-Type', json ? 'application/json' : 'text/html; charset=utf-8')
  res.setHeader('Cache-Control', 'no-store')
  if (res.statusCode === 405) res.setHeader('Allow', 'GET, HEAD')
  res.end(req.method === 'HEAD' ? undefined : body)
}

const columns: readonly [title: string, value: (server: ServerStatus) => string][] = [
  ['Server', ({ url, backup }) => `${url}${backup ? ' (backup)' : ''}`],
  ['State', ({ state }) => state],
  ['Reason', ({ reason }) => reason],
  ['Weight', ({ weight }) => String(weight)],
  ['Under way', ({ connections }) => String(connections)],
  ['Answered', ({ succeeded }) => String(succeeded)],
  ['Failed', ({ failed }) => String(failed)],
  ['Failures in a row', ({ consecutiveFailures }) => String(consecutiveFailures)],
]

function page(pools: readonly PoolStatus[], note: string | undefined): string {
  const heads = columns.map(([title]) => `<th scope="col">${title}</th>`).join('')
  const tables = pools.map(({ name, balancer, servers }) => {
    const rows = servers.map((server) => {
      const cells = columns.map(([, value]) => `<td>${escapeHtml(value(server))}</td>`).join('')
      return `<tr class="${server.state}">${cells}</tr>`
    })
    const caption = `<caption>${escapeHtml(name)} · ${escapeHtml(balancer)}</caption>`
    return `<table>${caption}<thead><tr>${heads}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`
  })
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Proxy status</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
table { border-collapse: collapse; margin: 1rem 0; width: 100% }
caption { font-weight: bold; text-align: left }
th, td { border-bottom: 1px solid #8888; padding: .25rem .5rem; text-align: left }
tr.offline td, tr.down td { color: #c33 }
tr.draining td, tr.disabled td { opacity: .6 }
</style>
<h1>Proxy status</h1>
${note === undefined ? '' : `<p role="status">${escapeHtml(note)}</p>\n`}${tables.join('\n')}
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
