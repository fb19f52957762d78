import { balancerNames } from '#lib/balancers/registry.js'
import { messageOf } from '#lib/config/section.js'
import { nearest } from '#lib/config/suggest.js'
import { duration } from '#lib/config/types.js'
import {
  type Change,
  type ChangedServer,
  ChangeError,
  type ChangeResult,
  type CheckSnapshot,
  type Control,
  type HealthSettings,
  type PoolSnapshot,
  type RegistrySnapshot,
  type ServerSnapshot,
  type Snapshot,
  type StateChange,
} from '#lib/forward/control.js'
import { parseServer, type ServerAddress } from '#lib/pool/address.js'
import { Durations } from '#lib/pool/durations.js'
import type { ServerState } from '#lib/pool/server.js'

/** A server of a {@link MemoryControl}, which a test may set as it likes. */
export class MemoryServer {
  readonly id: string
  readonly address: ServerAddress
  state: ServerState = 'up'
  reason = ''
  since: number | null = null
  weight: number
  backup: boolean
  connections = 0
  consecutiveFailures = 0
  offlineUntil: number | null = null
  lastCheck: CheckSnapshot | null = null
  /** What has told of it; null: it was named. */
  source: string | null = null
  health: HealthSettings | undefined
  success = 0
  failed = 0
  readonly latency = new Durations()

  constructor(url: string, weight?: number, backup = false) {
    const spec = parseServer(url)
    this.address = spec.address
    this.id = spec.address.id
    this.weight = weight ?? spec.weight
    this.backup = backup
  }
}

/** A pool of a {@link MemoryControl}. */
export class MemoryPool {
  balancer = 'Round-Robin'
  health: PoolSnapshot['health'] = null
  queued = 0
  readonly requests = [0, 0, 0, 0, 0, 0]
  retries = 0
  readonly duration = new Durations()
  servers: MemoryServer[]
  /** As the configuration has it. */
  readonly written: { balancer: string; health: PoolSnapshot['health'] } = { balancer: 'Round-Robin', health: null }

  constructor(urls: readonly string[]) {
    this.servers = urls.map((url) => new MemoryServer(url))
  }
}

/** A control without a proxy: pools that are lists, changes that change them, and refusals like those of a proxy. */
export class MemoryControl implements Control {
  readonly pools = new Map<string, MemoryPool>()
  readonly #watchers = new Set<(change: StateChange) => void>()
  ready = true
  active = 0
  client = { success: 0, failed: 0 }
  server = { success: 0, failed: 0 }
  processes = [{ pid: 4711, started: Date.UTC(2024, 0, 1), memory: 50_000_000, cpu: 1.5 }]
  /** The configuration in force. */
  text = '[PROXY_ENTRY web]\nMatch /*\nServerList 10.0.0.1:80 10.0.0.2:80\n\n[MANAGEMENT]\nListen 127.0.0.1:8687\n'
  /** What the next reloads end with. */
  reloadError: Error | undefined
  /** How the registry stands, where there is one. */
  registry: RegistrySnapshot | undefined
  /** What the next changes end with. */
  changeError: Error | undefined
  /** What the next snapshots end with. */
  snapshotError: Error | undefined
  /** Changes that took effect. */
  readonly applied: Change[] = []
  reloads = 0
  snapshots = 0

  constructor(pools: Readonly<Record<string, readonly string[]>> = { web: ['10.0.0.1:80', '10.0.0.2:80'] }) {
    for (const [name, urls] of Object.entries(pools)) this.pools.set(name, new MemoryPool(urls))
  }

  /** How many watch. */
  get watchers(): number {
    return this.#watchers.size
  }

  /** A server of a pool, by its address in whatever spelling; the test is at fault when there is none. */
  at(pool: string, url: string): MemoryServer {
    const { id } = parseServer(url).address
    const found = this.pools.get(pool)?.servers.find((server) => server.id === id)
    if (found === undefined) throw new Error(`the test has no server ${id} in ${pool}`)
    return found
  }

