import { findBalancer } from '#lib/balancers/registry.js'
import { ActiveHealth } from '#lib/pool/active-health.js'
import type { Lease } from '#lib/pool/lease.js'
import type { PoolOptions } from '#lib/pool/options.js'
import { Pool, type PoolRequest } from '#lib/pool/pool.js'
import { ServerDirectory, type ServerStateChange } from '#lib/pool/server.js'
import { parseListed } from '#lib/pool/source.js'
import { ManualClock } from './clock.js'
import { scriptedRandom, seededRandom } from './random.js'

/** Pools without a network: what carries a request is the server's address. */
export class PoolBench {
  readonly clock = new ManualClock()
  readonly changes: ServerStateChange[] = []
  readonly directory = new ServerDirectory(this.clock, (change) => this.changes.push(change))

  /** Checks under way, by the host that they ask; each waits for its result. */
  readonly asked = new Map<string, (passed: boolean, result: string) => void>()
  readonly checks = new ActiveHealth({
    clock: this.clock,
    random: scriptedRandom(0.5),
    asks: () => true,
  })

  /** Servers that cannot be sent to. */
  readonly #unready = new Set<string>()
  /** Requests that servers take at once, of those that say so. */
  readonly #limits = new Map<string, number>()
  /** Who is told when one of both changes. */
  readonly #readiness = new Set<{ readonly id: string; readonly changed: () => void }>()

  /** How many watch whether servers can be sent to. */
  get watched(): number {
    return this.#readiness.size
  }

  setReady(id: string, ready: boolean): void {
    if (ready) this.#unready.delete(id)
    else this.#unready.add(id)
    this.#turned(id)
  }

  setLimit(id: string, limit: number): void {
    this.#limits.set(id, limit)
    this.#turned(id)
  }

  #turned(id: string): void {
    for (const watcher of this.#readiness) if (watcher.id === id) watcher.changed()
  }

  pool(servers: string, options: Partial<PoolOptions> = {}, backups = ''): Pool<string> {
    const specs = (list: string) => list.split(' ').filter(Boolean).map(parseListed)
    return new Pool<string>({
      name: 'test',
      directory: this.directory,
      clock: this.clock,
      random: seededRandom(1),
      checks: this.checks,
      onChange: (change) => this.changes.push(change),
      carriers: {
        take: (address) => address.id,
        giveBack: () => {},
        key: () => '',
        probe: (_, { host }) => {
          return (_options, done) => {
            this.asked.set(host, done)
            return () => this.asked.delete(host)
          }
        },
        ready: (id) => !this.#unready.has(id),
        limit: (id) => this.#limits.get(id) ?? Number.POSITIVE_INFINITY,
        watch: (id, changed) => {
          const watcher = { id, changed }
          this.#readiness.add(watcher)
          return () => this.#readiness.delete(watcher)
        },
      },
      options: {
        serverList: specs(servers),
        backupList: specs(backups),
        loadBalance: { name: 'Round-Robin', factory: findBalancer('Round-Robin')! },
        hashKey: { kind: 'source' },
        stickyCookie: undefined,
        highAvailability: true,
        offlineTimeOut: 60_000,
        attemptsCount: 2,
        failOpen: true,
        failStatus: undefined,
        maxConnections: 0,
        queueLength: 2,
        queueTimeout: 5000,
        slowStart: 0,
        healthCheck: undefined,
        healthInterval: 30_000,
        healthTimeout: 5000,
        healthFails: 3,
        healthPasses: 2,
        healthStatus: { test: (status) => status >= 200 && status < 300, text: '200-299' },
        ...options,
      },
    })
  }
}

/** A request that says as little as possible. */
export function poolRequest(parts: Partial<PoolRequest> = {}): PoolRequest {
  return {
    attempt: 0,
    slots: 0,
    failedOpen: false,
    connectionNumber: () => 0,
    clientAddress: () => '192.0.2.1',
    hashKey: () => '',
    stickyToken: () => undefined,
    ...parts,
  }
}

/** Takes a server, and fails the test when there is none. */
export function take(pool: Pool<string>, request: PoolRequest = poolRequest()): Lease<string> {
  const lease = pool.lease(request, new Set())
  if (typeof lease === 'string') throw new Error(`no server: ${lease}`)
  return lease
}

/** A request from pick to end; gives the host it went to. */
export function ask(pool: Pool<string>, outcome: 'succeeded' | 'failed', request?: PoolRequest): string {
  const lease = take(pool, request)
  if (outcome === 'succeeded') lease.succeeded()
  else lease.failed('it was told to fail')
  lease.release()
  return lease.member.server.address.host
}
