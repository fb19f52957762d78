/** What happened between two snapshots. */

import type { PoolSnapshot, ServerSnapshot, Snapshot } from '../forward/control.js'
import { addDurations, type DurationCounts, noDurations, subtractDurations } from '../pool/durations.js'
import { iso, latencyView, outcome, round } from './views.js'

/** A snapshot, with the monotonic time in milliseconds at which it was taken. */
export interface Look {
  readonly snapshot: Snapshot
  readonly at: number
}

/** What an interval saw of a pool. */
interface Traffic {
  readonly requests: number
  readonly errors: number
  readonly durations: DurationCounts
}

/**
 * The stats line of the event streams. `before`: the look at which the interval began; without it, all rates are 0.
 * `wallTime`: of now.
 */
export function statsLine(now: Look, before: Look | undefined, wallTime: number): object {
  const { snapshot } = now
  const from = before ?? now
  const seconds = (now.at - from.at) / 1000
  const earlier = new Map(from.snapshot.pools.map((pool) => [pool.name, pool]))
  const pools = snapshot.pools.map((pool) => poolLine(pool, earlier.get(pool.name), seconds))
  return {
    at: iso(wallTime),
    interval: round(seconds),
    active: snapshot.active,
    client: outcome(snapshot.client),
    server: outcome(snapshot.server),
    ...rates(pools.map(({ traffic }) => traffic).reduce(add, noTraffic()), seconds),
    processes: snapshot.processes.map(({ pid, started, memory, cpu }) => ({ pid, started: iso(started), memory, cpu })),
    pools: pools.map(({ line }) => line),
  }
}

/** A pool or server that is new is taken as it stands: a server may bring counts from another pool, which were no traffic now. */
function poolLine(pool: PoolSnapshot, before = pool, seconds: number): { traffic: Traffic; line: object } {
  const traffic = trafficOf(pool, before)
  const earlier = new Map(before.servers.map((server) => [server.id, server]))
  const { name, balancer, queued, servers } = pool
  const line = {
    name,
    balancer,
    queued,
    ...rates(traffic, seconds),
    servers: servers.map((server) => serverLine(server, earlier.get(server.id), seconds)),
  }
  return { traffic, line }
}

function serverLine(server: ServerSnapshot, before = server, seconds: number): object {
  const { id, connections, success, failed, latency } = server
  const failures = grown(failed, before.failed)
  return {
    id,
    connections,
    requestsPerSecond: perSecond(grown(success, before.success) + failures, seconds),
    failuresPerSecond: perSecond(failures, seconds),
    latency: latencyView(durationsSince(latency, before.latency)),
  }
}

function trafficOf(pool: PoolSnapshot, before: PoolSnapshot): Traffic {
  const ended = pool.requests.map((count, digit) => grown(count, before.requests[digit]))
  return {
    requests: ended.reduce((sum, count) => sum + count, 0),
    errors: (ended[0] ?? 0) + (ended[5] ?? 0),
    durations: durationsSince(pool.duration, before.duration),
  }
}

function noTraffic(): Traffic {
  return { requests: 0, errors: 0, durations: noDurations() }
}

function add(a: Traffic, b: Traffic): Traffic {
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    durations: addDurations(a.durations, b.durations),
  }
}

function rates({ requests, errors, durations }: Traffic, seconds: number): object {
  return {
    requestsPerSecond: perSecond(requests, seconds),
    errorsPerSecond: perSecond(errors, seconds),
    latency: latencyView(durations),
  }
}

function perSecond(count: number, seconds: number): number {
  return seconds > 0 ? round(count / seconds) : 0
}

/** A process that died has taken its counts with it: a sum that shrank says nothing about the interval. */
function grown(now: number, before = 0): number {
  return Math.max(0, now - before)
}

function durationsSince(now: DurationCounts, before: DurationCounts): DurationCounts {
  const since = subtractDurations(now, before)
  return since.count >= 0 && since.buckets.every((count) => count >= 0) ? since : noDurations()
}