  /** A request that ended. */
  record(pool: string, url: string, status: number, milliseconds: number): void {
    const server = this.at(pool, url)
    const { requests, duration } = this.pools.get(pool)!
    requests[Math.floor(status / 100)]!++
    duration.observe(milliseconds)
    server.latency.observe(milliseconds)
    const outcome = status >= 500 || status === 0 ? 'failed' : 'success'
    server[outcome]++
    this.client[outcome]++
    this.server[outcome]++
  }

  setState(pool: string, url: string, to: ServerState, reason: string, at = Date.UTC(2024, 0, 1)): void {
    const server = this.at(pool, url)
    const from = server.state
    Object.assign(server, { state: to, reason, since: at })
    for (const watcher of this.#watchers) watcher({ pool, server: server.id, from, to, reason })
  }

  async snapshot(): Promise<Snapshot> {
    this.snapshots++
    if (this.snapshotError !== undefined) throw this.snapshotError
    const { active, client, server, processes } = this
    const pools = [...this.pools].map(([name, pool]) => snapshotOf(name, pool))
    // As another process would get it: nothing in it changes afterwards.
    const registry = this.registry === undefined ? {} : { registry: this.registry }
    return structuredClone({ pools, active, client, server, processes, ...registry })
  }

  async change(change: Change): Promise<ChangeResult> {
    if (this.changeError !== undefined) throw this.changeError
    const result = this.#change(change)
    this.applied.push(change)
    return result
  }

  async reload(): Promise<void> {
    if (this.reloadError !== undefined) throw this.reloadError
    this.reloads++
  }

  configuration(): string {
    return this.text
  }

  watch(listener: (change: StateChange) => void): () => void {
    this.#watchers.add(listener)
    return () => this.#watchers.delete(listener)
  }

  #change(change: Change): ChangeResult {
    switch (change.kind) {
      case 'add':
        return this.#add(change)
      case 'remove': {
        const found = this.#find(change.pool, change.server)
        for (const [name, gone] of found) {
          const pool = this.pools.get(name)!
          pool.servers = pool.servers.filter((server) => server !== gone)
        }
        return result(found)
      }
      case 'server':
        return this.#changeServer(change)
      case 'pool':
        return this.#changePool(change)
      case 'source':
        return this.#tell(change)
    }
  }

