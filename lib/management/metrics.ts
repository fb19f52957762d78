/**
 * What Prometheus asks for. Nothing is counted here: each scrape takes one snapshot of the proxy, and puts it into a
 * registry that lives as long as the scrape. So requests cost nothing more, two scrapes at once do not disturb each
 * other, and what has left the proxy has left the output.
 */

import { Registry } from 'prom-client'
import type { Control, PoolSnapshot, ServerSnapshot, Snapshot } from '../forward/control.js'
import type { ServerState } from '../pool/server.js'
import { type Labels, MetricFamily } from './metric-family.js'

/** The answer to a scrape. */
export interface MetricsPage {
  readonly contentType: string
  readonly body: string
}

const states: readonly ServerState[] = ['up', 'offline', 'down', 'draining', 'disabled']

/** Labels of `PoolSnapshot.requests`, by its index. */
const codes: readonly string[] = ['none', '1xx', '2xx', '3xx', '4xx', '5xx']

/**
 * Returns how to take the metrics of a proxy: in the text format of Prometheus, each name beginning with `pointsman_`,
 * times in seconds. `version`: that of the program. What is returned rejects when `control.snapshot()` does.
 */
export function createMetrics(control: Control, version: string): () => Promise<MetricsPage> {
  return async () => {
    const snapshot = await control.snapshot()
    const registry = new Registry()
    const families = new Families(registry)
    wholeMetrics(families, snapshot, version)
    poolMetrics(families, snapshot.pools)
    serverMetrics(
      families,
      snapshot.pools.flatMap(({ servers }) => servers),
    )
    processMetrics(families, snapshot)
    return { contentType: registry.contentType, body: await registry.metrics() }
  }
}

/** Makes metrics in a registry. */
class Families {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  gauge(name: string, help: string): MetricFamily {
    return new MetricFamily(this.#registry, 'gauge', name, help)
  }

  counter(name: string, help: string): MetricFamily {
    return new MetricFamily(this.#registry, 'counter', name, help)
  }

  histogram(name: string, help: string): MetricFamily {
    return new MetricFamily(this.#registry, 'histogram', name, help)
  }
}

function wholeMetrics(families: Families, { active, registry }: Snapshot, version: string): void {
  families.gauge('build_info', 'The version that runs; always 1.').add({ version }, 1)
  families.gauge('requests_active', 'Requests under way.').add({}, active)
  if (registry === undefined) return
  families
    .gauge('registry_connected', '1 while the registry is connected, 0 if not.')
    .add({}, registry.connected ? 1 : 0)
}

function poolMetrics(families: Families, pools: readonly PoolSnapshot[]): void {
  const requests = families.counter(
    'requests_total',
    'Requests that ended, by the class of the status that the client got.',
  )
  const duration = families.histogram(
    'request_duration_seconds',
    'From the head of the request to the end of the answer.',
  )
  const retries = families.counter('retries_total', 'Tries that failed and were followed by another.')
  const queued = families.gauge('pool_queued', 'Requests that wait for a server.')
  for (const pool of pools) {
    const labels = { pool: pool.name }
    for (const [index, code] of codes.entries()) requests.add(labels, pool.requests[index] ?? 0, { code })
    duration.addDurations(labels, pool.duration)
    retries.add(labels, pool.retries)
    queued.add(labels, pool.queued)
  }
}

/** A server with the labels that all of its samples have. */
interface Labelled {
  readonly server: ServerSnapshot
  readonly labels: Labels
}

function serverMetrics(families: Families, servers: readonly ServerSnapshot[]): void {
  const requests = families.counter(
    'server_requests_total',
    'Tries at a server. A server of several pools shows the sum over them in each.',
  )
  const latency = families.histogram('server_latency_seconds', 'From the request sent to the head of the answer.')
  const connections = families.gauge('server_connections', 'Requests under way at a server.')
  const weight = families.gauge('server_weight', 'Weight of a server.')
  const state = families.gauge('server_state', '1 for the state that a server is in, 0 for the others.')
  const up = families.gauge('server_up', '1 for a server that is up, 0 in any other state.')
  const labelled = servers.map((server): Labelled => ({ server, labels: { pool: server.pool, server: server.id } }))
  for (const { server, labels } of labelled) {
    requests.add(labels, server.success, { outcome: 'success' })
    requests.add(labels, server.failed, { outcome: 'failed' })
    latency.addDurations(labels, server.latency)
    connections.add(labels, server.connections)
    weight.add(labels, server.weight)
    for (const each of states) state.add(labels, each === server.state ? 1 : 0, { state: each })
    up.add(labels, server.state === 'up' ? 1 : 0)
  }
  checkMetrics(families, labelled)
}

/** Only of servers that were checked: a gauge of 0 would say that the check fails. */
function checkMetrics(families: Families, servers: readonly Labelled[]): void {
  const success = families.gauge('check_success', '1 if the last active check passed, 0 if not.')
  const duration = families.gauge('check_duration_seconds', 'How long the last active check took.')
  for (const { server, labels } of servers) {
    if (server.lastCheck === null) continue
    success.add(labels, server.lastCheck.passed ? 1 : 0)
    duration.add(labels, server.lastCheck.duration / 1000)
  }
}

function processMetrics(families: Families, { processes }: Snapshot): void {
  const memory = families.gauge('process_resident_memory_bytes', 'Resident memory of a process that serves.')
  const cpu = families.counter('process_cpu_seconds_total', 'User and system time of a process that serves.')
  const start = families.gauge('process_start_time_seconds', 'When a process began, in seconds since 1970.')
  for (const each of processes) {
    const labels = { pid: each.pid }
    memory.add(labels, each.memory)
    cpu.add(labels, each.cpu)
    start.add(labels, each.started / 1000)
  }
}
