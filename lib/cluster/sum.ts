/**
 * What several processes count, as one. What is there and in which admin state, and what the checks have found, is the
 * manager's to say; what has happened is the sum over the processes, those that have ended included.
 */

import type { CheckSnapshot, PoolSnapshot, ServerSnapshot, Snapshot } from '../forward/control.js'
import { addDurations, type DurationCounts, noDurations } from '../pool/durations.js'

/** Snapshots of the processes, summed over what `manager` says is there. */
export function sumSnapshots(manager: Snapshot, processes: readonly Snapshot[]): Snapshot {
  return {
    pools: manager.pools.map((pool) =>
      sumPool(
        pool,
        processes.flatMap(({ pools }) => pools.filter(({ name }) => name === pool.name)),
      ),
    ),
    active: total(processes, ({ active }) => active),
    client: sumCounts(processes.map(({ client }) => client)),
    server: sumCounts(processes.map(({ server }) => server)),
    processes: processes.flatMap((each) => each.processes),
  }
}

/** The same over the life of a cluster: what a process had counted stays counted when it ends. */
export class RunningSum {
  #base: Snapshot | undefined
  #ended: Snapshot[] = []

  /** The last that was known of a process that has ended. */
  end(snapshot: Snapshot): void {
    this.#ended.push(counted(snapshot))
  }

  sum(manager: Snapshot, processes: readonly Snapshot[]): Snapshot {
    if (this.#ended.length > 0) {
      // Over what is there now, so that servers which come and go leave nothing behind.
      this.#base = counted(sumSnapshots(manager, [...this.#before, ...this.#ended]))
      this.#ended = []
    }
    return sumSnapshots(manager, [...this.#before, ...processes])
  }

  get #before(): readonly Snapshot[] {
    return this.#base === undefined ? [] : [this.#base]
  }
}

function sumPool(pool: PoolSnapshot, parts: readonly PoolSnapshot[]): PoolSnapshot {
  const servers = new Map<string, ServerSnapshot[]>()
  for (const part of parts) {
    for (const server of part.servers) {
      const same = servers.get(server.id)
      if (same === undefined) servers.set(server.id, [server])
      else same.push(server)
    }
  }
  return {
    ...pool,
    queued: total(parts, ({ queued }) => queued),
    requests: sumLists(
      pool.requests.length,
      parts.map(({ requests }) => requests),
    ),
    retries: total(parts, ({ retries }) => retries),
    duration: sumDurations(parts.map(({ duration }) => duration)),
    servers: pool.servers.map((server) => sumServer(server, servers.get(server.id) ?? [])),
  }
}

function sumServer(server: ServerSnapshot, parts: readonly ServerSnapshot[]): ServerSnapshot {
  return {
    ...server,
    ...stateOf(server, parts),
    // Of a worker that has dialled in each process has its own.
    lastCheck: server.lastCheck ?? latest(parts.flatMap(({ lastCheck }) => lastCheck ?? [])),
    connections: total(parts, ({ connections }) => connections),
    consecutiveFailures: Math.max(0, ...parts.map(({ consecutiveFailures }) => consecutiveFailures)),
    success: total(parts, ({ success }) => success),
    failed: total(parts, ({ failed }) => failed),
    latency: sumDurations(parts.map(({ latency }) => latency)),
  }
}

function latest(checks: readonly CheckSnapshot[]): CheckSnapshot | null {
  return checks.reduce<CheckSnapshot | null>((last, each) => (last !== null && last.at > each.at ? last : each), null)
}

type Standing = Pick<ServerSnapshot, 'state' | 'reason' | 'offlineUntil' | 'since'>

/** Admin states and checks are the manager's; beside them a server is offline as soon as one process leaves it alone. */
function stateOf(server: ServerSnapshot, parts: readonly ServerSnapshot[]): Standing {
  const { state, reason, since } = server
  if (state !== 'up' && state !== 'offline') return { state, reason, since, offlineUntil: null }
  // Of a worker that has dialled in the checks are those of the processes.
  const down = server.id.startsWith('worker:') ? parts.find((part) => part.state === 'down') : undefined
  if (down !== undefined) return { state: 'down', reason: down.reason, since: down.since, offlineUntil: null }
  const offline = parts.filter((part) => part.state === 'offline')
  if (offline.length > 0) {
    const last = offline.reduce((a, b) => ((b.offlineUntil ?? 0) > (a.offlineUntil ?? 0) ? b : a))
    const begins = offline.flatMap((part) => part.since ?? [])
    return {
      state: 'offline',
      reason: last.reason,
      offlineUntil: last.offlineUntil,
      since: begins.length > 0 ? Math.min(...begins) : null,
    }
  }
  const up = [server, ...parts.filter((part) => part.state === 'up')]
  const latest = up.reduce((a, b) => ((b.since ?? 0) > (a.since ?? 0) ? b : a))
  return { state: 'up', reason: latest.reason, offlineUntil: null, since: latest.since }
}

/** What is left of a snapshot once its process has ended: what it has counted, and nothing of how it stood. */
function counted(snapshot: Snapshot): Snapshot {
  return {
    ...snapshot,
    active: 0,
    processes: [],
    pools: snapshot.pools.map((pool) => ({
      ...pool,
      queued: 0,
      servers: pool.servers.map((server) => ({
        ...server,
        state: 'up' as const,
        reason: '',
        since: null,
        offlineUntil: null,
        connections: 0,
        lastCheck: null,
        consecutiveFailures: 0,
      })),
    })),
  }
}

function total<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0)
}

function sumCounts(counts: readonly { success: number; failed: number }[]): { success: number; failed: number } {
  return { success: total(counts, ({ success }) => success), failed: total(counts, ({ failed }) => failed) }
}

function sumLists(length: number, lists: readonly (readonly number[])[]): number[] {
  const longest = Math.max(length, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, i) => total(lists, (list) => list[i] ?? 0))
}

function sumDurations(all: readonly DurationCounts[]): DurationCounts {
  return all.reduce(addDurations, noDurations())
}