  /** Servers that were named take what is said of them, and are as before when nothing is said any more. */
  #tell({ pool: wanted, source, servers }: Extract<Change, { kind: 'source' }>): ChangeResult {
    for (const [name, pool] of this.pools) {
      if (wanted !== undefined && wanted !== name) continue
      const told = new Map(servers.map((found) => [parseServer(found.url).address.id, found]))
      pool.servers = pool.servers.filter((server) => server.source !== source || told.has(server.id))
      for (const [id, found] of told) {
        let server = pool.servers.find((each) => each.id === id)
        if (server === undefined) {
          server = new MemoryServer(found.url)
          server.source = source
          pool.servers.push(server)
        }
        Object.assign(server, { state: found.state ?? 'up', health: found.health })
        if (found.weight !== undefined) server.weight = found.weight
        if (found.backup !== undefined) server.backup = found.backup
      }
    }
    return { changed: true, servers: [] }
  }

  #add({ pool: wanted, url, weight, backup, health }: Extract<Change, { kind: 'add' }>): ChangeResult {
    if (wanted === undefined && this.pools.size !== 1) throw new ChangeError('invalid', 'the pool has to be named')
    const name = wanted ?? [...this.pools.keys()][0]!
    const pool = this.#pool(name)
    checkWeight(weight)
    checkHealth(health)
    const server = attempt(() => new MemoryServer(url, weight, backup))
    server.health = health
    const known = pool.servers.find(({ id }) => id === server.id)
    if (known === undefined) pool.servers.push(server)
    return { changed: known === undefined, servers: [{ pool: name, server: server.id }] }
  }

  #changeServer(change: Extract<Change, { kind: 'server' }>): ChangeResult {
    const found = this.#find(change.pool, change.server)
    checkWeight(change.weight)
    checkHealth(change.health)
    for (const [pool, server] of found) {
      if (change.weight !== undefined) server.weight = change.weight
      if (change.health !== undefined) server.health = change.health
      if (change.state !== undefined) this.setState(pool, server.id, change.state, 'by request')
    }
    return result(found)
  }

  #changePool({ pool: name, loadBalance, health, reset }: Extract<Change, { kind: 'pool' }>): ChangeResult {
    const pool = this.#pool(name)
    checkHealth(health)
    if (reset) Object.assign(pool, pool.written)
    if (loadBalance !== undefined) {
      if (!balancerNames().includes(loadBalance)) {
        throw new ChangeError(
          'invalid',
          `unknown balancer "${loadBalance}"; did you mean "${nearest(loadBalance, balancerNames())}"?`,
        )
      }
      pool.balancer = loadBalance
    }
    if (health !== undefined) pool.health = healthOf(pool.health, health)
    return { changed: true, servers: [] }
  }

  #pool(name: string): MemoryPool {
    const pool = this.pools.get(name)
    if (pool === undefined) throw new ChangeError('not-found', `unknown pool "${name}"`)
    return pool
  }

  #find(pool: string | undefined, url: string): [pool: string, server: MemoryServer][] {
    const { id } = attempt(() => parseServer(url)).address
    const pools = pool === undefined ? [...this.pools] : [[pool, this.#pool(pool)] as const]
    const found = pools.flatMap(([name, { servers }]) =>
      servers.filter((server) => server.id === id).map((server): [string, MemoryServer] => [name, server]),
    )
    if (found.length === 0) throw new ChangeError('not-found', `no pool has the server ${id}`)
    return found
  }
}

function result(found: readonly [pool: string, server: MemoryServer][]): ChangeResult {
  const servers: ChangedServer[] = found.map(([pool, { id }]) => ({ pool, server: id }))
  return { changed: true, servers }
}

function snapshotOf(name: string, pool: MemoryPool): PoolSnapshot {
  const { balancer, health, queued, requests, retries, duration, servers } = pool
  const listed = servers.map((server) => serverSnapshot(name, server))
  return { name, balancer, health, queued, requests, retries, duration: duration.snapshot(), servers: listed }
}

function serverSnapshot(pool: string, server: MemoryServer): ServerSnapshot {
  const { address, latency, health: _, ...rest } = server
  return { ...rest, url: address.id, host: address.host, port: address.port, pool, latency: latency.snapshot() }
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new ChangeError('invalid', messageOf(error))
  }
}

function checkWeight(weight: number | undefined): void {
  if (weight !== undefined && (weight < 1 || weight > 1000)) throw new ChangeError('invalid', `bad weight ${weight}`)
}

function checkHealth(health: HealthSettings | undefined): void {
  for (const name of ['interval', 'timeout'] as const) {
    const value = health?.[name]
    if (value !== undefined) attempt(() => duration('positive').accept(value))
  }
}

function healthOf(
  before: PoolSnapshot['health'],
  { path, interval, timeout, ...rest }: HealthSettings,
): PoolSnapshot['health'] {
  if (path === false) return null
  const milliseconds = (value: number | string | undefined, otherwise: number): number =>
    value === undefined ? otherwise : duration().accept(value) * 1000
  return {
    path: path ?? before?.path ?? '/',
    interval: milliseconds(interval, before?.interval ?? 5_000),
    timeout: milliseconds(timeout, before?.timeout ?? 2_000),
    fails: Number(rest.fails ?? before?.fails ?? 3),
    passes: Number(rest.passes ?? before?.passes ?? 2),
    status: rest.status === undefined ? (before?.status ?? '200-299') : [rest.status].flat().join(' '),
  }
}
