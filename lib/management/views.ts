/** What a snapshot looks like to those who ask: times as ISO text, durations of settings in seconds, links. */

import type { PoolSnapshot, ServerSnapshot, Snapshot } from '../forward/control.js'
import { type DurationCounts, percentile } from '../pool/durations.js'

/** Percentiles in milliseconds. */
export interface LatencyView {
  readonly p50: number | null
  readonly p90: number | null
  readonly p99: number | null
}

/** `GET /servers`, for some of the servers. */
export function serverList(snapshot: Snapshot, wanted: readonly ServerSnapshot[] = serversOf(snapshot)): object {
  return { servers: wanted.map((server) => serverView(snapshot, server)) }
}

/** The servers of all pools. */
export function serversOf({ pools }: Snapshot): ServerSnapshot[] {
  return pools.flatMap(({ servers }) => servers)
}

export function serverView(snapshot: Snapshot, server: ServerSnapshot): object {
  const { id, url, pool, state, reason, since, weight, backup, source, connections } = server
  const { consecutiveFailures, offlineUntil, lastCheck } = server
  return {
    id,
    url,
    pool,
    state,
    reason,
    since: iso(since),
    weight,
    backup,
    source,
    connections,
    consecutiveFailures,
    offlineUntil: iso(offlineUntil),
    lastCheck: lastCheck && { ...lastCheck, at: iso(lastCheck.at), duration: round(lastCheck.duration) },
    links: { self: serverLink(snapshot, server) },
  }
}

/** Path of a server. Its id stands in it only where host and port alone would not tell which one is meant. */
export function serverLink(snapshot: Snapshot, server: ServerSnapshot): string {
  const path = serverPath(server).map(encodeURIComponent).join('/')
  const pool = snapshot.pools.find(({ name }) => name === server.pool)
  const twins = pool?.servers.filter(({ host, port }) => host === server.host && port === server.port) ?? []
  const isTold = server.port === 0 || twins.length < 2
  return `/servers/${path}?pool=${encodeURIComponent(server.pool)}${isTold ? '' : `&id=${encodeURIComponent(server.id)}`}`
}

/** The two segments that name a server: host and port, or what its address begins with and the rest: `unix` and a path, `worker` and its names. */
export function serverPath({ id, host, port }: ServerSnapshot): [string, string] {
  if (port !== 0) return [host, String(port)]
  const colon = id.indexOf(':')
  return [id.slice(0, colon), id.slice(colon + 1)]
}

/** `GET /pools`, for one pool. */
export function poolView(pool: PoolSnapshot): object {
  const { name, balancer, health, queued, requests, retries, duration, servers } = pool
  const [none = 0, ...classes] = requests
  const byClass = Object.fromEntries([1, 2, 3, 4, 5].map((digit) => [`${digit}xx`, classes[digit - 1] ?? 0]))
  return {
    name,
    balancer,
    health: health && { ...health, interval: health.interval / 1000, timeout: health.timeout / 1000 },
    queued,
    requests: { ...byClass, none },
    retries,
    latency: { ...latencyView(duration), mean: mean(duration) },
    servers: servers.map(({ id }) => id),
    links: { self: `/pools/${encodeURIComponent(name)}` },
  }
}

/** `GET /stats`. */
export function statsView({ client, server }: Snapshot): object {
  return { client: outcome(client), server: outcome(server) }
}

/** `GET /stats/detail`. */
export function detailView(snapshot: Snapshot): object[] {
  return serversOf(snapshot).map(({ id, host, port, pool, state, success, failed, connections, latency }) => ({
    id,
    ip: host,
    port,
    pool,
    state,
    success,
    failed,
    connections,
    latency: { ...latencyView(latency), mean: mean(latency) },
  }))
}

/** Percentiles of durations. */
export function latencyView(counts: DurationCounts): LatencyView {
  const at = (share: number): number | null => round(percentile(counts, share))
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}

function mean({ count, sum }: DurationCounts): number | null {
  return count === 0 ? null : round(sum / count)
}

/** Counts without whatever else their object may carry. */
export function outcome({ success, failed }: { success: number; failed: number }): object {
  return { success, failed }
}

/** A time as text. */
export function iso(milliseconds: number): string
export function iso(milliseconds: number | null): string | null
export function iso(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString()
}

/** To hundredths: what lies beyond them is noise. */
export function round(value: number): number
export function round(value: number | null): number | null
export function round(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100
}
