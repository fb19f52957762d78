/** How a proxy stands, as data: see `control.ts`. */

import type { Clock } from '../clock.js'
import type { Member } from '../pool/member.js'
import type { Upstream } from '../transports/transport.js'
import type { PoolSnapshot, ProcessSnapshot, ServerSnapshot, Snapshot } from './control.js'
import type { Forwarder } from './forwarder.js'
import type { Route } from './route.js'

/** Looks at everything. */
export function takeSnapshot(routes: readonly Route[], forwarder: Forwarder, clock: Clock): Snapshot {
  return {
    pools: routes.map((route) => poolSnapshot(route, clock)),
    active: forwarder.size,
    ...forwarder.stats,
    processes: [processSnapshot(clock)],
  }
}

function poolSnapshot({ name, pool, counts }: Route, clock: Clock): PoolSnapshot {
  const { health } = pool
  return {
    name,
    balancer: pool.loadBalance.name,
    health:
      health.healthCheck === undefined
        ? null
        : {
            path: health.healthCheck,
            interval: health.healthInterval,
            timeout: health.healthTimeout,
            fails: health.healthFails,
            passes: health.healthPasses,
            status: health.healthStatus.text,
          },
    queued: pool.queue.size,
    requests: [...counts.requests],
    retries: counts.retries,
    duration: counts.duration.snapshot(),
    servers: pool.members.map((member) => serverSnapshot(member, name, clock)),
  }
}

function serverSnapshot(member: Member<Upstream>, pool: string, clock: Clock): ServerSnapshot {
  const { server, id, slots, backup, state, reason, since, usage, check } = member
  const { health, address, succeeded, failed, latency } = server
  return {
    id,
    url: id,
    host: address.host,
    port: address.port,
    pool,
    state,
    reason,
    weight: slots.length,
    backup,
    source: member.source ?? null,
    connections: usage.active,
    consecutiveFailures: health.consecutiveFailures,
    offlineUntil: health.state === 'offline' ? clock.wallTime() + health.rest : null,
    lastCheck: check?.last ?? null,
    since,
    success: succeeded,
    failed,
    latency: latency.snapshot(),
  }
}

function processSnapshot(clock: Clock): ProcessSnapshot {
  const { user, system } = process.cpuUsage()
  return {
    pid: process.pid,
    started: clock.wallTime() - process.uptime() * 1000,
    memory: process.memoryUsage.rss(),
    cpu: (user + system) / 1e6,
  }
}
